"""One attempt at a job: claimed under a lease, run in a child, committed or given back."""

import logging
import threading
import time
from pathlib import Path
from typing import NoReturn

from ann.csq import AUTO
from ann.health import Health
from ann.task import Annotation, JobLimits, Outcome, Task
from ann.worker import Run, Worker
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.outage import is_outage
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Refused, Result
from aws.rows.outputs import OUTPUTS
from aws.storage.stored import S3Object

log = logging.getLogger(__name__)

TICK_S = 0.5
"""The longest until a lost lease or a stop is noticed while the child runs."""
PROGRESS_S = 2
"""The least time between two writes of the progress."""
MAX_LINE_BYTES = 64 * 1024 * 1024
PAUSES_S = (1, 2, 5, 10, 30)
"""The pauses between tries to give a job back while its row cannot be written; the last repeats."""
NO_MESSAGE = "the worker died without an error message"
GONE = "The uploaded file is no longer there. Please upload it again."


def give_back(world: World, job_id: str, owner: str, fault: str | None) -> None:
    """Return a job to the queue, however long its row cannot be written; a `fault` is a crash.

    A slot that waits here could claim no other job either. Once the job is somebody else's, or has
    ended, nothing is to be done.
    """
    pauses = iter(PAUSES_S)
    while True:
        try:
            world.jobs.return_to_queue(job_id, owner=owner, fault=fault)
        except Refused:
            return
        except Exception as outage:
            if not is_outage(outage):
                raise
            log.warning("job %s cannot be given back yet: %s", job_id, outage)
            threading.Event().wait(next(pauses, PAUSES_S[-1]))
        else:
            log.info("job %s given back to the queue", job_id)
            return


def claim(world: World, job_id: str, owner: str) -> Job | None:
    """Take the lease and delete an earlier attempt's outputs; None where nothing is to be done."""
    try:
        job = world.jobs.start(job_id, owner=owner, lease_s=world.config.aws.visibility_s)
    except Refused as reason:
        log.info("%s", reason)
        return None
    if job.fault:
        log.warning("job %s taken over, attempt %d: %s", job_id, job.attempt, job.fault)
    return flush(world, job)


