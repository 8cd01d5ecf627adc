"""The archive daemon: which results go to the archive, and which stay."""

from dataclasses import replace

import pytest

from aws import outbox
from aws.events import Event
from aws.resources import World
from aws.rows.job import Job
from tests import builders
from tests.conftest import Clock
from util import archive, sweep

AFTER_S = 3600


@pytest.fixture
def patient(world: World) -> World:
    """The same world, where results stay for an hour: longer than a queue can wait."""
    timeouts = replace(world.jobs.timeouts, after_s=AFTER_S, by_queue=False)
    world.jobs.timeouts = timeouts
    return replace(
        world,
        config=replace(world.config, archive=replace(world.config.archive, after_s=AFTER_S)),
    )


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
