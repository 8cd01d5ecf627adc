"""The annotator daemon with its real worker: pipelines that hang, crash, or want too much."""

import errno
import gzip
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest
from botocore.exceptions import ConnectionClosedError

from ann import annotator, attempt, health
from ann.annotator import Annotator
from ann.health import Health
from ann.task import Task
from ann.worker import Run, ServerError, Worker
from aws import consumer
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.machine.instance import Instance
from aws.machine.stop_request import StopRequest
from aws.resources import World
from aws.rows.job import Job, Status
from aws.storage.keys import ANNOTATION
from tests import builders, daemons
from tests.ann.conftest import vcf
from tests.conftest import PATIENCE_S, Clock
from tests.proofs.faults import Mode, error, fault_at, outage

LONG = vcf(*["MT 73 . A G . . ."] * 60_000)
HELD = """
import threading
from ann.forkserver import serve
from ann.pipeline import run

def held(task, scratch, progress):
    progress("annotating 7 of about 9")
    while not (task.folder / "go").exists():
        threading.Event().wait(0.01)
    return run(task, scratch, progress)

serve(held)
"""


class Held(Worker):
    """A worker whose every job stays under way until it is let go."""

    def __init__(self) -> None:
        super().__init__(("-c", HELD))

    def start(self, task: Task) -> Run:
        self.go = task.folder / "go"
        return super().start(task)


@pytest.fixture(scope="module")
def held() -> Iterator[Held]:
    warm = Held()
    with warm:
        yield warm


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
    world: World, held: Held
) -> None:
    job = ran(limited(world, timeout_s=0), held, b"")
    assert job.job_status is Status.FAILED
    assert "longer than" in (job.error or "")


def test_a_pipeline_that_fills_the_disk_fails_with_words(world: World, own: Worker) -> None:
    job = ran(limited(world, disk_mb=1), own, LONG)
    assert job.job_status is Status.FAILED
    assert "1,000,000 bytes, the limit" in (job.error or "")


def test_an_upload_that_was_sent_again_after_its_check_fails_with_words(
    world: World, own: Worker
) -> None:
    upload = builders.uploaded(world, builders.user(world), LONG)
    job = world.jobs.submit(replace(upload, input_etag='"of what the site checked"'))
    Annotator([own]).handle(world, Event(job.event))
    ended = world.jobs.get(job.job_id)
    assert ended.job_status is Status.FAILED
    assert "upload it again" in (ended.error or "")


def test_the_row_says_how_consequences_are_called(world: World, own: Worker) -> None:
    job = builders.submitted(world, builders.user(world), vcf("MT 73 . A G . . ."))
    world.jobs.table.change(job.job_id, lambda row: {**row, "mode": "haplotype"})
    Annotator([own]).handle(world, Event(job.event))
    assert "no samples" in (world.jobs.get(job.job_id).error or "")


def test_an_annotation_of_the_users_own_comes_into_the_result(world: World, own: Worker) -> None:
    job = builders.uploaded(world, builders.user(world), vcf("MT 73 . A G . . ."))
    key = world.files.keys.upload(job.user_id, job.job_id, f"{ANNOTATION}panel.bed")
    given = replace(job, s3_key_annotation_file=key, annotation_tag="PANEL")
    world.files.write(world.files.inputs, key, b"chrM\t72\t73\tHVS2\n")
    world.jobs.submit(given)
    Annotator([own]).handle(world, Event(given.event))
    result = world.jobs.get(job.job_id).result
    body = gzip.decompress(world.files.read(result.bucket, result.key))
    assert b";PANEL=HVS2" in body
    assert b"panel.bed given with the job" in body


def test_a_pipeline_that_runs_out_of_memory_fails_with_words(world: World, own: Worker) -> None:
    body = vcf(f"MT 73 . A G . . X={'x' * 19_000_000}")
    job = ran(limited(world, memory_mb=100, max_attempts=1), own, body)
    assert job.job_status is Status.FAILED
    assert job.error


