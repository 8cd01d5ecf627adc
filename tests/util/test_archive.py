"""The archive daemon: which results go to the archive, and which stay."""

import io
from dataclasses import replace

import pytest

from aws import outbox
from aws.consumer import Handler
from aws.events import Event, Heartbeat
from aws.resources import World
from aws.rows.job import MAX_FAILED_MOVES, Job, Refused
from aws.rows.unfinished import due
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs.faults import meanwhile
from util import archive, restore, sweep
from web.display.availability import availability

AFTER_S = 3600


@pytest.fixture
def patient(world: World) -> World:
    """The same world, where results stay for an hour: longer than a queue can wait."""
    return keeping(world, AFTER_S, by_queue=False)


def keeping(world: World, after_s: int, by_queue: bool) -> World:
    """The same world with this retention."""
    world.jobs.timeouts = replace(world.jobs.timeouts, after_s=after_s, by_queue=by_queue)
    kept = replace(world.config.archive, after_s=after_s)
    return replace(world, config=replace(world.config, archive=kept))


def stored(world: World) -> Job:
    return outbox.flush(world, builders.completed(world, builders.user(world)))


def test_a_message_that_comes_early_changes_nothing(patient: World) -> None:
    job = stored(patient)
    archive.handle(patient, Event(job.event))
    assert patient.jobs.get(job.job_id) == job


def test_a_retention_longer_than_a_queues_delay_is_ended_by_the_sweeper(
    patient: World, clock: Clock
) -> None:
    job = stored(patient)
    sweep.sweep(patient)
    assert patient.jobs.get(job.job_id).is_hot
    clock.advance(AFTER_S + 1)
    sweep.sweep(patient)
    daemons.deliver_queue(patient, "results_archive", archive.handle)
    assert patient.jobs.get(job.job_id).is_archived


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_an_upload_that_fails_leaves_the_result_where_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored(world)

    def fails(*_: object) -> str:
        raise OSError("no connection")

    with monkeypatch.context() as broken:
        broken.setattr(world.vault, "store", fails)
        with pytest.raises(OSError, match="no connection"):
            archive.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert builders.result_bytes(world, after)
    archive.handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).is_archived


def test_an_archive_under_way_is_not_taken_over_while_its_daemon_lives(
    world: World, clock: Clock
) -> None:
    job = stored(world)
    beat = Heartbeat()
    reserved = world.vault.reserve(job.user_id, job.job_id)
    archive.begin(world, job, reserved, beat)
    clock.advance(0.55 * world.config.aws.visibility_s)
    beat.renew()
    clock.advance(0.55 * world.config.aws.visibility_s)
    sweep.sweep(world)
    archive.handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).pending_writes == (reserved,)
    clock.advance(daemons.LATE_S)
    archive.handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).is_archived
    with pytest.raises(Refused):
        beat.renew()


def test_an_upgrade_and_a_downgrade_after_the_look_at_the_clock_restart_the_retention(
    world: World,
) -> None:
    job = stored(world)

    def up_and_down() -> None:
        builders.change_role(world, job.user_id, premium=True)
        builders.change_role(world, job.user_id, premium=False)

    with meanwhile(world, up_and_down, operation="PutItem"), pytest.raises(Refused):
        archive.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.is_hot
    assert (after.expires_time or 0) > (job.expires_time or 0)


def test_bytes_that_are_not_those_recorded_stay_in_s3_and_are_given_up(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    job = stored(world)
    world.files.write(job.result.bucket, job.result.key, b"changed")
    for _ in range(2 * MAX_FAILED_MOVES):
        clock.advance(daemons.LATE_S)
        archive.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.is_hot, after.is_given_up) == (True, True)
    assert builders.result_bytes(world, after) == b"changed"
    assert list(world.vault.inventory()) == []
    assert f"job {job.job_id} given up" in caplog.text


def test_bytes_that_arrive_damaged_once_are_read_again(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.files, "open", lambda *_: io.BytesIO(b"damaged"))
        archive.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.is_hot, after.is_given_up, after.failed_moves) == (True, False, 1)
    clock.advance(daemons.LATE_S)
    sweep.sweep(world)
    daemons.deliver(world, daemons.handlers())
    after = world.jobs.get(job.job_id)
    assert (after.is_archived, after.failed_moves) == (True, 0)


