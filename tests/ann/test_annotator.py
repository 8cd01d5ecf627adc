"""The annotator daemon with its real worker: pipelines that hang, crash, or want too much."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ann.annotator import Annotator
from ann.worker import Run, Worker
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.resources import World
from aws.rows.job import Job, Status
from tests import builders
from tests.ann.conftest import vcf

LONG = vcf(*["MT 73 . A G . . ."] * 60_000)


@pytest.fixture(scope="module")
def own() -> Iterator[Worker]:
    with Worker() as warm:
        yield warm


def limited(world: World, **limits: Any) -> World:
    """The same world with other settings of the annotator."""
    config = replace(world.config, annotator=replace(world.config.annotator, **limits))
    return replace(world, config=config)


def ran(world: World, worker: Worker, body: bytes) -> Job:
    job = builders.submitted(world, builders.user(world), body)
    Annotator([worker]).handle(world, Event(job.event))
    return world.jobs.get(job.job_id)


def test_a_pipeline_that_hangs_is_stopped_and_the_job_fails_with_words(
    world: World, own: Worker
) -> None:
    job = ran(limited(world, timeout_s=0), own, LONG)
    assert job.job_status is Status.FAILED
    assert "longer than" in (job.error or "")


def test_a_pipeline_that_fills_the_disk_fails_with_words(world: World, own: Worker) -> None:
    job = ran(limited(world, disk_mb=1), own, LONG)
    assert job.job_status is Status.FAILED
    assert "1,000,000 bytes, the limit" in (job.error or "")


def test_the_row_says_how_consequences_are_called(world: World, own: Worker) -> None:
    job = builders.submitted(world, builders.user(world), vcf("MT 73 . A G . . ."))
    world.jobs.table.change(job.job_id, lambda row: {**row, "mode": "haplotype"})
    Annotator([own]).handle(world, Event(job.event))
    assert "no samples" in (world.jobs.get(job.job_id).error or "")


def test_a_pipeline_that_runs_out_of_memory_fails_with_words(world: World, own: Worker) -> None:
    body = vcf(f"MT 73 . A G . . X={'x' * 19_000_000}")
    job = ran(limited(world, memory_mb=100, max_attempts=1), own, body)
    assert job.job_status is Status.FAILED
    assert job.error


class Doomed(Worker):
    """A worker whose every child is killed, as by the kernel."""

    def start(self, task: Any) -> Run:
        run = super().start(task)
        os.kill(run.pid, signal.SIGSEGV)
        return run


def test_a_pipeline_that_crashes_each_time_fails_after_its_attempts(world: World) -> None:
    job = builders.submitted(world, builders.user(world), LONG)
    with Doomed() as worker:
        handle = Annotator([worker]).handle
        for _ in range(world.config.annotator.max_attempts - 1):
            with pytest.raises(ReturnToQueue, match="signal 11"):
                handle(world, Event(job.event))
            assert world.jobs.get(job.job_id).job_status is Status.PENDING
        handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.job_status is Status.FAILED
    assert "tried 3 times" in (after.error or "")
    assert "signal 11" in (after.error or "")


def test_a_released_hold_hands_the_job_back(world: World, own: Worker) -> None:
    job = builders.submitted(world, builders.user(world), LONG)
    event = Event(job.event)
    threading.Timer(0.2, event.heartbeat.released.set).start()
    with pytest.raises(ReturnToQueue):
        Annotator([own]).handle(world, event)
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.crashes) == (Status.PENDING, 0)


def test_the_next_job_is_unharmed(world: World, own: Worker) -> None:
    ran(limited(world, disk_mb=1), own, LONG)
    job = ran(world, own, builders.example().read_bytes())
    assert job.job_status is Status.COMPLETED
    assert job.counts == {"records": 77, "annotated": 65, "not_annotated": 12}
