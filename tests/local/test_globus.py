import base64
import hashlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import jwt
import pytest
import requests
from globus_sdk import AuthAPIError, ConfidentialAppAuthClient

from local.globus import LocalGlobus
from local.people import PEOPLE
from local.tokens import CLIENT_ID, CLIENT_SECRET, CODE_S, TOKEN_S
from tests.conftest import PATIENCE_S

BACK = "http://localhost:5000/authcallback"
VERIFIER = "a verifier of some length, as PKCE wants it: 43 characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
SCOPES = ["openid", "email", "profile"]


@pytest.fixture(scope="module")
def globus() -> Iterator[LocalGlobus]:
    made = LocalGlobus(0)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(
    globus: LocalGlobus, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConfidentialAppAuthClient]:
    """globus-sdk itself, sent to the stand-in."""
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", globus.url)
    made = ConfidentialAppAuthClient(CLIENT_ID, CLIENT_SECRET)
    yield made
    made.close()


def authorize_url(client: ConfidentialAppAuthClient, **more: str) -> str:
    client.oauth2_start_flow(BACK, SCOPES, state="the state")
    pkce = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}
    return client.oauth2_get_authorize_url(query_params={**pkce, "nonce": "the nonce", **more})


def choose(url: str, identity: str = "free") -> dict[str, str]:
    """Log in as a person does; return what the site is called back with."""
    response = requests.post(url, {"identity": identity}, allow_redirects=False, timeout=PATIENCE_S)
    assert response.status_code == 302, response.text
    location = urlsplit(response.headers["Location"])
    assert location._replace(query="").geturl() == BACK
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def exchange(
    client: ConfidentialAppAuthClient, code: str, changes: dict[str, str] | None = None
) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    return client.oauth2_token({**form, **(changes or {})})


@pytest.fixture
def code(client: ConfidentialAppAuthClient) -> str:
    return choose(authorize_url(client))["code"]


@pytest.mark.parametrize(
    ("identity", "name", "organization"),
    [
        ("free", "Freya Lind", "University of Example"),
        ("premium", "Priya Raman", "Example Institute"),
        ("newcomer", "Noor Haddad", None),
        ("load-17", "Visitor load-17", "Load Test"),
    ],
)
def test_each_person_logs_in_through_globus_own_sdk(
    globus: LocalGlobus,
    client: ConfidentialAppAuthClient,
    identity: str,
    name: str,
    organization: str | None,
) -> None:
    back = choose(authorize_url(client), identity)
    assert back["state"] == "the state"
    tokens = exchange(client, back["code"])
    claims = tokens.decode_id_token()
    assert (claims["name"], claims.get("organization")) == (name, organization)
    assert claims["email"] == claims["preferred_username"]
    assert (claims["iss"], claims["aud"]) == (globus.url, CLIENT_ID)
    assert claims["nonce"] == "the nonce"
    assert claims["exp"] - claims["iat"] == TOKEN_S
    assert str(UUID(claims["sub"])) == claims["sub"]
    assert tokens.by_resource_server["auth.globus.org"]["access_token"]
    assert tokens["other_tokens"] == []


def test_a_person_is_the_same_the_next_time(client: ConfidentialAppAuthClient) -> None:
    subs = {
        exchange(client, choose(authorize_url(client), "premium")["code"]).decode_id_token()["sub"]
        for _ in range(2)
    }
    assert subs == {PEOPLE["premium"].sub}


def test_the_page_names_three_people(client: ConfidentialAppAuthClient) -> None:
    page = requests.get(authorize_url(client), timeout=PATIENCE_S).text
    for identity in ("free", "premium", "newcomer"):
        assert f'name="identity" value="{identity}"' in page
    assert "premium: large files, results kept" in page
    assert '<html lang="en">' in page
    assert "<script" not in page


def test_the_signature_is_rs512_by_a_named_key(
    globus: LocalGlobus, client: ConfidentialAppAuthClient, code: str
) -> None:
    header = jwt.get_unverified_header(exchange(client, code)["id_token"])
    (key,) = requests.get(f"{globus.url}/jwk.json", timeout=PATIENCE_S).json()["keys"]
    assert (header["alg"], header["kid"]) == ("RS512", key["kid"])


