"""A stand-in for Globus Auth on loopback: the endpoints that a login uses, in Globus's dialect.

https://docs.globus.org/api/auth/reference/
"""

import argparse
import base64
import hashlib
import hmac
import logging
import secrets
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, abort, jsonify, redirect, render_template_string, request
from werkzeug.serving import make_server

from local.people import PEOPLE, Person, find

HOST = "localhost"
CLIENT_ID, CLIENT_SECRET = "gas-local", "gas-local-secret"  # noqa: S105 loopback only
CODE_S, TOKEN_S = 60, 3600
KEY_BITS = 2048
ALGORITHM = "RS512"
LOOPBACK = {"localhost", "127.0.0.1"}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Local Globus</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:17px/1.5 system-ui,sans-serif;background:#f3f5f8;color:#1c2733;margin:0}
main{max-width:26rem;margin:3rem auto;padding:0 1rem}
button{display:block;width:100%;text-align:left;font:inherit;padding:.8rem 1rem;margin:.6rem 0;
background:#fff;color:inherit;border:1px solid #aab4c0;border-radius:.5rem;cursor:pointer}
button:hover,button:focus-visible{border-color:#1f5fa8;outline:3px solid #bcd5f2}
small{display:block;color:#4a5766}
</style></head><body><main><h1>Log in as</h1>
<p>This stands in for Globus on this machine. Nobody's password is needed.</p>
<form method="post" action="">
{% for person in people %}<button name="identity" value="{{ person.key }}">{{ person.name }}
<small>{{ person.email }}{% if person.institution %}, {{ person.institution }}{% endif %}</small>
</button>{% endfor %}</form></main></body></html>"""


@dataclass(frozen=True)
class Grant:
    """What a code stands for until it is exchanged."""

    person: Person
    redirect_uri: str
    nonce: str
    challenge: str
    scope: str
    expires: float


class Provider:
    """Codes, tokens and the signing key of one run."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.kid = secrets.token_hex(8)
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, Person] = {}

    def grant(self, person: Person) -> str:
        """A single-use code for the authorization request at hand."""
        asked = request.args
        code = secrets.token_urlsafe(24)
        self.grants[code] = Grant(
            person,
            asked["redirect_uri"],
            asked.get("nonce", ""),
            asked.get("code_challenge", ""),
            asked.get("scope", ""),
            time.time() + CODE_S,
        )
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant | None:
        """The code's grant, once; None where anything about it is wrong."""
        grant = self.grants.pop(code, None)
        if grant is None or time.time() > grant.expires or grant.redirect_uri != redirect_uri:
            return None
        if grant.challenge and not hmac.compare_digest(_challenge(verifier), grant.challenge):
            return None
        return grant

    def id_token(self, grant: Grant) -> str:
        now = int(time.time())
        claims = {
            **grant.person.claims(),
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_S,
            "nonce": grant.nonce,
        }
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"kid": self.kid})

    def access_token(self, person: Person) -> str:
        token = secrets.token_urlsafe(32)
        self.tokens[token] = person
        return token

    def jwks(self) -> dict[str, Any]:
        public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}


def create_app(issuer: str) -> Flask:
    """The stand-in's WSGI app."""
    app = Flask(__name__)
    provider = Provider(issuer)
    app.extensions["provider"] = provider

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return _configuration(issuer)

    @app.get("/jwk.json")
    def jwks() -> dict[str, Any]:
        return provider.jwks()

    @app.route("/v2/oauth2/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        return _authorize(provider)

    @app.post("/v2/oauth2/token")
    def token() -> Any:
        return _token(provider)

    @app.get("/v2/oauth2/userinfo")
    def userinfo() -> Any:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        person = provider.tokens.get(bearer)
        return person.claims() if person else _refused("invalid_token", 401)

    @app.post("/v2/oauth2/token/introspect")
    def introspect() -> Any:
        _demand_client()
        person = provider.tokens.get(request.form.get("token", ""))
        return {"active": True, **person.claims()} if person else {"active": False}

    @app.post("/v2/oauth2/token/revoke")
    def revoke() -> Any:
        provider.tokens.pop(request.form.get("token", ""), None)
        return {"active": False}

    @app.get("/v2/web/logout")
    def logout() -> Any:
        back = request.args.get("redirect_uri", "")
        return redirect(back) if _is_loopback(back) else "You are logged out."

    return app


def _authorize(provider: Provider) -> Any:
    asked = request.args
    if asked.get("client_id") != CLIENT_ID or not _is_loopback(asked.get("redirect_uri", "")):
        abort(400, "unknown client or redirect URI")
    if asked.get("response_type") != "code":
        abort(400, "response_type must be code")
    if request.method == "GET":
        return render_template_string(PAGE, people=PEOPLE.values())
    try:
        person = find(request.form.get("identity", ""))
    except KeyError:
        abort(400, "no such person")
    told = {"code": provider.grant(person), "state": asked.get("state", "")}
    return redirect(f"{asked['redirect_uri']}?{urlencode(told)}")


def _token(provider: Provider) -> Any:
    _demand_client()
    form = request.form
    if form.get("grant_type") != "authorization_code":
        return _refused("unsupported_grant_type")
    redirect_uri, verifier = form.get("redirect_uri", ""), form.get("code_verifier", "")
    grant = provider.redeem(form.get("code", ""), redirect_uri, verifier)
    if grant is None:
        return _refused("invalid_grant")
    return jsonify(
        access_token=provider.access_token(grant.person),
        expires_in=TOKEN_S,
        id_token=provider.id_token(grant),
        other_tokens=[],
        resource_server="auth.globus.org",
        scope=grant.scope,
        state=None,
        token_type="Bearer",  # noqa: S106
    )


def _demand_client() -> None:
    told = request.authorization
    if not told or (told.username, told.password) != (CLIENT_ID, CLIENT_SECRET):
        abort(_refused("invalid_client", 401))


def _refused(error: str, status: int = 400) -> Response:
    """An error in Globus's form (OAuth's and, beside it, its own)."""
    told = jsonify(error=error, errors=[{"code": error.upper(), "status": str(status)}])
    told.status_code = status
    return told


def _configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/v2/oauth2/authorize",
        "token_endpoint": f"{issuer}/v2/oauth2/token",
        "userinfo_endpoint": f"{issuer}/v2/oauth2/userinfo",
        "introspection_endpoint": f"{issuer}/v2/oauth2/token/introspect",
        "revocation_endpoint": f"{issuer}/v2/oauth2/token/revoke",
        "jwks_uri": f"{issuer}/jwk.json",
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "subject_types_supported": ["public"],
    }


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


class LocalGlobus:
    """The stand-in on a port of loopback (0: any that is free)."""

    def __init__(self, port: int) -> None:
        self.server = make_server(HOST, port, lambda *_: [], threaded=True)
        self.url = f"http://{HOST}:{self.server.server_port}"
        self.app = create_app(self.url)
        self.server.app = self.app

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m local.globus",
        description=__doc__.splitlines()[0],
        epilog="example: python -m local.globus --port 5002",
    )
    parser.add_argument("--port", type=int, default=5002, help="on loopback, and nowhere else")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    globus = LocalGlobus(asked.port)
    globus.start()
    logging.getLogger(__name__).info("local Globus at %s", globus.url)
    stopping.wait()
    globus.stop()


if __name__ == "__main__":
    main()
