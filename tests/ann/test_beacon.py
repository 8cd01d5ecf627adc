"""The sign of life of an annotator."""

import threading
from typing import Any

import pytest

from ann import beacon as module
from ann.beacon import LATELY_S, Beacon
from aws.events import Event
from aws.resources import World
from tests.conftest import Clock, Handle

EVENT = Event({"job_id": "00000000-0000-4000-8000-000000000000"})


def written(world: World) -> Any:
    return world.files.read_json(world.files.references, "annotators/host.json")


def test_it_tells_what_was_done_in_the_last_hour(world: World, clock: Clock) -> None:
    beacon = Beacon(world, 3, "host")
    handle = beacon.timing(lambda world, event: None)
    handle(world, EVENT)
    clock.advance(LATELY_S + 1)
    handle(world, EVENT)
    handle(world, EVENT)
    beacon.write()
    found = written(world)
    assert (found["jobs"], found["concurrency"]) == (2, 3)
    assert found["time"] == pytest.approx(clock(), abs=60)
    assert 0 <= found["seconds"] < 60


def test_a_request_that_goes_back_to_the_queue_counts_for_nothing(world: World) -> None:
    beacon = Beacon(world, 1, "host")

    def breaks(world: World, event: Event) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        beacon.timing(breaks)(world, EVENT)
    beacon.write()
    assert written(world)["jobs"] == 0


def test_it_is_there_as_soon_as_the_annotator_is(world: World) -> None:
    with Beacon(world, 1, "host"):
        pass
    assert written(world)["jobs"] == 0


def test_a_store_that_is_silent_holds_up_no_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(module, "STOP_S", 0)
    monkeypatch.setattr(world.files, "write", lambda *_: answer.wait())
    with Beacon(world, 3, "host") as silent:
        pass
    assert silent.thread.is_alive()
    answer.set()
    silent.thread.join()


def test_a_store_that_fails_stops_no_annotator(world: World, local_aws: Handle) -> None:
    local_aws.fail("s3", times=50, code=500)
    try:
        Beacon(world, 1, "host").write()
    finally:
        local_aws.heal()