def well() -> Health:
    """A machine on which the example comes through, whatever a job does."""
    return Health(trial=lambda: None)


class Doomed(Held):
    """A worker whose every child is killed, as by the kernel."""

    def start(self, task: Task) -> Run:
        run = super().start(task)
        os.kill(run.pid, signal.SIGSEGV)
        return run


def test_a_pipeline_that_crashes_each_time_fails_after_its_attempts(world: World) -> None:
    job = builders.submitted(world, builders.user(world))
    with Doomed() as worker:
        handle = Annotator([worker], health=well()).handle
        for _ in range(world.config.annotator.max_attempts - 1):
            with pytest.raises(ReturnToQueue, match="signal 11"):
                handle(world, Event(job.event))
            assert world.jobs.get(job.job_id).job_status is Status.PENDING
        handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.job_status is Status.FAILED
    assert "tried 3 times" in (after.error or "")
    assert "signal 11" in (after.error or "")


def test_a_released_hold_hands_the_job_back(
    world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))
    event, start = Event(job.event), held.start

    def start_and_release(task: Task) -> Run:
        run = start(task)
        event.heartbeat.released.set()
        return run

    monkeypatch.setattr(held, "start", start_and_release)
    with pytest.raises(ReturnToQueue, match="was interrupted"):
        Annotator([held]).handle(world, event)
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.crashes) == (Status.PENDING, 0)


def test_the_next_job_is_unharmed(world: World, own: Worker) -> None:
    ran(limited(world, disk_mb=1), own, LONG)
    job = ran(world, own, builders.example().read_bytes())
    assert job.job_status is Status.COMPLETED
    assert job.counts == {"records": 77, "annotated": 65, "not_annotated": 12}


def test_machines_that_go_away_one_after_the_other_are_an_end_too(
    world: World, clock: Clock
) -> None:
    job = builders.submitted(world, builders.user(world))
    for number in range(annotator.MAX_LAPSES + 1):
        world.jobs.start(job.job_id, owner=f"dead {number}", lease_s=1)
        clock.advance(daemons.LATE_S)
    daemons.annotator()(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.job_status is Status.FAILED
    assert f"tried {annotator.MAX_LAPSES + 2} times" in (after.error or "")


S3_READS, S3_WRITES = ("HeadObject", "GetObject"), ("PutObject",)


@pytest.mark.parametrize(
    ("operations", "code", "status"),
    [
        (S3_READS, "InternalError", 500),
        (S3_WRITES, "InternalError", 500),
        (S3_WRITES, "ExpiredToken", 400),
        (S3_READS, "400", 400),
    ],
    ids=["reads", "writes", "credentials that have expired", "and that a HEAD cannot speak of"],
)
def test_an_outage_of_s3_never_counts_against_a_file_and_costs_no_lease(
    world: World, operations: tuple[str, ...], code: str, status: int
) -> None:
    job = builders.submitted(world, builders.user(world))
    handle = daemons.annotator()
    answer = error(code)
    answer["ResponseMetadata"]["HTTPStatusCode"] = status
    with outage(world, *operations, answer=answer):
        for _ in range(world.config.annotator.max_attempts + 1):
            with pytest.raises(Exception, match=code):
                handle(world, Event(job.event))
            after = world.jobs.get(job.job_id)
            assert (after.job_status, after.crashes) == (Status.PENDING, 0)
    handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_a_progress_that_cannot_be_written_costs_no_work(
    world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world), vcf("MT 73 . A G . . ."))
    monkeypatch.setattr(attempt, "PROGRESS_S", 0)
    monkeypatch.setattr(attempt, "TICK_S", 0.01)
    refused: list[str] = []

    def renew(*_: object, **__: object) -> None:
        refused.append("renew")
        held.go.touch()
        raise ConnectionClosedError(endpoint_url="dynamodb")

    monkeypatch.setattr(world.jobs, "renew", renew)
    Annotator([held]).handle(world, Event(job.event))
    assert refused
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_no_child_outlives_an_attempt_whose_lease_is_lost(
    world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))
    monkeypatch.setattr(attempt, "PROGRESS_S", 0)
    monkeypatch.setattr(attempt, "TICK_S", 0.01)
    start, lose = world.jobs.start, {"lease_owner": "another"}

    def start_and_lose(*args: Any, **named: Any) -> Job:
        started = start(*args, **named)
        world.jobs.table.change(job.job_id, lambda row: {**row, **lose})
        return started

    monkeypatch.setattr(world.jobs, "start", start_and_lose)
    with pytest.raises(ReturnToQueue, match="lease is lost"):
        Annotator([held]).handle(world, Event(job.event))
    assert held.server
    assert psutil.Process(held.server.pid).children() == []


