"""The sweeper: one bad row delays no other, and only orphans are deleted."""

import subprocess
import sys

import pytest

from aws import outbox
from aws.resources import World
from aws.rows.job import Status
from tests import builders, daemons
from tests.conftest import Clock
from util import sweep


def test_a_row_that_fails_delays_no_other(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [world.jobs.submit(builders.uploaded(world, builders.user(world))) for _ in range(3)]
    clock.advance(daemons.LATE_S)
    real = sweep.retry

    def retry(world: World, job_id: str) -> None:
        if job_id == jobs[0].job_id:
            raise RuntimeError("a bad row")
        real(world, job_id)

    monkeypatch.setattr(sweep, "retry", retry)
    assert sweep.sweep(world) == 1
    outboxes = [world.jobs.get(job.job_id).outbox for job in jobs]
    assert outboxes[0]
    assert outboxes[1:] == [(), ()]


def test_only_old_objects_that_no_row_refers_to_are_deleted(world: World, clock: Clock) -> None:
    account = builders.user(world)
    job = outbox.flush(world, builders.completed(world, account))
    bucket = world.files.results
    forgotten = world.files.keys.upload(account.user_id, "unknown", "x.vcf")
    world.files.write(bucket, forgotten, b"x")
    assert sweep.take_inventory(world) == 0
    clock.advance(daemons.LATE_S)
    assert sweep.take_inventory(world) == 1
    assert builders.result_bytes(world, job)
    with pytest.raises(FileNotFoundError):
        world.files.read(bucket, forgotten)


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
