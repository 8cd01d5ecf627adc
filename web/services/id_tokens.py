"""ID tokens of Globus: fetched keys, and the claims that one of them vouches for.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import contextlib
from typing import Any
from urllib.parse import urlsplit

import jwt
from globus_sdk import AuthLoginClient, GlobusHTTPResponse
from globus_sdk.transport import RequestsTransport, RetryConfig

ALGORITHMS = ["RS512", "RS256"]
LEEWAY_S = 60
TIMEOUT_S = 4
"""Of each of two tries: the page that Globus is waited for answers within 10 s."""
CLAIMS = ["iss", "aud", "exp", "iat", "sub"]
UNSIGNED = (KeyError, jwt.InvalidSignatureError)
"""The key id is unknown, or the key is not the one that signed."""


class LoginRefused(Exception):
    """The answer from Globus does not prove an identity."""


class GlobusUnavailable(Exception):
    """Globus did not answer."""


class SigningKeys:
    """Globus's signing keys by their ids, fetched when a token names one that is not known."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self._known: dict[str, Any] = {}

    def verified(self, token: str, issuer: str) -> dict[str, Any]:
        """The claims of an ID token of `issuer` for this client; keys are fetched again once.

        Raises LoginRefused, or GlobusError where the keys cannot be fetched.
        """
        if self._known:
            with contextlib.suppress(*UNSIGNED):
                return self._decoded(token, issuer)
        self._known = self._fetch(issuer)
        try:
            return self._decoded(token, issuer)
        except UNSIGNED as fault:
            raise LoginRefused(f"no key of Globus signed it: {fault}") from None

    def _decoded(self, token: str, issuer: str) -> dict[str, Any]:
        """Raises KeyError for an unknown key id."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._known[jwt.get_unverified_header(token)["kid"]],
                algorithms=ALGORITHMS,
                audience=self.client_id,
                issuer=issuer,
                leeway=LEEWAY_S,
                options={"require": CLAIMS},
            )
        except jwt.InvalidSignatureError:
            raise
        except jwt.InvalidTokenError as fault:
            raise LoginRefused(str(fault)) from None
        if claims["aud"] not in (self.client_id, [self.client_id]):
            raise LoginRefused("the token is for others too")
        return claims

    def _fetch(self, issuer: str) -> dict[str, Any]:
        """Without our secret, and from Globus's own host only, whatever the metadata names.

        https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
        """
        client = AuthLoginClient(self.client_id, **transport())
        metadata = json_object(client.get("/.well-known/openid-configuration"))
        if metadata.get("issuer") != issuer:
            raise LoginRefused("the metadata is another issuer's")
        address = str(metadata.get("jwks_uri"))
        if origin(address) != origin(client.base_url or ""):
            raise LoginRefused("the keys are on another host")
        return _rsa_keys(json_object(client.get(urlsplit(address).path)))


def json_object(reply: GlobusHTTPResponse) -> dict[str, Any]:
    """The JSON object of a reply. Raises GlobusUnavailable where it is none."""
    if not isinstance(reply.data, dict):
        raise GlobusUnavailable("its answer is no JSON object")
    return reply.data


def _rsa_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The RSA keys of a JWKS (RFC 7517) by their ids; others are no concern of ours."""
    listed, found = document.get("keys"), {}
    for key in listed if isinstance(listed, list) else ():
        if isinstance(key, dict) and key.get("kty") == "RSA" and isinstance(key.get("kid"), str):
            with contextlib.suppress(jwt.PyJWTError, TypeError, ValueError):
                found[key["kid"]] = jwt.PyJWK(key, ALGORITHMS[0]).key
    return found


def transport() -> dict[str, Any]:
    """A client's timeout and retries."""
    return {
        "retry_config": RetryConfig(max_retries=1, max_sleep=1),
        "transport": RequestsTransport(http_timeout=TIMEOUT_S),
    }


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
