import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aws.config import GlobusSettings as GlobusSettings
from aws.resources import World
from aws.secrets import Secrets
from tests.conftest import PATIENCE_S
from tests.web.false_globus import CLIENT, OTHER_KEY, FalseGlobus
from web.app import create_app
from web.routes.auth import LOGIN_AGE_S
from web.services.globus import Login

SUB = "6f1f8f2c-9d1c-4c47-b0c2-0d4b7a3c1a11"


@pytest.fixture
def globus() -> Iterator[FalseGlobus]:
    made = FalseGlobus()
    yield made
    made.stop()


@pytest.fixture
def app(world: World, globus: FalseGlobus, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", globus.url)
    monkeypatch.setattr("web.services.id_tokens.TIMEOUT_S", PATIENCE_S)
    config = replace(world.config, globus=GlobusSettings(globus.url))
    return create_app(replace(world, config=config), Secrets("a key", CLIENT, "its secret"))


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def begin(browser: FlaskClient, globus: FalseGlobus, path: str = "/login") -> dict[str, str]:
    """Go to the login; what Globus is asked for."""
    asked = parse_qs(urlsplit(browser.get(path).location).query)
    told = {name: values[0] for name, values in asked.items()}
    globus.nonce = told["nonce"]
    return told


def come_back(browser: FlaskClient, asked: dict[str, str], **changes: str) -> TestResponse:
    query = {"code": "a code", "state": asked["state"], **changes}
    return browser.get("/authcallback", query_string=query)


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/profile").status_code == 200


def test_a_login_asks_for_state_nonce_and_pkce(browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert asked["redirect_uri"].endswith("/authcallback")
    assert asked["scope"] == "openid profile email"


def test_an_honest_login_signs_in_and_makes_the_account(
    browser: FlaskClient, globus: FalseGlobus, world: World
) -> None:
    asked = begin(browser, globus, "/login?next=/profile")
    reply = come_back(browser, asked)
    assert (reply.status_code, reply.location) == (302, "/profile")
    assert is_in(browser)
    account = world.accounts.get(SUB)
    assert (account.name, account.email) == ("Ada Lovelace", "ada@example.org")
    assert account.institution == "Analytical Institute"


def test_the_exchange_proves_pkce_and_the_token_is_revoked(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    asked = begin(browser, globus)
    come_back(browser, asked)
    form = next(form for path, form, _ in globus.asked if path == "/v2/oauth2/token")
    made = Login("", "", "", form["code_verifier"])
    assert made.challenge == asked["code_challenge"]
    revoked = [form["token"] for path, form, _ in globus.asked if path.endswith("/revoke")]
    assert revoked == ["an access token"]


def test_the_session_holds_who_it_is_and_nothing_more(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    come_back(browser, begin(browser, globus))
    with browser.session_transaction() as session:
        assert set(session) - {"_permanent"} == {"sub", "id"}


def test_the_cookie_is_closed_to_scripts_and_other_sites(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    cookie = come_back(browser, begin(browser, globus)).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_another_state_is_refused(browser: FlaskClient, globus: FalseGlobus) -> None:
    assert come_back(browser, begin(browser, globus), state="forged").status_code == 400
    assert not is_in(browser)
    assert globus.asked == []


def test_a_callback_that_nobody_began_is_refused(app: Flask, globus: FalseGlobus) -> None:
    assert come_back(app.test_client(), {"state": ""}).status_code == 400


def test_another_browsers_callback_is_refused(app: Flask, globus: FalseGlobus) -> None:
    asked = begin(app.test_client(), globus)
    assert come_back(app.test_client(), asked).status_code == 400


def test_a_replayed_callback_is_refused(browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    come_back(browser, asked)
    assert come_back(browser, asked).status_code == 400


def test_a_state_is_used_up_by_a_bad_callback_too(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    asked = begin(browser, globus)
    come_back(browser, asked, state="forged")
    assert come_back(browser, asked).status_code == 400


DAY_S = 86_400
"""No run of all tests lasts so long, from the collection on."""


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"iss": "https://auth.example.org"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another client"]},
        {"exp": int(time.time()) - 61},
        {"iat": int(time.time()) + DAY_S},
        {"nbf": int(time.time()) + DAY_S},
        {"sub": "../../somebody"},
        {"sub": ""},
    ],
)
def test_a_token_with_a_false_claim_is_refused(
    browser: FlaskClient, globus: FalseGlobus, claims: dict[str, object]
) -> None:
    globus.claims = claims
    assert come_back(browser, begin(browser, globus)).status_code == 400
    assert not is_in(browser)


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "aud", "iss", "nonce"])
def test_a_token_that_lacks_a_claim_is_refused(
    browser: FlaskClient, globus: FalseGlobus, claim: str
) -> None:
    globus.left_out = {claim}
    assert come_back(browser, begin(browser, globus)).status_code == 400


def test_a_clock_half_a_minute_off_is_forgiven(browser: FlaskClient, globus: FalseGlobus) -> None:
    globus.claims = {"exp": int(time.time()) - 30, "iat": int(time.time()) + 30}
    assert come_back(browser, begin(browser, globus)).status_code == 302


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384"])
def test_another_algorithm_is_refused(
    browser: FlaskClient, globus: FalseGlobus, algorithm: str
) -> None:
    globus.algorithm = algorithm
    assert come_back(browser, begin(browser, globus)).status_code == 400


def test_a_token_signed_by_another_key_is_refused(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    globus.key = OTHER_KEY
    assert come_back(browser, begin(browser, globus)).status_code == 400


@pytest.mark.parametrize("kid", [None, "unknown"])
def test_a_token_without_a_known_key_is_refused(
    browser: FlaskClient, globus: FalseGlobus, kid: str | None
) -> None:
    globus.kid = kid
    assert come_back(browser, begin(browser, globus)).status_code == 400


def test_keys_are_picked_by_id_and_fetched_once(app: Flask, globus: FalseGlobus) -> None:
    globus.keys = {"k0": OTHER_KEY, **globus.keys}
    for _ in range(2):
        browser = app.test_client()
        assert come_back(browser, begin(browser, globus)).status_code == 302
    assert globus.paths().count("/jwk.json") == 1


@pytest.mark.parametrize("kid", ["k1", "k2"])
def test_rotated_keys_are_fetched_again_once(app: Flask, globus: FalseGlobus, kid: str) -> None:
    first, second = app.test_client(), app.test_client()
    come_back(first, begin(first, globus))
    globus.key, globus.kid, globus.keys = OTHER_KEY, kid, {kid: OTHER_KEY}
    assert come_back(second, begin(second, globus)).status_code == 302
    assert globus.paths().count("/jwk.json") == 2


def test_keys_on_another_host_are_not_fetched(browser: FlaskClient, globus: FalseGlobus) -> None:
    globus.jwks_uri = "https://keys.example.org/jwk.json"
    assert come_back(browser, begin(browser, globus)).status_code == 400


METADATA, KEYS, TOKEN = "/.well-known/openid-configuration", "/jwk.json", "/v2/oauth2/token"


def test_metadata_of_another_issuer_is_refused(browser: FlaskClient, globus: FalseGlobus) -> None:
    globus.answers[METADATA] = {**globus.honest(METADATA), "issuer": "https://another.example"}
    assert come_back(browser, begin(browser, globus)).status_code == 400


def test_keys_of_other_kinds_are_passed_over(browser: FlaskClient, globus: FalseGlobus) -> None:
    odd = [
        {"kty": "EC", "crv": "P-256", "kid": "e1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "o1", "x": "AA"},
        {"kty": "RSA", "kid": "r1", "n": 7, "e": "AQAB"},
        {"kty": "RSA", "kid": "r2"},
        {"kty": "RSA", "kid": {}},
        {"kid": "k"},
        "a key",
        None,
    ]
    globus.answers[KEYS] = {"keys": odd + globus.honest(KEYS)["keys"]}
    assert come_back(browser, begin(browser, globus)).status_code == 302


@pytest.mark.parametrize("path", [METADATA, KEYS, TOKEN])
@pytest.mark.parametrize("answer", [[], None, "text", 7, {}, {"keys": 7, "other_tokens": "x"}])
def test_an_odd_answer_of_globus_is_no_fault_of_ours(
    browser: FlaskClient, globus: FalseGlobus, path: str, answer: object
) -> None:
    globus.answers[path] = answer
    assert come_back(browser, begin(browser, globus)).status_code in (400, 503)
    assert not is_in(browser)


@pytest.mark.parametrize("others", ["text", 7, None, ["text"], [{}], [{"access_token": 7}]])
def test_odd_other_tokens_are_passed_over(
    browser: FlaskClient, globus: FalseGlobus, others: object
) -> None:
    asked = begin(browser, globus)
    globus.answers[TOKEN] = {**globus.honest(TOKEN), "other_tokens": others}
    assert come_back(browser, asked).status_code == 302


def test_an_old_cookie_makes_no_second_session_of_one_login(
    app: Flask, browser: FlaskClient, globus: FalseGlobus
) -> None:
    asked = begin(browser, globus)
    thief = app.test_client()
    cookie = browser.get_cookie("gas")
    assert cookie
    assert come_back(browser, asked).status_code == 302
    thief.set_cookie("gas", cookie.value)
    assert come_back(thief, asked, code="a fresh code").status_code == 400
    assert not is_in(thief)


def test_a_sign_in_is_told_in_the_security_log(
    browser: FlaskClient, globus: FalseGlobus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "web.audit")
    come_back(browser, begin(browser, globus))
    (line,) = (r.getMessage() for r in caplog.records if r.name == "web.audit")
    event = json.loads(line.removeprefix("security "))
    assert (event["event"], event["user"]) == ("sign_in", SUB)


def test_nobody_signs_in_to_a_closed_account(
    browser: FlaskClient, globus: FalseGlobus, world: World
) -> None:
    come_back(browser, begin(browser, globus))
    world.accounts.close(SUB)
    assert not is_in(browser)
    reply = come_back(browser, begin(browser, globus))
    world.accounts.close(SUB, closed=False)
    assert (reply.status_code, "closed this account" in reply.text) == (403, True)
    assert not is_in(browser)


def test_a_login_has_ten_minutes(app: Flask, browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    site = app.extensions["gas"]
    late = replace(site.world, clock=lambda: site.world.clock() + LOGIN_AGE_S + 1)
    app.extensions["gas"] = replace(site, world=late)
    assert come_back(browser, asked).status_code == 400


@pytest.mark.parametrize("path", ["//[", "http://[", "/\\[", "//[::1", "%00", "http://[x]/"])
def test_no_next_page_is_a_fault(browser: FlaskClient, path: str) -> None:
    assert browser.get("/login", query_string={"next": path}).status_code == 302


def test_names_keep_nothing_that_turns_text_around(
    browser: FlaskClient, globus: FalseGlobus, world: World
) -> None:
    globus.claims = {"name": "\u202eevil\x00\x1b[31m\u2028x", "organization": "a\x85b"}
    come_back(browser, begin(browser, globus))
    account = world.accounts.get(SUB)
    assert (account.name, account.institution) == ("evil [31m x", "a b")


def test_the_secret_goes_to_the_token_endpoint_only(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    come_back(browser, begin(browser, globus))
    knew = {path for path, _, secret in globus.asked if secret}
    assert knew == {"/v2/oauth2/token", "/v2/oauth2/token/revoke"}


def test_a_code_that_globus_refuses_is_a_400(browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    globus.status = 401
    assert come_back(browser, asked).status_code == 400


def test_an_unreachable_globus_is_a_clear_503(browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    globus.stop()
    reply = come_back(browser, asked)
    assert (reply.status_code, "Globus" in reply.text) == (503, True)


def test_giving_up_at_globus_leads_home(browser: FlaskClient, globus: FalseGlobus) -> None:
    asked = begin(browser, globus)
    reply = browser.get(
        "/authcallback", query_string={"error": "access_denied", "state": asked["state"]}
    )
    assert reply.location == "/"


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_login_leads_nowhere_else(browser: FlaskClient, globus: FalseGlobus, path: str) -> None:
    asked = begin(browser, globus, f"/login?next={path}")
    assert come_back(browser, asked).location == "/annotations"


def test_signing_out_ends_our_session_and_globuss(
    browser: FlaskClient, globus: FalseGlobus, app: Flask
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    come_back(browser, begin(browser, globus))
    reply = browser.post("/logout")
    assert reply.location.startswith(f"{globus.url}/v2/web/logout?client_id=a+client")
    assert not is_in(browser)


def test_names_from_the_identity_provider_are_only_text(
    browser: FlaskClient, globus: FalseGlobus
) -> None:
    globus.claims = {"name": "<script>alert(1)</script>\r\nX: y"}
    come_back(browser, begin(browser, globus))
    page = browser.get("/profile").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; X: y" in page


def test_a_session_whose_account_is_gone_signs_in_again(app: Flask) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(sub="00000000-0000-4000-8000-000000000000", id="x")
    assert client.get("/profile").location == "/login?next=/profile"
