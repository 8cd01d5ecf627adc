"""The sweeper: one bad row keeps no other waiting, and only what nobody names is dropped."""

import subprocess
import sys

import pytest

from aws import outbox
from aws.resources import World
from aws.rows.job import Status
from tests import builders
from tests.conftest import Clock
from util import sweep


def test_a_row_that_fails_keeps_no_other_waiting(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [world.jobs.submit(builders.uploaded(world, builders.user(world))) for _ in range(3)]
    clock.advance(builders.LATE_S)
    real = sweep.mend

    def mend(world: World, job_id: str) -> None:
        if job_id == jobs[0].job_id:
            raise RuntimeError("a bad row")
        real(world, job_id)

    monkeypatch.setattr(sweep, "mend", mend)
    assert sweep.sweep(world) == 1
    outboxes = [world.jobs.get(job.job_id).outbox for job in jobs]
    assert outboxes[0]
    assert outboxes[1:] == [(), ()]


def test_only_what_is_old_and_named_by_no_row_is_dropped(world: World, clock: Clock) -> None:
    account = builders.user(world)
    job = outbox.flush(world, builders.completed(world, account))
    bucket = world.files.results
    forgotten = world.files.input_prefix(account.user_id, "unknown") + "x.vcf"
    world.files.write(bucket, forgotten, b"x")
    assert sweep.take_inventory(world) == 0
    clock.advance(builders.LATE_S)
    assert sweep.take_inventory(world) == 1
    assert world.files.read(bucket, job.s3_key_result_file or "")
    with pytest.raises(FileNotFoundError):
        world.files.read(bucket, forgotten)


def test_a_job_that_no_message_remembers_runs(world: World, clock: Clock) -> None:
    job = world.jobs.submit(builders.uploaded(world, builders.user(world)))
    clock.advance(builders.LATE_S)
    sweep.sweep(world)
    builders.deliver(world, builders.handlers())
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


@pytest.mark.parametrize("name", ["notify", "archive", "restore", "thaw", "sweep"])
def test_help_has_an_example(name: str) -> None:
    argv = [sys.executable, "-m", f"util.{name}", "--help"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert f"./gas {name}" in told
    assert "example:" in told
