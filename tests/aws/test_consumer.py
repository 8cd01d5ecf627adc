"""The consumer: return deletes, a raise comes again, a stop returns what is in flight."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError

from aws import consumer as module
from aws.consumer import Consumer, ReturnToQueue
from aws.events import Event, Heartbeat, Message
from aws.resources import World
from tests import daemons
from tests.conftest import PATIENCE_S

BODY = '{"job_id": "1", "user_id": "u"}'
QUEUE = "job_results"
WAITS = """
import sys, threading
from aws import consumer
from aws.config import load
from aws.resources import connect

def handle(world, event):
    sys.stdout.write("in flight\\n")
    sys.stdout.flush()
    if len(sys.argv) > 1:
        event.heartbeat.released.wait()
        raise consumer.ReturnToQueue("stopped")
    threading.Event().wait()

world = connect(load())
consumer.STOP_S, consumer.RETURN_S = 1, 180
consumer.serve(world, "job_results", handle)
"""


def received(world: World, wait_s: int = 2) -> Message:
    (message,) = world.queues.receive(QUEUE, wait_s, 60)
    return message


def processed(world: World, handle: Callable[[World, Event], None]) -> Message:
    world.queues.send(QUEUE, BODY)
    message = received(world)
    Consumer(world, QUEUE, handle).process(message)
    return message


def depth(world: World) -> tuple[int, int]:
    depth = world.queues.depth(QUEUE)
    return depth.visible, depth.in_flight


def test_a_message_whose_handler_returns_is_gone(world: World) -> None:
    seen: list[str] = []
    processed(world, lambda _, event: seen.append(event.job_id))
    assert seen == ["1"]
    assert depth(world) == (0, 0)


@pytest.mark.parametrize("fault", [ValueError("no"), ReturnToQueue("later")])
def test_a_message_whose_handler_raises_stays(world: World, fault: Exception) -> None:
    def handle(world: World, event: Event) -> None:
        raise fault

    processed(world, handle)
    assert depth(world) == (0, 1)


def test_a_body_that_is_not_a_json_object_stays_for_the_dead_letters(world: World) -> None:
    world.queues.send(QUEUE, "[]")
    Consumer(world, QUEUE, lambda *_: None).process(received(world))
    assert depth(world) == (0, 1)


def test_a_renewal_that_fails_releases_the_heartbeat(world: World) -> None:
    world.queues.send(QUEUE, BODY)
    message = received(world)
    renewed = threading.Event()

    def renewal() -> None:
        renewed.set()
        raise RuntimeError("the lease is another's")

    def handle(world: World, event: Event) -> None:
        event.heartbeat.renew_with(renewal)
        assert event.heartbeat.released.wait(PATIENCE_S)
        assert renewed.is_set()

    consumer = Consumer(world, QUEUE, handle)
    short = {"visibility_s": 1}
    settings = world.config.aws.__class__(**{**vars(world.config.aws), **short})
    object.__setattr__(consumer.world.config, "aws", settings)
    consumer.process(message)
    assert renewed.is_set()


def test_an_outage_shorter_than_the_lease_costs_a_handler_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is long, the renewals are frequent: no pause of the machine outlasts it."""
    monkeypatch.setattr(module, "RENEWALS", 6000)
    monkeypatch.setattr(module, "RETRIES", 6000)
    world.queues.send(QUEUE, BODY)
    message = received(world)
    faults = [EndpointConnectionError(endpoint_url="dynamodb")] * 3
    renewed = threading.Event()

    def renewal() -> None:
        if faults:
            raise faults.pop()
        renewed.set()

    def handle(world: World, event: Event) -> None:
        event.heartbeat.renew_with(renewal)
        assert renewed.wait(PATIENCE_S)
        assert not event.heartbeat.released.is_set()

    patient = replace(
        world, config=replace(world.config, aws=replace(world.config.aws, visibility_s=600))
    )
    Consumer(patient, QUEUE, handle).process(message)
    assert renewed.is_set()
    assert depth(world) == (0, 0)


@pytest.mark.parametrize("options", [["returns"], []], ids=["returns", "does not listen"])
def test_a_stop_returns_the_message_in_flight_at_once(world: World, options: list[str]) -> None:
    env = daemons.environment(world)
    world.queues.send(QUEUE, BODY)
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, *options], env=env, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == "in flight\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENCE_S) == 0
    assert received(world).receives == 2


def test_a_message_that_cannot_be_returned_at_a_stop_keeps_no_other_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[int] = []
    monkeypatch.setattr(module, "RETURN_S", PATIENCE_S)
    monkeypatch.setattr(os, "_exit", ends.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    world.queues.send(QUEUE, BODY)
    consumer = Consumer(world, QUEUE, lambda *_: None)
    unknown = Message(QUEUE, BODY, "no receipt of SQS's", 1)
    consumer.heartbeats = {Heartbeat(): unknown, Heartbeat(): received(world)}
    consumer.stopping.set()
    consumer.serve(0)
    assert depth(world) == (1, 0)
    assert ends == [0]


def test_a_stop_waits_neither_for_a_silent_queue_nor_for_a_silent_auto_scaling(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has the handlers hang may have the last calls hang as well."""
    ends: list[int] = []
    silent = threading.Event()

    def hang(*_: object) -> None:
        silent.wait()

    for name in ("RETURN_S", "LEAVE_S"):
        monkeypatch.setattr(module, name, 0.1)
    monkeypatch.setattr(world.queues, "change_visibility", hang)
    monkeypatch.setattr(os, "_exit", ends.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    stuck = Consumer(world, QUEUE, lambda *_: None, leave=hang)
    stuck.heartbeats = {Heartbeat(): Message(QUEUE, BODY, "", 1) for _ in range(3)}
    stuck.stopping.set()
    stuck.serve(0)
    assert ends == [0]
    silent.set()


def test_an_idle_daemon_stops_on_sigterm(world: World) -> None:
    consumer = Consumer(world, QUEUE, lambda *_: None)
    thread = threading.Thread(target=consumer.serve)
    thread.start()
    world.queues.send(QUEUE, BODY)
    deadline = time.monotonic() + PATIENCE_S
    while depth(world) != (0, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    consumer.stopping.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert depth(world) == (0, 0)


def test_a_message_whose_handling_begins_as_the_stop_comes_is_released_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop has released those that it saw in flight before this one was among them."""
    released: list[bool] = []
    consumer = Consumer(
        world, QUEUE, lambda _, event: released.append(event.heartbeat.released.is_set())
    )

    def begun() -> Heartbeat:
        consumer.stopping.set()
        return Heartbeat()

    monkeypatch.setattr(module, "Heartbeat", begun)
    world.queues.send(QUEUE, BODY)
    consumer.process(received(world))
    assert released == [True]


def test_a_message_that_came_after_the_stop_goes_back_untouched(world: World) -> None:
    world.queues.send(QUEUE, BODY)
    consumer = Consumer(world, QUEUE, lambda *_: pytest.fail("it was handled"))
    consumer.stopping.set()
    consumer.process(received(world))
    assert depth(world) == (1, 0)