def test_a_claim_that_came_through_although_its_call_failed_is_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))
    real = world.jobs.table.swap

    def swap(row: Any) -> Any:
        real(row)
        monkeypatch.undo()
        raise ConnectionClosedError(endpoint_url="dynamodb")

    monkeypatch.setattr(world.jobs.table, "swap", swap)
    with pytest.raises(ConnectionClosedError):
        daemons.annotator()(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.attempt, after.crashes) == (Status.PENDING, 1, 0)


def test_a_claim_whose_reply_was_lost_is_recognised_whatever_was_written_since(
    world: World,
) -> None:
    job = builders.submitted(world, builders.user(world))

    def another_writes() -> None:
        world.jobs.change(job.job_id, lambda j: replace(j, reminders=j.reminders + 1))

    with fault_at(world, Mode.REPEATED, at=2, between=another_writes) as fault:
        daemons.annotator()(world, Event(job.event))
    assert fault.call == "dynamodb.PutItem"
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.attempt) == (Status.COMPLETED, 1)


def test_a_sick_machine_takes_no_more_jobs_and_a_healthy_one_completes_them(world: World) -> None:
    job = builders.submitted(world, builders.user(world))
    retired: list[str] = []
    sick = Health(retired.append, trial=lambda: "the disk is full")
    with Doomed() as worker:
        for _ in range(world.config.annotator.max_attempts + 1):
            with pytest.raises(ReturnToQueue, match="this machine is at fault"):
                Annotator([worker], health=sick).handle(world, Event(job.event))
    assert retired == ["the disk is full"]
    assert world.jobs.get(job.job_id).crashes == 0
    daemons.annotator()(world, Event(job.event))
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_jobs_of_several_users_that_crash_in_a_row_are_the_machines_fault() -> None:
    state = well()
    verdicts = [state.blames_machine(user, "signal 11", 1) for user in ("a", "a", "b", "c", "d")]
    assert verdicts == [False, False, False, True, True]
    state = well()
    for user in "abcdef":
        assert not state.blames_machine(user, "signal 11", 1)
        state.record_success()


def test_a_disk_with_less_than_a_job_may_use_is_the_machines_fault() -> None:
    full = f"{health.DISK_FAILED}: No space left on device"
    assert well().blames_machine("a", full, 10**18)
    assert not well().blames_machine("a", full, 1)
    assert not well().blames_machine("a", "signal 11", 10**18)


def test_the_bundled_example_comes_through_on_a_machine_that_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert health.trial() is None
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 10**18)
    assert "left on the disk" in (health.trial() or "")


def test_a_daemon_on_a_sick_machine_ends_before_it_takes_a_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))
    monkeypatch.setattr(sys, "argv", ["annotator"])
    monkeypatch.setattr(StopRequest, "on_signals", lambda self: self)
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 10**18)
    with pytest.raises(SystemExit, match="this machine is sick"):
        annotator.main()
    assert world.jobs.get(job.job_id).attempt == 0


