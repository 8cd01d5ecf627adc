"""The inventory: only orphans go, it costs what changed, it goes on, and it has a brake."""

from dataclasses import replace

import pytest

from aws import outbox
from aws.resources import World
from aws.rows.inventories import Inventories
from aws.rows.table import Row
from aws.storage.stored import S3Object
from tests import builders, daemons
from tests.conftest import Clock, Handle
from util import inventory

DAY_S = 24 * 3600


def orphan(world: World, number: int = 0, bucket: str = "") -> S3Object:
    """An object of no job."""
    stored = S3Object(
        bucket or world.files.results,
        world.files.keys.upload(f"user-{number:03}", f"unknown-{number}", "x.vcf"),
    )
    world.files.write(stored.bucket, stored.key, b"x")
    return stored


def is_there(world: World, stored: S3Object) -> bool:
    try:
        world.files.size(stored.bucket, stored.key)
    except FileNotFoundError:
        return False
    return True


def without_archive(row: Row) -> Row:
    """A row that refers to its archive no more."""
    return {name: value for name, value in row.items() if name != "results_file_archive_id"}


def reads(world: World) -> list[str]:
    """The rows that are read from now on."""
    found: list[str] = []
    real = world.jobs.get

    def get(job_id: str) -> object:
        found.append(job_id)
        return real(job_id)

    world.jobs.get = get  # type: ignore[method-assign, assignment]
    return found


def test_only_old_objects_that_no_row_refers_to_are_deleted(world: World, clock: Clock) -> None:
    job = outbox.flush(world, builders.completed(world, builders.user(world)))
    forgotten = orphan(world)
    assert inventory.take(world) == 0
    clock.advance(daemons.LATE_S)
    assert inventory.take(world) == 1
    assert builders.result_bytes(world, job)
    assert not is_there(world, forgotten)


def test_a_sweeper_that_is_restarted_daily_takes_its_inventory_all_the_same(
    world: World, clock: Clock
) -> None:
    """The time of the last one is remembered: the process begins and ends in between."""
    forgotten = orphan(world)
    inventory.step(world)
    clock.advance(DAY_S - 60)
    inventory.step(world)
    assert is_there(world, forgotten)
    clock.advance(120)
    assert inventory.step(world) == 1


def test_a_pass_costs_what_has_changed_since_the_last_one(world: World, clock: Clock) -> None:
    jobs = [builders.mailed(world, builders.user(world)) for _ in range(3)]
    clock.advance(2 * DAY_S)
    found = reads(world)
    inventory.step(world)
    assert set(found) == {job.job_id for job in jobs}
    assert len(found) == 2 * len(jobs), "one look-up a job in inputs and in results"
    clock.advance(inventory.OVERLAP_S + 2 * DAY_S)
    inventory.step(world)
    clock.advance(DAY_S + 1)
    found.clear()
    inventory.step(world)
    assert found == []


def test_a_pass_that_runs_out_of_time_goes_on_where_it_stopped(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = [orphan(world, number) for number in range(4)]
    clock.advance(2 * DAY_S)
    real = inventory.find

    def slow(world: World, job_id: str) -> object:
        clock.advance(world.config.sweep.every_s / 2)
        return real(world, job_id)

    monkeypatch.setattr(inventory, "find", slow)
    assert inventory.step(world) == 2
    progress = Inventories(world.accounts.table).get("results")
    assert (progress.under_way, progress.after) == (True, forgotten[1].key)
    assert inventory.step(world) == 2


def test_it_stops_where_so_much_is_nobodys_that_rows_may_have_been_lost(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    forgotten = [orphan(world, number) for number in range(inventory.FREE_UNKNOWN + 1)]
    clock.advance(2 * DAY_S)
    assert inventory.step(world) == 0
    assert all(is_there(world, stored) for stored in forgotten)
    assert "ERROR" in {record.levelname for record in caplog.records}
    assert "inventory held: 21 of 21 jobs" in caplog.text
    clock.advance(DAY_S)
    assert inventory.step(world) == 0
    assert inventory.take(world) == 0
    assert Inventories(world.accounts.table).go_on("results")
    assert inventory.step(world) == len(forgotten)
    assert not Inventories(world.accounts.table).get("results").unbraked


def test_nobody_holds_the_inventory_by_one_form_however_often_it_is_sent(
    world: World, clock: Clock
) -> None:
    job = builders.submitted(world, builders.user(world))
    for number in range(inventory.FREE_UNKNOWN + 5):
        for job_id in (job.job_id, "unsubmitted"):
            key = world.files.keys.upload(job.user_id, job_id, f"{number}.vcf")
            world.files.write(world.files.inputs, key, b"x")
    clock.advance(world.config.sweep.upload_age_s)
    assert inventory.step(world) == 2 * (inventory.FREE_UNKNOWN + 5)
    assert is_there(world, job.input)


def test_uploads_that_no_job_was_made_of_go_within_the_hour(world: World, clock: Clock) -> None:
    job = builders.submitted(world, builders.user(world))
    abandoned = [orphan(world, number, world.files.inputs) for number in range(3)]
    inventory.step(world)
    clock.advance(world.config.sweep.upload_age_s)
    assert inventory.step(world) == len(abandoned)
    assert is_there(world, job.input)


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_a_sweeper_whose_clock_is_days_ahead_deletes_nothing_that_is_new(
    world: World, clock: Clock
) -> None:
    """The age of an object is judged by the store's clock: this upload has no job yet."""
    new = [orphan(world), orphan(world, 1, world.files.inputs)]
    archive = builders.archived(world, builders.user(world))
    world.jobs.table.change(archive.job_id, without_archive)
    ahead = replace(world, clock=lambda: clock() + 10 * DAY_S)
    assert [inventory.take(ahead) for _ in range(3)] == [0, 0, 0]
    assert all(is_there(world, stored) for stored in new)


def test_an_orphan_that_cannot_be_deleted_is_not_forgotten(
    world: World, clock: Clock, local_aws: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = orphan(world)
    clock.advance(2 * DAY_S)

    def fails(*_: object) -> None:
        raise OSError("denied")

    with monkeypatch.context() as broken:
        broken.setattr(world.files, "delete", fails)
        assert inventory.step(world) == 0
    clock.advance(10 * DAY_S)
    assert inventory.step(world) == 1
    assert not is_there(world, forgotten)