class Attempt:
    """One attempt at one job, by the holder of its lease."""

    def __init__(self, world: World, event: Event, job: Job, owner: str, health: Health) -> None:
        self.world, self.job, self.owner, self.heartbeat = world, job, owner, event.heartbeat
        self.health = health
        self.progress, self.progress_time = "starting", time.monotonic()
        self.heartbeat.renew_with(self.renew)
        self.heartbeat.abandon_with(self._give_lease_back)

    def run(self, worker: Worker, folder: Path) -> None:
        """Download, annotate in a child, store, commit."""
        began = time.monotonic()
        try:
            task = self._fetched(folder)
        except FileNotFoundError:
            self.fail(GONE)
            return
        outcome = self._watch(worker.start(task))
        if outcome.crashed:
            self._judge_crash(outcome.error or NO_MESSAGE)
            return
        self.health.record_success()
        if outcome.error:
            self.fail(outcome.error)
        else:
            self._store(outcome)
            log.info("job %s completed in %.2f s", self.job.job_id, time.monotonic() - began)

    def renew(self) -> None:
        """Extend the lease. Raises Refused where it is lost."""
        self.world.jobs.renew(
            self.job.job_id,
            owner=self.owner,
            lease_s=self.world.config.aws.visibility_s,
            progress=self.progress,
        )

    def fail(self, error: str) -> None:
        """Commit FAILED with a message for the owner. Raises Refused where the lease is lost."""
        log.info("job %s failed; its row says why", self.job.job_id)  # in words of the file's own
        flush(self.world, self.world.jobs.fail(self.job.job_id, owner=self.owner, error=error))

    def give_up(self, fault: str) -> None:
        """Commit FAILED after the last attempt."""
        tries = self.job.attempt
        self.fail(
            f"GAS tried {tries} times and could not annotate this file: {fault}. "
            "Please check the file; if it is a usable VCF, tell the operators this job's id."
        )

    def _fetched(self, folder: Path) -> Task:
        """The task, with its files in `folder`. Raises FileNotFoundError."""
        files, job = self.world.files, self.job
        path, annotation = folder / "input", None
        files.download(job.s3_inputs_bucket, job.s3_key_input_file, path, job.input_etag)
        if job.annotation:
            name = files.keys.parse_annotation(job.annotation.key, job.user_id).rest
            annotation = Annotation(folder / "annotation", name, job.annotation_tag)
            files.download(job.annotation.bucket, job.annotation.key, annotation.path)
        return self._task(path, folder, annotation)

    def _task(self, path: Path, folder: Path, annotation: Annotation | None) -> Task:
        account = self.world.accounts.get(self.job.user_id)
        extra = self.world.config.annotator.references
        return Task(
            input=path,
            folder=folder,
            name=self.job.input_file_name,
            reference=self.job.reference,
            limits=limits(self.world, account),
            references=Path(extra) if extra else None,
            mode=self.job.mode or AUTO,
            annotation=annotation,
        )

    def _watch(self, run: Run) -> Outcome:
        """Wait for the child; once the heartbeat is released, return the job.

        Whatever comes instead of an outcome, the child does not outlive it.
        """
        try:
            while True:
                outcome = run.wait(TICK_S)
                if outcome:
                    return outcome
                if self.heartbeat.released.is_set():
                    run.kill()
                    self._return_to_queue()
                self._record_progress(run.progress)
        finally:
            run.kill()

    def _record_progress(self, progress: str) -> None:
        """Write the progress now and then; an outage is left to the heartbeat to outlast."""
        changed = progress != self.progress
        if not changed or time.monotonic() - self.progress_time < PROGRESS_S:
            return
        self.progress, self.progress_time = progress, time.monotonic()
        try:
            self.renew()
        except Exception as fault:
            if not is_outage(fault):
                raise
            log.warning("job %s: progress not written: %s", self.job.job_id, fault)

    def _return_to_queue(self) -> NoReturn:
        """Set the job back to PENDING if the lease is still ours; return the message anyway."""
        self._give_lease_back()
        raise ReturnToQueue(f"job {self.job.job_id} was interrupted")

    def _give_lease_back(self) -> None:
        """Set the job back to PENDING. Raises Refused where the lease is lost."""
        self.world.jobs.return_to_queue(self.job.job_id, owner=self.owner)

    def _judge_crash(self, fault: str) -> None:
        """Count a crash against the job, unless this machine is at fault."""
        if self.health.blames_machine(self.job.user_id, fault, disk_bytes(self.world)):
            give_back(self.world, self.job.job_id, self.owner, None)
            raise ReturnToQueue(f"job {self.job.job_id}: this machine is at fault: {fault}")
        self._count_crash(fault)

    def _count_crash(self, fault: str) -> None:
        """Count a crash against the job, which gets another attempt or has FAILED."""
        if self.job.crashes + 1 >= self.world.config.annotator.max_attempts:
            self.give_up(fault)
            return
        self.world.jobs.return_to_queue(self.job.job_id, owner=self.owner, fault=fault)
        raise ReturnToQueue(f"job {self.job.job_id}: {fault}")

    def _store(self, outcome: Outcome) -> None:
        """Record the keys in the row, write the outputs, commit, then flush the row's outbox."""
        paths: dict[str, Path] = {name: getattr(outcome, name) for name in OUTPUTS}
        outputs = {name: self._place(name, path) for name, path in paths.items()}
        self.world.jobs.intend_outputs(
            self.job.job_id, owner=self.owner, outputs=tuple(outputs.values())
        )
        for name, stored in outputs.items():
            kind = OUTPUTS[name].content_type
            self.world.files.upload(paths[name], stored.bucket, stored.key, kind)
        try:
            job = self.world.jobs.complete(
                self.job.job_id, owner=self.owner, result=_result(outputs, outcome)
            )
        except Refused:
            self._clear(outputs)
            raise
        flush(self.world, job)

    def _place(self, name: str, path: Path) -> S3Object:
        """The object that one output of this attempt is stored as."""
        job, files = self.job, self.world.files
        file_name = OUTPUTS[name].file_name(job.input_file_name, str(path))
        return S3Object(
            files.results, files.keys.output(job.user_id, job.job_id, job.attempt, file_name)
        )

    def _clear(self, outputs: dict[str, S3Object]) -> None:
        """Delete this attempt's outputs after losing the lease, unless the row refers to them."""
        referred = self.world.jobs.get(self.job.job_id).outputs.values()
        if any(stored in referred for stored in outputs.values()):
            return
        for stored in outputs.values():
            self.world.files.delete(stored.bucket, stored.key)


def _result(outputs: dict[str, S3Object], outcome: Outcome) -> Result:
    return Result(
        outputs=outputs,
        result_bytes=outcome.result_bytes,
        result_sha256=outcome.result_sha256,
        reference=outcome.reference,
        counts=outcome.counts or {},
    )


def limits(world: World, account: Account) -> JobLimits:
    """The limits of one job of this account."""
    settings, tiers = world.config.annotator, world.config.tiers
    premium = account.is_premium
    return JobLimits(
        timeout_s=settings.timeout_s,
        memory_mb=settings.memory_mb,
        max_line_bytes=MAX_LINE_BYTES,
        max_records=tiers.premium_max_records if premium else tiers.free_max_records,
        max_text_bytes=(tiers.premium_max_text_bytes if premium else tiers.free_max_text_bytes),
        max_disk_bytes=disk_bytes(world),
    )


def disk_bytes(world: World) -> int:
    """The disk that one job may use."""
    return world.config.annotator.disk_mb * 1_000_000
