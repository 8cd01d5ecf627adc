"""The sweeper: one bad row, and one silent service, delay no other."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from aws import outbox
from aws.machine.stop_request import StopRequest
from aws.resources import World
from aws.rows.job import MAX_FAILED_MOVES, MAX_RETRIES, PendingWork, Status
from aws.storage.vault import RetrievalState
from tests import builders, daemons
from tests.conftest import PATIENCE_S, Clock
from util import sweep

CHORES = {chore.name: chore for chore in sweep.CHORES}
PROGRESS, ROLES = CHORES[PendingWork.PROGRESS], CHORES["roles"]


def test_a_row_that_fails_delays_no_other(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [world.jobs.submit(builders.uploaded(world, builders.user(world))) for _ in range(3)]
    clock.advance(daemons.LATE_S)
    real = world.events.publish

    def publish(topic: str, event: Mapping[str, str]) -> None:
        if event["job_id"] == jobs[0].job_id:
            raise RuntimeError("a bad row")
        real(topic, event)

    monkeypatch.setattr(world.events, "publish", publish)
    assert sweep.do(world, sweep.CHORES[0]) == 1
    outboxes = [world.jobs.get(job.job_id).outbox for job in jobs]
    assert outboxes[0]
    assert outboxes[1:] == [(), ()]


def test_a_row_that_cannot_be_read_delays_no_other(world: World, clock: Clock) -> None:
    """As one of a newer release, after it was taken back."""
    jobs = [world.jobs.submit(builders.uploaded(world, builders.user(world))) for _ in range(3)]
    for job in jobs[:2]:
        row = world.jobs.table.get(job.job_id)
        assert row
        world.jobs.table.swap({**row, "job_status": "OF A NEWER RELEASE", "due_time": 1})
    clock.advance(daemons.LATE_S)
    assert sweep.do(world, sweep.CHORES[0]) == 2
    assert world.jobs.get(jobs[2].job_id).outbox == ()


def test_a_service_that_takes_all_the_time_ends_the_pass_and_the_next_one_begins_elsewhere(
    world: World,
) -> None:
    """Each retry is counted before it is made: those at which the time went come last."""
    slow_s, tried, at = 40, [], [0.0]
    world = replace(world, clock=lambda: at[0])
    keys = [world.jobs.submit(builders.uploaded(world, builders.user(world))).job_id] * 5

    def act(_: World, key: str) -> None:
        tried.append(key)
        at[0] += slow_s

    sweep.do(world, sweep.Chore("slow", lambda _: keys, act))
    assert len(tried) == 2


def test_a_silent_glacier_keeps_no_event_from_going_out(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chore has a thread of its own, as in the daemon."""
    owner = builders.user(world)
    waiting = builders.requested(world, owner)
    job = world.jobs.submit(builders.uploaded(world, builders.user(world)))
    clock.advance(daemons.LATE_S)
    silent, published, stopping = threading.Event(), threading.Event(), StopRequest()

    def describe(*_: object) -> RetrievalState:
        silent.wait()
        return RetrievalState.PENDING

    monkeypatch.setattr(world.vault, "describe", describe)
    real = world.events.publish

    def publish(topic: str, event: Mapping[str, str]) -> None:
        real(topic, event)
        if event.get("job_id") == job.job_id:
            published.set()

    monkeypatch.setattr(world.events, "publish", publish)
    server = threading.Thread(target=sweep.serve, args=(world, stopping))
    server.start()
    try:
        assert published.wait(PATIENCE_S)
    finally:
        silent.set()
        stopping.set()
        server.join()
    assert world.jobs.get(waiting.job_id).retrieval


