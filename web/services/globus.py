"""Globus Auth: the addresses for signing in and out, and the identity that it vouches for.

https://docs.globus.org/api/auth/developer-guide/
"""

import base64
import hashlib
import hmac
import logging
import secrets as random
import uuid
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from globus_sdk import ConfidentialAppAuthClient, GlobusAPIError, GlobusError

from aws.config import LOOPBACK, Config, ConfigError
from aws.secrets import Secrets
from web.display.plain_text import plain_line
from web.services.id_tokens import (
    GlobusUnavailable,
    LoginRefused,
    SigningKeys,
    json_object,
    origin,
    transport,
)

log = logging.getLogger(__name__)

SCOPES = "openid profile email"


@dataclass(frozen=True)
class Login:
    """One login under way, kept in the cookie of the browser that began it.

    `id` stays there and becomes the session's: one login makes one session.
    """

    id: str
    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Login":
        return cls(*(random.token_urlsafe(32) for _ in range(4)))

    @property
    def challenge(self) -> str:
        """PKCE's S256 (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Identity:
    """A person as Globus knows them; `user_id` is the identity's UUID, which never changes."""

    user_id: str
    name: str
    email: str
    institution: str


class Globus:
    """One client registration at Globus Auth."""

    def __init__(self, client_id: str, secret: str, issuer: str, base_url: str) -> None:
        self.client_id, self.issuer, self.base_url = client_id, issuer, base_url
        self.redirect_uri = f"{base_url}/authcallback"
        self._secret, self._keys = secret, SigningKeys(client_id)

    @classmethod
    def of(cls, config: Config, secrets: Secrets) -> "Globus":
        """Raises ConfigError where the issuer could be anybody."""
        made = cls(
            secrets.globus_client_id,
            secrets.globus_client_secret,
            config.globus.issuer,
            config.gas.base_url,
        )
        here = LOOPBACK | {config.local.host}
        _demand_trustworthy(made.issuer, made.client().base_url or "", made.base_url, here)
        return made

    @property
    def origin(self) -> str:
        return origin(self.client().base_url or "")

    def client(self) -> ConfidentialAppAuthClient:
        """A client for one request: it holds state, and its default retries take 12 s."""
        return ConfidentialAppAuthClient(self.client_id, self._secret, **transport())

    def authorize_url(self, login: Login) -> str:
        """The address for the browser to sign in at."""
        client = self.client()
        client.oauth2_start_flow(self.redirect_uri, SCOPES.split(), state=login.state)
        extra = {
            "nonce": login.nonce,
            "code_challenge": login.challenge,
            "code_challenge_method": "S256",
        }
        return client.oauth2_get_authorize_url(query_params=extra)

    def logout_url(self) -> str:
        """The address for the browser to sign out of Globus too, and then come back here."""
        back = {
            "client_id": self.client_id,
            "redirect_uri": f"{self.base_url}/",
            "redirect_name": "GAS",
        }
        return f"{self.origin}/v2/web/logout?{urlencode(back)}"

    def identify(self, code: str, login: Login) -> Identity:
        """Exchange the code of a callback whose state was checked; the tokens are not kept.

        Raises LoginRefused, or GlobusUnavailable.
        """
        client = self.client()
        try:
            tokens = self._exchange(client, code, login)
            self._revoke(client, tokens)
            claims = self._keys.verified(str(tokens.get("id_token")), self.issuer)
        except GlobusError as error:
            _translate(error)
        if not hmac.compare_digest(str(claims.get("nonce", "")), login.nonce):
            raise LoginRefused("the nonce is another login's")
        return _identity(claims)

    def _exchange(
        self, client: ConfidentialAppAuthClient, code: str, login: Login
    ) -> dict[str, Any]:
        """Globus's answer, read here: the SDK's own class for it breaks where it is odd."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": login.verifier,
        }
        return json_object(client.post("/v2/oauth2/token", data=form, encoding="form"))

    @staticmethod
    def _revoke(client: ConfidentialAppAuthClient, tokens: dict[str, Any]) -> None:
        """Revoke the access tokens: GAS needs the identity only, so nobody shall have a token."""
        others = tokens.get("other_tokens")
        for each in (tokens, *(others if isinstance(others, list) else ())):
            token = each.get("access_token") if isinstance(each, dict) else None
            if not isinstance(token, str):
                continue
            try:
                client.oauth2_revoke_token(token)
            except GlobusError as error:
                log.warning("a token could not be revoked: %s", type(error).__name__)


def _identity(claims: dict[str, Any]) -> Identity:
    try:
        user_id = str(uuid.UUID(str(claims["sub"])))
    except ValueError:
        raise LoginRefused("the subject is no identity of Globus") from None
    email = claims.get("email") or claims.get("preferred_username") or ""
    return Identity(
        user_id=user_id,
        name=_one_line(claims.get("name") or email),
        email=_one_line(email),
        institution=_one_line(
            claims.get("organization") or claims.get("identity_provider_display_name") or ""
        ),
    )


def _one_line(text: object) -> str:
    """Names come from identity providers that GAS knows nothing of."""
    return plain_line(str(text))[:200]


def _translate(error: GlobusError) -> NoReturn:
    """4xx means that the code was bad; all else that Globus is not there."""
    if isinstance(error, GlobusAPIError) and error.http_status < 500:
        raise LoginRefused(f"Globus refused the code ({error.http_status})") from None
    raise GlobusUnavailable(type(error).__name__) from None


def _demand_trustworthy(issuer: str, service: str, base_url: str, here: set[str]) -> None:
    """Plain http, and the stand-in, are for a site of the same machine; and one host is Globus."""
    is_local = urlsplit(issuer).hostname in here
    if urlsplit(issuer).scheme != "https" and not is_local:
        raise ConfigError(f"[globus] issuer {issuer} must be an https address")
    is_served_here = urlsplit(base_url).hostname in here
    if urlsplit(base_url).scheme != "https" and not is_served_here:
        raise ConfigError(f"[gas] base_url {base_url} must be an https address")
    if is_local and not is_served_here:
        raise ConfigError(f"the local Globus at {issuer} must not serve {base_url}")
    if origin(service) != origin(issuer):
        raise ConfigError(
            f"[globus] issuer is {issuer}, but GLOBUS_SDK_SERVICE_URL_AUTH makes it {service}"
        )
