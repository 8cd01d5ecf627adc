"""An identity provider on loopback that tells whatever a test wants it to: honest or not."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "a client"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


class FalseGlobus:
    """One server; a test sets `claims`, `header`, `key`, `keys` and the rest before a login."""

    def __init__(self) -> None:
        self.key = KEY
        self.keys = {"k1": self.key}
        self.kid: str | None = "k1"
        self.algorithm = "RS512"
        self.claims: dict[str, Any] = {}
        self.left_out: set[str] = set()
        self.nonce = ""
        self.status = 200
        self.jwks_uri: str | None = None
        self.answers: dict[str, Any] = {}
        """Whole answers, by their path, in the place of the honest ones."""
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.server = ThreadingHTTPServer(("localhost", 0), self._handler())
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def id_token(self) -> str:
        now = int(time.time())
        honest = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "6f1f8f2c-9d1c-4c47-b0c2-0d4b7a3c1a11",
            "iat": now,
            "exp": now + 3600,
            "nonce": self.nonce,
            "name": "Ada Lovelace",
            "email": "ada@example.org",
            "organization": "Analytical Institute",
        }
        told = {k: v for k, v in {**honest, **self.claims}.items() if k not in self.left_out}
        key: Any = self.key
        if self.algorithm == "none":
            key = None
        elif self.algorithm.startswith("HS"):
            key = "a secret that is long enough for HMAC, by the library's own lights: 64 bytes"
        headers = {"kid": self.kid} if self.kid else {}
        return jwt.encode(told, key, algorithm=self.algorithm, headers=headers)

    def answer(self, path: str, form: dict[str, str]) -> Any:
        if path in self.answers:
            return self.answers[path]
        return self.honest(path)

    def honest(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "jwks_uri": self.jwks_uri or f"{self.url}/jwk.json",
                "id_token_signing_alg_values_supported": ["RS512"],
            }
        if path == "/jwk.json":
            return {"keys": [_jwk(kid, key) for kid, key in self.keys.items()]}
        if path == "/v2/oauth2/token":
            return {
                "access_token": "an access token",
                "resource_server": "auth.globus.org",
                "expires_in": 3600,
                "token_type": "Bearer",
                "scope": "openid",
                "id_token": self.id_token(),
                "other_tokens": [],
            }
        return {"active": False}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        false_globus = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply({})

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = parse_qs(self.rfile.read(length).decode())
                self.reply({name: values[0] for name, values in form.items()})

            def reply(self, form: dict[str, str]) -> None:
                secret = self.headers.get("Authorization", "").removeprefix("Basic ")
                false_globus.asked.append((self.path, form, base64.b64decode(secret).decode()))
                body = json.dumps(false_globus.answer(self.path, form)).encode()
                self.send_response(false_globus.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        return Handler


def _jwk(kid: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    told = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": kid, "alg": "RS512", "use": "sig"}