def test_the_configuration_names_its_own_endpoints(globus: LocalGlobus) -> None:
    configuration = requests.get(
        f"{globus.url}/.well-known/openid-configuration", timeout=PATIENCE_S
    ).json()
    assert configuration["issuer"] == globus.url == f"http://localhost:{urlsplit(globus.url).port}"
    endpoints = [
        value for name, value in configuration.items() if name.endswith(("_endpoint", "_uri"))
    ]
    assert len(endpoints) == 6
    assert all(endpoint.startswith(globus.url) for endpoint in endpoints)
    assert configuration["id_token_signing_alg_values_supported"] == ["RS512"]


def test_a_code_is_good_for_one_exchange(client: ConfidentialAppAuthClient, code: str) -> None:
    exchange(client, code)
    with pytest.raises(AuthAPIError) as refusal:
        exchange(client, code)
    assert refusal.value.http_status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": f"{BACK}/"},
        {"code_verifier": "another"},
        {"code_verifier": "é"},
        {"code_verifier": ""},
        {"code": "guessed"},
        {"grant_type": "password"},
    ],
)
def test_a_code_is_refused_with_anything_wrong_about_it(
    client: ConfidentialAppAuthClient, code: str, changes: dict[str, str]
) -> None:
    with pytest.raises(AuthAPIError) as refusal:
        exchange(client, code, changes)
    assert refusal.value.http_status == 400


def test_a_code_is_good_for_a_minute(
    globus: LocalGlobus,
    client: ConfidentialAppAuthClient,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = globus.provider.clock
    monkeypatch.setattr(globus.provider, "clock", lambda: clock() + CODE_S + 1)
    with pytest.raises(AuthAPIError):
        exchange(client, code)


def test_another_secret_is_refused(client: ConfidentialAppAuthClient, code: str) -> None:
    thief = ConfidentialAppAuthClient(CLIENT_ID, "guessed")
    with pytest.raises(AuthAPIError) as refusal:
        exchange(thief, code)
    assert refusal.value.http_status == 401
    thief.close()


def test_a_token_tells_who_it_is_until_it_is_revoked(
    globus: LocalGlobus, client: ConfidentialAppAuthClient, code: str
) -> None:
    token = exchange(client, code)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    claims = requests.get(
        f"{globus.url}/v2/oauth2/userinfo", headers=headers, timeout=PATIENCE_S
    ).json()
    assert claims["name"] == "Freya Lind"
    assert introspect(globus, token)["sub"] == claims["sub"]
    client.oauth2_revoke_token(token)
    refused = requests.get(f"{globus.url}/v2/oauth2/userinfo", headers=headers, timeout=PATIENCE_S)
    assert refused.status_code == 401
    assert introspect(globus, token) == {"active": False}


def introspect(globus: LocalGlobus, token: str) -> dict[str, Any]:
    url, who = f"{globus.url}/v2/oauth2/token/introspect", (CLIENT_ID, CLIENT_SECRET)
    return dict(requests.post(url, {"token": token}, auth=who, timeout=PATIENCE_S).json())


def test_a_token_expires(
    globus: LocalGlobus,
    client: ConfidentialAppAuthClient,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = exchange(client, code)["access_token"]
    clock = globus.provider.clock
    monkeypatch.setattr(globus.provider, "clock", lambda: clock() + TOKEN_S + 1)
    assert introspect(globus, token) == {"active": False}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "https://evil.example/authcallback"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_request_that_globus_would_not_take_is_refused(
    client: ConfidentialAppAuthClient, changes: dict[str, str]
) -> None:
    url = authorize_url(client, **changes)
    assert requests.get(url, timeout=PATIENCE_S).status_code == 400
    assert requests.post(url, {"identity": "free"}, timeout=PATIENCE_S).status_code == 400


def test_nobody_else_can_log_in(client: ConfidentialAppAuthClient) -> None:
    url = authorize_url(client)
    assert requests.post(url, {"identity": "mallory"}, timeout=PATIENCE_S).status_code == 400


def test_logout_leads_back_to_this_machine_only(globus: LocalGlobus) -> None:
    url = f"{globus.url}/v2/web/logout"
    there = requests.get(
        url, {"redirect_uri": "http://localhost:5000/"}, allow_redirects=False, timeout=PATIENCE_S
    )
    assert there.headers["Location"] == "http://localhost:5000/"
    away = requests.get(
        url, {"redirect_uri": "https://evil.example/"}, allow_redirects=False, timeout=PATIENCE_S
    )
    assert away.status_code == 200


def test_it_listens_on_loopback_only(globus: LocalGlobus) -> None:
    assert globus.server.socket.getsockname()[0] == "127.0.0.1"
    assert globus.server.address_family == socket.AF_INET