def test_a_daemon_that_starts_on_an_instance_about_to_end_leaves_it_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once killed itself there, before anything listened to the signal."""
    calls: list[str] = []

    class Ending(Instance):
        def watch(self, stop: Callable[[], None]) -> None:
            calls.append("told to stop")
            stop()

        def leave(self) -> None:
            calls.append("left")

    monkeypatch.setattr(Instance, "detect", Ending)
    monkeypatch.setenv("GAS_GAS_PREFIX", world.config.gas.prefix)
    monkeypatch.setattr(sys, "argv", ["annotator"])
    monkeypatch.setattr(StopRequest, "on_signals", lambda self: self)
    annotator.main()
    assert calls == ["told to stop", "left"]


@pytest.mark.parametrize("fault", [None, "the disk hangs"], ids=["well", "sick"])
def test_a_stop_amid_a_transfer_that_hangs_returns_the_job_and_leaves_before_it_exits(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> None:
    """The row first, or the next annotator is refused; then the message; then the instance."""
    job = builders.submitted(world, builders.user(world))
    stopping, over, state = StopRequest(), threading.Event(), well()
    steps: list[object] = []

    def hang(*_: object) -> None:
        stopping.set()
        over.wait()
        raise ReturnToQueue("the transfer has ended at last")

    class Watched(Instance):
        def mark_unhealthy(self) -> None:
            steps.append("marked")

        def leave(self) -> None:
            row = world.jobs.get(job.job_id)
            steps.append((row.job_status, world.queues.depth("job_requests").visible))

    def leave_hard(code: int) -> None:
        steps.append("exited")
        over.set()
        raise SystemExit(code)

    monkeypatch.setattr(world.files, "download", hang)
    for name, most_s in {"STOP_S": 0, "RETURN_S": PATIENCE_S, "LEAVE_S": PATIENCE_S}.items():
        monkeypatch.setattr(consumer, name, most_s)
    monkeypatch.setattr(os, "_exit", leave_hard)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    state.fault = fault
    with pytest.raises(SystemExit):
        annotator.serve(world, Watched(), state, stopping)
    assert steps == [*(["marked"] if fault else []), (Status.PENDING, 1), "exited"]


def test_a_disk_that_fails_the_daemon_itself_is_not_held_against_the_file(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.files, "download", full)
    sick = Health(trial=lambda: "the disk is full")
    with pytest.raises(OSError, match="No space left"):
        Annotator([daemons.QuickWorker()], health=sick).handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.crashes) == (Status.PENDING, 0)


class Stuck(daemons.QuickWorker):
    """A slot whose fork server does not answer."""

    def start(self, task: Task) -> Any:
        raise ServerError("the fork server did not answer within 60 s")


@pytest.mark.parametrize("found", [None, "nor did that of the example"])
def test_a_fork_server_that_does_not_answer_is_no_crash_and_has_the_machine_tried(
    world: World, found: str | None
) -> None:
    """It would else take one job after another, and bring none to an end."""
    job = builders.submitted(world, builders.user(world))
    state = Health(trial=lambda: found)
    with pytest.raises(ServerError):
        Annotator([Stuck()], health=state).handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.crashes) == (Status.PENDING, 0)
    assert state.fault == found


def test_what_the_daemon_has_no_descriptors_for_is_no_fault_of_the_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))

    def spent(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(world.files, "download", spent)
    with pytest.raises(OSError, match="Too many open files"):
        Annotator([daemons.QuickWorker()], health=well()).handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.crashes) == (Status.PENDING, 0)


def test_a_fault_of_the_annotator_itself_on_a_healthy_machine_counts_and_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.submitted(world, builders.user(world))

    def broken(*_: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(world.files, "download", broken)
    handle = Annotator([daemons.QuickWorker()], health=well()).handle
    for _ in range(world.config.annotator.max_attempts):
        with pytest.raises(ValueError, match="a fault of ours"):
            handle(world, Event(job.event))
    handle(world, Event(job.event))
    after = world.jobs.get(job.job_id)
    assert after.job_status is Status.FAILED
    assert "a fault of ours" in (after.error or "")