def test_a_lease_of_a_clock_that_was_ahead_is_bounded_and_the_job_taken_over(
    world: World, clock: Clock
) -> None:
    clock.advance(24 * 3600)
    job = builders.started(world, builders.user(world), worker="dead")
    clock.advance(-24 * 3600)
    sweep.sweep(world)
    clock.advance(world.config.aws.visibility_s + 1)
    sweep.sweep(world)
    daemons.deliver(world, daemons.handlers())
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_a_vanished_archive_is_given_up_and_keeps_no_other_result(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    owner = builders.user(world)
    gone, there = builders.archived(world, owner), builders.archived(world, owner)
    world.vault.delete(gone.archive_id)
    builders.change_role(world, owner.user_id, premium=True)
    for _ in range(2 * MAX_FAILED_MOVES):
        clock.advance(daemons.LATE_S)
        daemons.deliver(world, daemons.handlers())
        sweep.sweep(world)
    assert world.jobs.get(there.job_id).is_hot
    after = world.jobs.get(gone.job_id)
    assert "is gone" in str(after.archive_fault)
    assert f"job {gone.job_id} given up" in caplog.text
    assert [job.job_id for job in world.jobs.given_up()] == [gone.job_id]
    before = after.rev
    sweep.sweep(world)
    assert world.jobs.get(gone.job_id).rev == before


def test_what_is_retried_in_vain_is_given_up_and_told(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = builders.mailed(world, builders.user(world))
    world.jobs.release(job.job_id)

    def fails(*_: object) -> None:
        raise OSError("silent")

    monkeypatch.setattr(world.events, "publish", fails)
    monkeypatch.setattr(world.queues, "send", fails)
    for _ in range(MAX_RETRIES + 2):
        clock.advance(daemons.LATE_S)
        sweep.do(world, sweep.CHORES[0])
    after = world.jobs.get(job.job_id)
    assert after.retries == {PendingWork.COMMIT: MAX_RETRIES}
    assert f"job {job.job_id} given up" in caplog.text


def test_reminders_that_nobody_hears_have_an_end_and_go_on_at_the_operators_word(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """`notify` stands still for days: its queue does not fill with copies of one message."""
    job = world.jobs.submit(builders.uploaded(world, builders.user(world)))
    outbox.flush(world, world.jobs.cancel(job.job_id))
    for _ in range(MAX_RETRIES - 1):
        world.jobs.republish(job.job_id)
    for _ in range(3):
        clock.advance(daemons.LATE_S)
        sweep.do(world, PROGRESS)
    assert world.jobs.get(job.job_id).reminders == MAX_RETRIES
    assert caplog.text.count(f"job {job.job_id} given up: progress") == 1
    assert [one.job_id for one in world.jobs.given_up()] == [job.job_id]
    world.jobs.resume(job.job_id)
    sweep.do(world, PROGRESS)
    assert world.jobs.get(job.job_id).reminders == 1
    daemons.deliver(world, daemons.handlers())
    after = world.jobs.get(job.job_id)
    assert (after.mailed, after.is_given_up) == (True, False)


def test_a_change_of_role_that_nobody_carries_out_is_told_of(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    account = world.accounts.subscribe(builders.user(world).user_id)
    for _ in range(MAX_RETRIES - 1):
        world.accounts.count_reminder(account.user_id)
    for _ in range(3):
        clock.advance(daemons.LATE_S)
        sweep.do(world, ROLES)
    assert [one.user_id for one in world.accounts.given_up()] == [account.user_id]
    assert caplog.text.count(f"user {account.user_id} given up") == 1


def test_a_job_whose_message_was_lost_runs(world: World, clock: Clock) -> None:
    job = world.jobs.submit(builders.uploaded(world, builders.user(world)))
    clock.advance(daemons.LATE_S)
    sweep.sweep(world)
    daemons.deliver(world, daemons.handlers())
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


@pytest.mark.parametrize("name", ["notify", "archive", "restore", "thaw", "sweep"])
def test_help_has_an_example(name: str) -> None:
    argv = [sys.executable, "-m", f"util.{name}", "--help"]
    usage = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert f"./gas {name}" in usage
    assert "example:" in usage
