"""Sessions end on the server: at sign-out, unused, after a working day, in all browsers at once."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aws.resources import World
from aws.rows.sessions import MAX_SESSIONS, UsedLogin
from tests import builders
from tests.conftest import Clock
from tests.web.browser import Person, signed_in, visitor
from tests.web.conftest import site
from web import session


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The site by a clock that the test sets."""
    accounts = type(world.accounts)(world.accounts.table, world.accounts.timeouts, clock)
    return site(replace(world, clock=clock, accounts=accounts), monkeypatch)


def copied(client: FlaskClient, app: Flask) -> FlaskClient:
    """A browser with a copy of the cookie."""
    cookie = client.get_cookie("gas")
    thief = app.test_client()
    assert cookie
    thief.set_cookie("gas", cookie.value)
    return thief


def is_in(client: FlaskClient) -> bool:
    return client.get("/profile").status_code == 200


def test_a_copy_of_the_cookie_is_worth_nothing_after_the_sign_out(ada: Person, app: Flask) -> None:
    thief = copied(ada.client, app)
    assert is_in(thief)
    assert ada.post("/logout", "/profile").status_code == 303
    thief = copied(thief, app)
    assert not is_in(thief)
    assert thief.get("/annotate/form").location.startswith("/login")
    assert thief.post("/subscribe").location.startswith("/login")
    assert "Sign out" not in thief.get("/").text


def test_a_sign_out_ends_no_other_browsers_session(ada: Person, app: Flask, world: World) -> None:
    other = signed_in(app, world, ada.user_id)
    ada.post("/logout", "/profile")
    assert is_in(other)


def test_signing_out_everywhere_ends_the_sessions_of_all_browsers(
    ada: Person, app: Flask, world: World
) -> None:
    others = [signed_in(app, world, ada.user_id) for _ in range(2)]
    mallory = visitor(app, world)
    assert ada.get("/profile").text.count("a browser of the tests") == 2
    reply = ada.post("/logout/everywhere", "/profile")
    assert reply.location.endswith("redirect_name=GAS")
    assert not any(map(is_in, [ada.client, *others]))
    assert is_in(mallory.client)


def test_a_session_that_is_not_used_ends(ada: Person, clock: Clock, world: World) -> None:
    idle_s = world.config.web.session_idle_s
    for _ in range(3):
        clock.advance(idle_s - 60)
        assert is_in(ada.client)
    clock.advance(idle_s + 1)
    assert not is_in(ada.client)


def test_a_session_in_use_ends_after_a_working_day(ada: Person, clock: Clock, world: World) -> None:
    web = world.config.web
    uses = web.session_s // (web.session_idle_s // 2)
    for _ in range(uses):
        assert is_in(ada.client)
        clock.advance(web.session_idle_s // 2)
    assert not is_in(ada.client)


def test_a_page_that_polls_keeps_no_session_alive(ada: Person, clock: Clock, world: World) -> None:
    job = builders.pending(world, ada)
    clock.advance(world.config.web.session_idle_s - 60)
    assert ada.get(f"/annotations/{job.job_id}/status").status_code == 200
    clock.advance(120)
    assert not is_in(ada.client)


def test_the_use_of_a_session_is_not_written_at_every_page(ada: Person, world: World) -> None:
    before = world.accounts.get(ada.user_id).rev
    for _ in range(3):
        ada.get("/profile")
    assert world.accounts.get(ada.user_id).rev == before


def test_a_session_that_the_account_knows_nothing_of_is_none(app: Flask, ada: Person) -> None:
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(sub=ada.user_id, id="made up")
    assert not is_in(client)


def test_a_login_makes_one_session_and_the_oldest_make_room(world: World) -> None:
    account = builders.user(world)
    for number in range(MAX_SESSIONS + 1):
        account = world.accounts.begin_session(account.user_id, f"login {number}", "")
    assert [s.id for s in account.sessions] == [f"login {n}" for n in range(1, MAX_SESSIONS + 1)]
    world.accounts.end_sessions(account.user_id, "login 7")
    with pytest.raises(UsedLogin):
        world.accounts.begin_session(account.user_id, "login 7", "")


def test_the_page_of_a_fault_looks_up_no_account(
    ada: Person, app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: str) -> None:
        raise ConnectionError("DynamoDB is away")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(app.extensions["gas"].world.accounts, "get", break_down)
    reply = ada.get("/profile")
    assert (reply.status_code, "broke on our side" in reply.text) == (500, True)


def test_every_endpoint_that_polls_is_there(app: Flask) -> None:
    assert app.view_functions.keys() >= session.POLLS
