"""The security log: sign-ins, sign-outs, refusals, changes of role; a line of JSON each."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from aws.log import LineFormatter
from aws.resources import World
from tests import builders
from tests.web.browser import Person, signed_in, visitor

Events = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Events:
    """The events so far."""
    caplog.set_level(logging.INFO)

    def so_far() -> list[dict[str, Any]]:
        lines = [r.getMessage() for r in caplog.records if r.name == "web.audit"]
        return [json.loads(line.removeprefix("security ")) for line in lines]

    return so_far


def test_a_sign_out_tells_who_and_from_where(ada: Person, events: Events) -> None:
    ada.post("/logout", "/profile")
    assert events() == [
        {
            "event": "sign_out",
            "user": ada.user_id,
            "address": "127.0.0.1",
            "method": "POST",
            "path": "/logout",
            "everywhere": False,
        }
    ]


def test_a_try_at_anothers_job_is_told(
    app: Flask, ada: Person, world: World, events: Events
) -> None:
    mallory, job = visitor(app, world), builders.pending(world, ada)
    mallory.get(f"/annotations/{job.job_id}/log")
    (event,) = events()
    assert (event["event"], event["user"], event["job"]) == (
        "refused",
        mallory.user_id,
        job.job_id,
    )
    assert event["path"] == f"/annotations/{job.job_id}/log"


def test_a_forged_upload_is_told(ada: Person, events: Events) -> None:
    ada.get("/annotate/job?bucket=b&key=gas/somebody/else~x.vcf&ticket=forged")
    assert [(e["event"], e["user"]) for e in events()] == [("upload_refused", ada.user_id)]


def test_a_form_without_a_token_tells_who_and_which(ada: Person, events: Events) -> None:
    ada.client.post("/subscribe")
    (event,) = events()
    assert (event["event"], event["user"], event["path"]) == (
        "csrf_refused",
        ada.user_id,
        "/subscribe",
    )


def test_a_change_of_role_and_a_session_that_ended_are_told(
    ada: Person, app: Flask, world: World, events: Events
) -> None:
    ada.post("/subscribe", "/subscribe")
    world.accounts.end_sessions(ada.user_id)
    ada.get("/profile")
    assert [(e["event"], e["user"]) for e in events()] == [
        ("role_change", ada.user_id),
        ("session_ended", ada.user_id),
    ]
    assert events()[0]["role"] == "premium_user"


def test_a_refused_sign_in_is_told(app: Flask, events: Events) -> None:
    app.test_client().get("/authcallback?state=x&code=y")
    (event,) = events()
    assert event["event"] == "sign_in_refused"


def test_nobody_writes_a_line_without_signing_in(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """M2's reproduction: a login that was given up with a line of its own for a reason."""
    caplog.set_level(logging.INFO)
    client = app.test_client()
    client.get("/login")
    with client.session_transaction() as cookie:
        state = cookie["login"]["state"]
    forged = "x\n2026-11-24T00:00:00.000Z ERROR web FORGED"
    client.get("/authcallback", query_string={"state": state, "error": forged})
    client.get("/nope%0a2026-11-24T00:00:00.000Z%20ERROR%20web%20FORGED")
    client.get("/", headers={"Host": "evil.example%0d"})
    lines = [LineFormatter("web").format(record) for record in caplog.records]
    assert lines
    assert not any("\n" in line or "ERROR web FORGED" in line for line in lines)


def test_nothing_secret_is_in_an_event(app: Flask, events: Events, ada: Person) -> None:
    app.test_client().get("/authcallback?state=x&code=the-code")
    ada.client.get("/annotate/job?ticket=the-ticket&bucket=b&key=k")
    other = signed_in(app, app.extensions["gas"].world, ada.user_id)
    other.post("/subscribe", data={"csrf_token": "the-token"})
    for rule in app.url_map.iter_rules():
        if "<token>" in rule.rule and "GET" in (rule.methods or ()):
            path = rule.rule.replace("<token>", "the-link").replace("<int:number>", "1")
            other.get(path, headers={"Host": "another.example"})
    assert "the-" not in json.dumps(events())
    assert "wrong_host" in {event["event"] for event in events()}
