"""Limits on calls: a clear 429 with Retry-After, for a user and for an address."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aws.resources import World
from tests import builders
from tests.web.browser import Person, visitor
from tests.web.conftest import body_of, site
from web.display.formatting import span_words
from web.rate_limits import LIMITS
from web.services.call_counts import CallCounts, CallLimit

MINUTE = CallLimit("max_calls_minute", 60, "requests")
STRANGER = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A site that allows little, by a clock that stands at the beginning of an hour."""
    web = replace(
        world.config.web,
        max_calls_minute=9,
        max_logins_minute=2,
        max_forms_hour=2,
        max_queries_minute=2,
        max_plan_changes_hour=2,
        max_copies_hour=2,
    )
    now = int(world.clock()) // 3600 * 3600 + 0.5
    accounts = type(world.accounts)(world.accounts.table, world.accounts.timeouts, lambda: now)
    config = replace(world.config, web=web)
    narrow = replace(world, config=config, clock=lambda: now, accounts=accounts)
    return site(narrow, monkeypatch)


@pytest.fixture
def person(app: Flask) -> Person:
    return visitor(app, app.extensions["gas"].world)


def is_clear(reply: TestResponse, words: str) -> bool:
    """A 429 that says in words what was too much, and when to come again."""
    wait_s = int(reply.headers["Retry-After"])
    return reply.status_code == 429 and words in reply.text and span_words(wait_s) in reply.text


@pytest.mark.parametrize("path", ["/annotations", "/profile", "/nope"])
def test_a_users_calls_are_limited(person: Person, path: str) -> None:
    codes = {person.get(path).status_code for _ in range(9)}
    assert 429 not in codes
    assert is_clear(person.get(path), "9 requests a minute")
    assert person.get("/healthz").status_code == 200


def test_one_users_calls_take_nothing_from_another(person: Person, app: Flask) -> None:
    other = visitor(app, app.extensions["gas"].world)
    for _ in range(10):
        person.get("/profile")
    assert other.get("/profile").status_code == 200


def test_upload_forms_are_limited_for_pages_and_scripts_together(person: Person) -> None:
    person.get("/annotate")
    person.get("/annotate/form")
    reply = person.get("/annotate/form", headers={"Accept": "application/json"})
    assert (reply.status_code, "2 upload forms an hour" in body_of(reply)["error"]) == (429, True)
    assert reply.headers["Retry-After"] == "3600"
    assert person.post("/annotate/parts", "/profile", name="a", size="1").status_code == 429


def test_queries_of_variants_are_limited(person: Person, world: World) -> None:
    path = f"/annotations/{builders.pending(world, person).job_id}/variants"
    assert [person.get(path).status_code for _ in range(2)] == [409, 409]
    assert is_clear(person.get(path), "2 queries of variants a minute")


def test_changes_of_plan_are_limited(person: Person, world: World) -> None:
    for path in ("/subscribe", "/unsubscribe"):
        assert person.post(path, "/profile").status_code == 303
    assert is_clear(person.post("/subscribe", "/profile"), "2 changes of plan an hour")
    assert world.accounts.get(person.user_id).role_changes == 2


def test_copies_of_ones_data_are_limited(person: Person) -> None:
    assert [person.get("/profile/data").status_code for _ in range(2)] == [200, 200]
    assert is_clear(person.get("/profile/data"), "2 copies of your data an hour")


def logins(client: FlaskClient, address: str) -> list[int]:
    where = {"REMOTE_ADDR": address}
    return [client.get("/login", environ_overrides=where).status_code for _ in range(3)]


def test_sign_ins_are_limited_by_address(app: Flask) -> None:
    client = app.test_client()
    assert logins(client, "192.0.2.7") == [302, 302, 429]
    assert logins(client, "192.0.2.8") == [302, 302, 429]
    assert is_clear(client.get("/login", environ_overrides=STRANGER), "2 sign-ins a minute")


def test_an_address_of_ipv6_counts_with_its_neighbours(app: Flask) -> None:
    client = app.test_client()
    logins(client, "2001:db8::1")
    assert logins(client, "2001:db8::2") == [429, 429, 429]
    assert logins(client, "2001:db8:0:1::1") == [302, 302, 429]


def test_this_machine_has_no_limit_on_sign_ins(app: Flask) -> None:
    assert logins(app.test_client(), "127.0.0.1") == [302, 302, 302]


def test_a_strangers_calls_are_limited(app: Flask) -> None:
    client = app.test_client()
    codes = [client.get("/", environ_overrides=STRANGER).status_code for _ in range(10)]
    assert codes == [200] * 9 + [429]


def test_the_next_span_begins_anew() -> None:
    now = [120.0]
    counts = CallCounts(lambda: now[0])
    assert [counts.wait_s(MINUTE, "ada", 1) for _ in range(2)] == [0, 60]
    assert counts.wait_s(MINUTE, "grace", 1) == 0
    now[0] = 180.5
    assert counts.wait_s(MINUTE, "ada", 1) == 0


def test_too_many_jobs_say_when_to_come_again(app: Flask, person: Person) -> None:
    site = app.extensions["gas"]
    web = replace(site.config.web, max_jobs_hour=1)
    world = replace(site.world, config=replace(site.config, web=web))
    app.extensions["gas"] = replace(site, world=world)
    world.jobs.cancel(builders.pending(world, person).job_id)
    reply = person.get("/annotate")
    assert (reply.status_code, reply.headers["Retry-After"].isdigit()) == (429, True)


def test_every_endpoint_with_a_limit_is_there(app: Flask) -> None:
    assert app.view_functions.keys() >= LIMITS.keys()
