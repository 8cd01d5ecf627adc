"""The local Globus's credentials: single-use codes, access tokens, signed identity tokens."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.people import DemoUser

CLIENT_ID = os.environ.get("GAS_LOCAL_CLIENT_ID", "gas-local")
CLIENT_SECRET = os.environ.get("GAS_LOCAL_CLIENT_SECRET", "gas-local-secret")
"""A published default is no risk: the stand-in lets anybody log in as anybody."""
CODE_S, TOKEN_S = 60, 3600
KEY_BITS = 2048
ALGORITHM = "RS512"


@dataclass(frozen=True)
class Grant:
    """A login that a code stands for until it is exchanged."""

    person: DemoUser
    redirect_uri: str
    nonce: str
    challenge: str
    scope: str
    expires: float


class Provider:
    """Codes, tokens and the signing key of one run."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.time) -> None:
        self.issuer, self.clock = issuer, clock
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.kid = secrets.token_hex(8)
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, tuple[DemoUser, float]] = {}

    def grant(self, person: DemoUser, args: Mapping[str, str]) -> str:
        """A single-use code for the authorization request whose parameters these are."""
        code = secrets.token_urlsafe(24)
        self.grants[code] = Grant(
            person,
            args["redirect_uri"],
            args.get("nonce", ""),
            args.get("code_challenge", ""),
            args.get("scope", ""),
            self.clock() + CODE_S,
        )
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant | None:
        """The code's grant, once; None where anything about it is wrong."""
        grant = self.grants.pop(code, None)
        if grant is None or self.clock() > grant.expires or grant.redirect_uri != redirect_uri:
            return None
        challenge = _challenge(verifier).encode()
        if grant.challenge and not hmac.compare_digest(challenge, grant.challenge.encode()):
            return None
        return grant

    def id_token(self, grant: Grant) -> str:
        """A signed statement of who logged in, for the one client."""
        now = int(self.clock())
        claims = {
            **grant.person.claims(),
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_S,
            "nonce": grant.nonce,
        }
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"kid": self.kid})

    def access_token(self, person: DemoUser) -> str:
        token = secrets.token_urlsafe(32)
        self.tokens[token] = person, self.clock() + TOKEN_S
        return token

    def holder(self, token: str) -> DemoUser | None:
        """The person to whom an access token belongs, until it expires."""
        person, expires = self.tokens.get(token, (None, 0.0))
        return person if self.clock() < expires else None

    def jwks(self) -> dict[str, Any]:
        public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