def test_a_released_heartbeat_ends_the_writing(world: World) -> None:
    job = stored(world)
    event = Event(job.event)
    event.heartbeat.released.set()
    with pytest.raises(InterruptedError):
        archive.handle(world, event)
    after = world.jobs.get(job.job_id)
    assert (after.is_hot, after.pending_writes) == (True, ())


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_bytes_that_are_not_those_recorded_stay_in_s3_and_no_archive_is_left(
    world: World, local_aws: Handle
) -> None:
    job = stored(world)
    world.files.write(job.result.bucket, job.result.key, b"damaged")
    archive.handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.is_hot, after.failed_moves) == (True, 1)
    assert local_aws.archives(world) == {}


@pytest.fixture
def sparing(world: World) -> World:
    """The same world, where an archive must be worth its cost."""
    world.jobs.timeouts = replace(world.jobs.timeouts, min_bytes=1_000_000)
    return world


def test_a_result_too_small_to_be_worth_an_archive_stays(sparing: World, clock: Clock) -> None:
    job = outbox.flush(sparing, builders.mailed(sparing, builders.user(sparing)))
    archive.handle(sparing, Event(job.event))
    clock.advance(10 * 24 * 3600)
    sweep.sweep(sparing)
    after = sparing.jobs.get(job.job_id)
    assert (after.is_hot, after.expires_time) == (True, None)
    assert due(after, sparing.jobs.now()) is None
    assert availability(after, is_premium=False, now=sparing.clock()).state == "available"


def test_it_stays_after_its_owner_was_premium_for_a_while(sparing: World) -> None:
    owner = builders.user(sparing, premium=True)
    job = builders.mailed(sparing, owner)
    outbox.flush(sparing, sparing.jobs.pin(job.job_id))
    sparing.accounts.unsubscribe(owner.user_id)
    released = outbox.flush(sparing, sparing.jobs.release(job.job_id))
    archive.handle(sparing, Event(released.event))
    assert sparing.jobs.get(job.job_id).is_hot


@pytest.mark.parametrize("first", [archive.handle, restore.handle])
def test_a_downgrade_restarts_the_retention_of_what_was_not_pinned_yet(
    patient: World, clock: Clock, first: Handler
) -> None:
    """Whichever message comes first: that of the result, or that of the change of role."""
    owner = builders.user(patient, premium=True)
    job = builders.mailed(patient, owner)
    clock.advance(AFTER_S - 100)
    patient.accounts.unsubscribe(owner.user_id)
    for handle in (first, archive.handle):
        clock.advance(100)
        handle(patient, Event(job.event))
        assert patient.jobs.get(job.job_id).is_hot
    clock.advance(AFTER_S)
    archive.handle(patient, Event(job.event))
    assert patient.jobs.get(job.job_id).is_archived


def test_a_downgrade_of_long_ago_delays_no_archive(patient: World, clock: Clock) -> None:
    owner = builders.user(patient, premium=True)
    patient.accounts.unsubscribe(owner.user_id)
    clock.advance(AFTER_S)
    job = builders.mailed(patient, owner)
    clock.advance(AFTER_S)
    for handle in (restore.handle, archive.handle):
        handle(patient, Event(job.event))
    assert patient.jobs.get(job.job_id).is_archived


def test_a_downgrade_that_is_still_to_come_by_the_clock_restarts_no_retention_for_ever(
    world: World, clock: Clock
) -> None:
    """The site's clock was a day ahead: each delivery would begin a retention, and publish it."""
    eager, owner = keeping(world, 0, by_queue=True), builders.user(world, premium=True)
    job = builders.mailed(eager, owner)
    clock.advance(24 * 3600)
    eager.accounts.unsubscribe(owner.user_id)
    clock.advance(-24 * 3600)
    archive.handle(eager, Event(job.event))
    assert eager.jobs.get(job.job_id).is_archived
