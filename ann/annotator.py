"""The annotator daemon: claims a job, runs the pipeline in a child, stores its outputs."""

import json
import logging
import os
import queue
import signal
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from ann import references
from ann.csq import AUTO
from ann.pipeline import JobLimits, Outcome, Task
from ann.worker import Run, Worker
from aws import consumer
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.machine.instance import Instance
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Leased, Refused, Result
from aws.rows.outputs import OUTPUTS
from aws.storage.stored import S3Object

log = logging.getLogger(__name__)

TICK_S = 0.5
"""The longest until a lost lease or a stop is noticed while the child runs."""
PROGRESS_S = 2
"""The least time between two writes of the progress."""
MAX_LINE_BYTES = 64 * 1024 * 1024
NO_MESSAGE = "the worker died without an error message"
GONE = "The uploaded file is no longer there. Please upload it again."


class Annotator:
    """Handles job requests with a pool of warm workers, one for each job at a time."""

    def __init__(self, workers: list[Worker], instance: Instance | None = None) -> None:
        self.instance = instance or Instance()
        self.idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self.idle.put(worker)

    def handle(self, world: World, event: Event) -> None:
        """Run the job of one request to its end, or return it to the queue for another attempt."""
        self.instance.busy()
        try:
            self._handle(world, event)
        finally:
            self.instance.idle()

    def _handle(self, world: World, event: Event) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        job = claim(world, event.job_id, owner)
        if job is None:
            return
        attempt = Attempt(world, event, job, owner)
        if job.crashes >= world.config.annotator.max_attempts:
            attempt.give_up(job.fault or NO_MESSAGE)
            return
        try:
            with self._worker() as worker, tempfile.TemporaryDirectory(prefix="gas-") as folder:
                attempt.run(worker, Path(folder))
        except Refused as reason:
            raise ReturnToQueue(f"the lease is lost: {reason}") from None

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self.idle.get()
        try:
            yield worker
        finally:
            self.idle.put(worker)


def claim(world: World, job_id: str, owner: str) -> Job | None:
    """Take the lease and delete an earlier attempt's outputs; None where nothing is to be done."""
    try:
        job = world.jobs.start(job_id, owner=owner, lease_s=world.config.aws.visibility_s)
    except Leased as reason:
        log.info("%s", reason)
        return None
    except Refused:
        flush(world, world.jobs.get(job_id))
        return None
    if job.crashes and job.fault:
        log.warning("job %s taken over, attempt %d: %s", job_id, job.attempt, job.fault)
    return flush(world, job)


class Attempt:
    """One attempt at one job, by the holder of its lease."""

    def __init__(self, world: World, event: Event, job: Job, owner: str) -> None:
        self.world, self.job, self.owner, self.heartbeat = world, job, owner, event.heartbeat
        self.progress, self.progress_time = "starting", time.monotonic()
        self.heartbeat.renew_with(self.renew)

    def run(self, worker: Worker, folder: Path) -> None:
        """Download, annotate in a child, store, commit."""
        began = time.monotonic()
        path = folder / "input"
        try:
            self.world.files.download(self.job.s3_inputs_bucket, self.job.s3_key_input_file, path)
        except FileNotFoundError:
            self.fail(GONE)
            return
        outcome = self._watch(worker.start(self._task(path, folder)))
        if outcome.crashed:
            self._count_crash(outcome.error or NO_MESSAGE)
        elif outcome.error:
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
        log.info("job %s failed: %s", self.job.job_id, error)
        flush(self.world, self.world.jobs.fail(self.job.job_id, owner=self.owner, error=error))

    def give_up(self, fault: str) -> None:
        """Commit FAILED after the last attempt."""
        tries = self.world.config.annotator.max_attempts
        self.fail(
            f"GAS tried {tries} times and could not annotate this file: {fault}. "
            "Please check the file; if it is a usable VCF, tell the operators this job's id."
        )

    def _task(self, path: Path, folder: Path) -> Task:
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
        )

    def _watch(self, run: Run) -> Outcome:
        """Wait for the child; once the heartbeat is released, kill it and return the job."""
        while True:
            outcome = run.wait(TICK_S)
            if outcome:
                return outcome
            if self.heartbeat.released.is_set():
                run.kill()
                self._return_to_queue()
            self._record_progress(run.progress)

    def _record_progress(self, progress: str) -> None:
        changed = progress != self.progress
        if changed and time.monotonic() - self.progress_time >= PROGRESS_S:
            self.progress, self.progress_time = progress, time.monotonic()
            self.renew()

    def _return_to_queue(self) -> NoReturn:
        """Set the job back to PENDING if the lease is still ours; return the message anyway."""
        self.world.jobs.return_to_queue(self.job.job_id, owner=self.owner)
        raise ReturnToQueue(f"job {self.job.job_id} was interrupted")

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
        max_disk_bytes=settings.disk_mb * 1_000_000,
    )


def publish_references(world: World) -> None:
    """Publish the references installed here to the site: one reference.json for each."""
    extra = world.config.annotator.references
    bucket = world.files.references
    for reference in references.installed(Path(extra) if extra else None):
        body = json.dumps(reference.describe(), indent=1).encode()
        world.files.write(bucket, f"{reference.name}/reference.json", body)


def main() -> None:
    """Serve job requests, as many at a time as config.ini says."""
    world, _ = consumer.begin("annotator", __doc__)
    publish_references(world)
    concurrency = world.config.annotator.workers
    instance = Instance.detect()
    instance.watch(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with ExitStack() as stack:
        stack.callback(instance.leave)
        workers = [stack.enter_context(Worker()) for _ in range(concurrency)]
        consumer.serve(world, "job_requests", Annotator(workers, instance).handle, concurrency)


if __name__ == "__main__":
    main()
