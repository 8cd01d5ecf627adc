"""A thousand messages more leave each daemon as it was: memory and descriptors stay flat."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from aws import outbox
from aws.config import load
from aws.processes import PROCESSES
from aws.provision import provision
from aws.resources import World, connect
from aws.rows.job import Job
from local.process import Process
from tests import builders
from tests.conftest import Handle

WARM, MORE = 10, 30
"""Users, each with one job, before the first look and before the second."""
REPEATS = 49
"""Each message comes so many times more: 2,000 messages for each daemon in all."""
PATIENCE_S = 200
BACKLOG = 100
SLACK_MB, SLACK_FDS = 6, 8
"""Python's allocator may keep an arena or two more; the pool of each service a connection more."""
MODULES = {process.queue: process.module for process in PROCESSES if process.queue}
SETTINGS = {"GAS_ARCHIVE_AFTER_S": "0", "GAS_AWS_POLL_S": "1", "GAS_SWEEP_GRACE_S": "0"}


@pytest.fixture
def env(local_aws: Handle) -> dict[str, str]:
    own = {"GAS_GAS_PREFIX": "soak", "GAS_ANNOTATOR_WORKERS": "1", **SETTINGS}
    return {**os.environ, "AWS_ENDPOINT_URL": local_aws.url, **own}


@pytest.fixture
def world(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
    config = load(env=env)
    provision(config)
    return connect(config)


@pytest.fixture
def daemons(env: dict[str, str], world: World, tmp_path: Path) -> Iterator[dict[str, Process]]:
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("w"))
        running = {
            queue: Process(queue, [sys.executable, "-m", MODULES[queue]], env) for queue in MODULES
        }
        for process in running.values():
            process.start(log)
        yield running
        for process in running.values():
            process.signal(15)
        for process in running.values():
            process.reap(time.monotonic() + 30)


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def again(world: World, messages: dict[str, list[dict[str, object]]]) -> None:
    """Each queue's messages, many times more; the local AWS slows down with a long queue."""
    for _ in range(REPEATS):
        for queue, bodies in messages.items():
            send(world, queue, bodies)
        until(lambda: waiting(world) < BACKLOG, "the queues do not move")
    until(lambda: waiting(world) == 0, "the queues do not empty")


def send(world: World, queue: str, bodies: list[dict[str, object]]) -> None:
    entries = [{"Id": str(n), "MessageBody": json.dumps(body)} for n, body in enumerate(bodies)]
    for start in range(0, len(entries), 10):
        world.queues.sqs.send_message_batch(
            QueueUrl=world.queues.url(queue), Entries=entries[start : start + 10]
        )


def waiting(world: World) -> int:
    depths = [world.queues.depth(queue) for queue in MODULES]
    return sum(d.visible + d.in_flight + d.delayed for d in depths)


def lives(world: World, users: int) -> None:
    """So many results through their whole life, and every message of it over and over."""
    accounts = [builders.user(world) for _ in range(users)]
    body = builders.example().read_bytes()
    jobs = [builders.submitted(world, account, body) for account in accounts]

    def now() -> list[Job]:
        return [world.jobs.get(job.job_id) for job in jobs]

    until(lambda: all(job.is_archived and job.mailed for job in now()), "not all are archived")
    keys = [job.results_file_archive_id for job in now()]
    for account in accounts:
        world.accounts.subscribe(account.user_id)
        outbox.announce_role(world, account.user_id)
    until(lambda: all(job.is_hot for job in now()), "not all came back")
    of_jobs: list[dict[str, object]] = [dict(job.event) for job in jobs]
    messages = dict.fromkeys(("job_requests", "job_results", "results_archive"), of_jobs)
    messages["restore"] = [dict(account.event) for account in accounts]
    again(world, {**messages, "thaw": [_notice(key) for key in keys]})


def _notice(key: str | None) -> dict[str, object]:
    s3 = {"s3": {"object": {"key": key}}}
    return {"Records": [{"eventName": "ObjectRestore:Completed", **s3}]}


def size(process: Process) -> tuple[float, int]:
    """Resident megabytes and open descriptors of a daemon and its children."""
    assert process.child
    parent = psutil.Process(process.child.pid)
    family = [parent, *parent.children(recursive=True)]
    return sum(p.memory_info().rss for p in family) / 1e6, sum(p.num_fds() for p in family)


@pytest.mark.slow
def test_two_thousand_messages_leave_each_daemon_as_it_was(
    world: World, daemons: dict[str, Process]
) -> None:
    lives(world, WARM)
    before = {queue: size(process) for queue, process in daemons.items()}
    pids = {queue: process.child.pid for queue, process in daemons.items() if process.child}
    lives(world, MORE)
    for queue, process in daemons.items():
        (mb, fds), (was_mb, was_fds) = size(process), before[queue]
        assert process.is_alive
        assert process.child
        assert process.child.pid == pids[queue]
        assert mb - was_mb < SLACK_MB, f"{MODULES[queue]}: {was_mb:.1f} MB, then {mb:.1f} MB"
        assert fds - was_fds <= SLACK_FDS, f"{MODULES[queue]}: {was_fds} descriptors, then {fds}"
    dead = [world.queues.depth(f"{queue}_dlq").visible for queue in MODULES]
    assert dead == [0] * len(MODULES)
