"""The sample for everybody: made once, made anew where that failed, and given up in the end."""

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ann import annotator
from aws.config import Config
from aws.provision import provision
from aws.resources import World, connect
from tests import builders
from tests.conftest import Clock
from web.routes import sample
from web.sharing import SAMPLE_TRIES, SAMPLE_USER


@pytest.fixture
def world(config: Config, clock: Clock) -> World:
    """A world of its own: there is one sample in each."""
    provision(config)
    made = connect(config, clock)
    annotator.publish_references(made)
    return made


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


def fail(world: World, job_id: str) -> None:
    """Have an annotator try the job in vain."""
    world.jobs.start(job_id, owner=builders.OWNER, lease_s=60)
    world.jobs.fail(job_id, owner=builders.OWNER, error="It crashed.")


def test_the_sample_is_there_for_everybody_and_is_made_once(
    world: World, stranger: FlaskClient
) -> None:
    assert "Look at a sample result" in stranger.get("/").text
    first, second = stranger.get("/sample"), stranger.get("/sample")
    assert first.location == second.location
    assert stranger.get(first.location).status_code == 200
    assert len(list(world.jobs.all_of(SAMPLE_USER))) == 1
    assert world.accounts.get(SAMPLE_USER).is_premium


def test_without_an_annotator_there_is_no_sample(world: World, stranger: FlaskClient) -> None:
    world.files.delete(world.files.references, "rCRS/reference.json")
    assert stranger.get("/sample").status_code == 404
    assert "sample result" not in stranger.get("/").text


def test_a_sample_that_failed_is_tried_again_with_a_backoff_and_then_given_up(
    world: World, stranger: FlaskClient, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    made, pause_s = [], sample.PAUSE_S
    for _ in range(SAMPLE_TRIES):
        made.append(stranger.get("/sample").location.rpartition("/")[2])
        fail(world, made[-1])
        waiting = stranger.get("/sample")
        assert waiting.status_code == 503
        assert stranger.get(f"/annotations/{made[-1]}").status_code == 200
        clock.advance(pause_s + 1)
        pause_s *= sample.GROWTH
    assert len(set(made)) == SAMPLE_TRIES
    with caplog.at_level(logging.ERROR):
        reply = stranger.get("/sample")
    assert (reply.status_code, "Please tell the operators" in reply.text) == (503, True)
    assert 'href="/contact">How to reach' in reply.text
    assert f"the sample has failed {SAMPLE_TRIES} times" in caplog.text


def test_a_visitor_is_told_when_to_come_back(world: World, stranger: FlaskClient) -> None:
    fail(world, stranger.get("/sample").location.rpartition("/")[2])
    reply = stranger.get("/sample")
    assert 0 < int(reply.headers["Retry-After"]) <= sample.PAUSE_S
    assert "please come back" in reply.text
