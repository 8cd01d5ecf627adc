"""The thaw daemon: an archive comes back to a new key, verified, and only then is it deleted."""

from dataclasses import replace

import pytest

from aws.events import Event
from aws.resources import World
from aws.rows.job import MAX_FAILED_MOVES, Job, PendingWork
from aws.rows.unfinished import unfinished
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from util import sweep, thaw

BOTH = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)


@pytest.fixture
def world(world: World, local_aws: Handle) -> World:
    """Retrievals end at once."""
    local_aws.settings(expedited_s=0, standard_s=0)
    return world


@pytest.fixture
def job(world: World) -> Job:
    """An archived result whose retrieval has ended."""
    return builders.requested(world, builders.user(world))


@BOTH
def test_an_announced_archive_comes_back_byte_for_byte_and_is_deleted(
    world: World, job: Job
) -> None:
    thaw.handle(world, Event(builders.thaw_message(world, job)))
    after = world.jobs.get(job.job_id)
    assert builders.result_bytes(world, after) == daemons.BODY
    assert "~thaw-1/" in after.result.key
    assert (after.is_archived, after.pinned, after.garbage) == (False, True, ())
    assert job.archive_id not in set(invariants.archive_ids(world))


@BOTH
def test_the_same_message_again_changes_nothing(world: World, job: Job) -> None:
    message = Event(builders.thaw_message(world, job))
    thaw.handle(world, message)
    after = world.jobs.get(job.job_id)
    thaw.handle(world, message)
    assert world.jobs.get(job.job_id) == after


@BOTH
def test_a_message_about_another_archive_changes_nothing(world: World, job: Job) -> None:
    notice = replace(builders.retrieved(job), archive_id="another")
    thaw.act_on(world, notice)
    assert world.jobs.get(job.job_id) == job


@BOTH
def test_a_failed_retrieval_is_due_for_a_check_at_once(world: World, job: Job) -> None:
    thaw.act_on(world, replace(builders.retrieved(job), succeeded=False))
    at = world.jobs.now()
    after = world.jobs.get(job.job_id)
    assert after.is_archived
    assert unfinished(after, at)[PendingWork.RETRIEVAL] <= at.now


def test_bytes_that_are_not_the_archived_ones_are_dropped_and_the_archive_stays(
    world: World, job: Job
) -> None:
    bucket = world.names.bucket("archive")
    world.files.write(bucket, job.archive_id, b"damaged")
    thaw.act_on(world, builders.retrieved(job))
    after = world.jobs.get(job.job_id)
    assert (after.archive_id, after.failed_moves) == (job.archive_id, 1)
    keys = [item.key for item in world.files.listing(world.files.results)]
    assert not [key for key in keys if "~thaw-" in key]


def test_an_archive_that_stays_damaged_is_given_up_and_costs_nothing_more(
    world: World, clock: Clock, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    place = {"Bucket": world.names.bucket("archive"), "Key": job.archive_id}
    world.files.s3.put_object(**place, Body=b"damaged", StorageClass="GLACIER")
    for _ in range(2 * MAX_FAILED_MOVES):
        clock.advance(daemons.LATE_S)
        sweep.sweep(world)
        daemons.deliver(world, daemons.handlers())
    after = world.jobs.get(job.job_id)
    assert (after.failed_moves, after.retrieval) == (MAX_FAILED_MOVES, None)
    assert "came back changed" in str(after.archive_fault)
    assert f"job {job.job_id} given up" in caplog.text
    sweep.sweep(world)
    assert world.jobs.get(job.job_id) == after


def test_a_message_of_something_else_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="not an S3 event"):
        thaw.handle(world, Event({"hello": "world"}))
