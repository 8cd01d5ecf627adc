"""The outbox: what was done is struck out, whatever else fails; garbage stops nothing."""

import itertools
from contextlib import suppress
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from aws import outbox
from aws.consumer import Handler
from aws.events import Event
from aws.limits import DAEMON
from aws.resources import World
from aws.rows.job import Job, Status
from tests import builders, daemons
from tests.conftest import Clock
from tests.proofs.faults import error, outage
from util import archive, notify, restore, sweep

MAILS, ARCHIVE, RESTORE = "job_results", "results_archive", "restore"


def cancelled(world: World) -> Job:
    """A cancelled job with an event to publish, and outputs to delete."""
    job = builders.started(world, builders.user(world))
    builders.result_of(world, job)
    return world.jobs.cancel(job.job_id)


def test_garbage_that_cannot_be_deleted_publishes_nothing_twice(world: World) -> None:
    job = cancelled(world)
    with outage(world, "DeleteObject"):
        for _ in range(3):
            job = outbox.flush(world, world.jobs.get(job.job_id))
    assert job.outbox == ()
    assert job.garbage != ()
    assert world.queues.depth(MAILS).visible == 1
    assert outbox.flush(world, job).garbage == ()


def test_one_piece_of_garbage_that_cannot_be_deleted_keeps_no_other(world: World) -> None:
    job = cancelled(world)
    lost = "s3:no-such-bucket/key"
    world.jobs.table.change(job.job_id, lambda row: {**row, "garbage": [lost, *row["garbage"]]})
    job = outbox.flush(world, world.jobs.get(job.job_id))
    assert [str(stored) for stored in job.garbage] == [lost]


def test_a_service_that_is_silent_is_asked_to_delete_but_once(world: World) -> None:
    """A claim waits for it: with each entry in turn, its lease would run out."""
    job, looks = cancelled(world), itertools.count()
    slow = replace(world, clock=lambda: next(looks) * DAEMON.call_s)
    with outage(world, "DeleteObject") as refused:
        assert outbox.flush(slow, job).garbage == job.garbage
    assert len(job.garbage) > 1
    assert len(refused) == 1


def test_a_dead_attempts_garbage_does_not_keep_its_job_from_running(
    world: World, clock: Clock
) -> None:
    job = builders.started(world, builders.user(world), worker="dead")
    builders.result_of(world, job)
    clock.advance(daemons.LATE_S)
    with outage(world, "DeleteObject", "DeleteObjects", answer=error("AccessDenied")):
        daemons.annotator()(world, Event(job.event))
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_an_event_that_went_out_is_not_published_again_with_one_that_did_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.completed(world, builders.user(world))
    real = world.events.arns.topic
    monkeypatch.setattr(world.events.arns, "topic", lambda n: real("no" if n == ARCHIVE else n))
    for _ in range(2):
        with pytest.raises(ClientError):
            outbox.flush(world, world.jobs.get(job.job_id))
    assert world.queues.depth(MAILS).visible == 1


@pytest.mark.parametrize("handle", [daemons.annotator(), archive.handle, notify.handle])
def test_messages_do_not_breed_while_no_row_can_be_written(world: World, handle: Handler) -> None:
    """Events are published after a write only: by the commit, or by the sweeper, which counts."""
    job = builders.completed(world, builders.user(world))
    assert job.outbox
    with outage(world, "PutItem"), suppress(ClientError):
        handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).outbox == job.outbox
    assert world.queues.depth(MAILS).visible == 0


def test_an_upgrade_that_crossed_a_commit_is_announced_until_the_archive_is_requested(
    world: World, clock: Clock
) -> None:
    """The index hides the job from the passes over the change, and the job's own event is lost."""
    job = builders.mailed(world, builders.user(world))
    account = world.accounts.subscribe(job.user_id)
    archive.store(world, job)
    for message in world.queues.receive(RESTORE, 1, 600):
        world.queues.delete(message)
    world.accounts.clear_role_change(account.user_id, account.role_changes)
    clock.advance(daemons.LATE_S)
    sweep.sweep(world)
    (message,) = world.queues.receive(RESTORE, 1, 600)
    world.queues.delete(message)
    restore.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.retrieval
    assert (after.role_check_due, after.retries) == (False, {})
