"""The annotator daemon: claims a job, runs the pipeline in a child, stores what came of it."""

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
from ann.pipeline import JobLimits, Outcome, Task
from ann.worker import Run, Worker
from aws import consumer
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.machine.instance import Instance
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Leased, Refused, Result, in_s3

log = logging.getLogger(__name__)

TICK_S = 0.5
"""How soon a lost lease or a stop is noticed while the child runs."""
PROGRESS_S = 2
"""The least time between two writes of the progress."""
MAX_LINE_BYTES = 64 * 1024 * 1024
GONE = "The uploaded file is no longer there. Please upload it again."


class Annotator:
    """Handles job requests with a pool of warm workers, one for each slot."""

    def __init__(self, workers: list[Worker], instance: Instance | None = None) -> None:
        self.instance = instance or Instance()
        self.idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self.idle.put(worker)

    def handle(self, world: World, event: Event) -> None:
        """Run the job of one request to its end, or hand it back for another attempt."""
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
            attempt.give_up(job.fault or "it stopped without a word")
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
    """Take the lease and clear what an earlier attempt left; None where there is nothing to do."""
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
        self.progress, self.told_time = "starting", time.monotonic()
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
            self._strike(outcome.error or "it stopped without a word")
        elif outcome.error:
            self.fail(outcome.error)
        else:
            self._store(outcome)
            log.info("job %s completed in %.2f s", self.job.job_id, time.monotonic() - began)

    def renew(self) -> None:
        self.world.jobs.renew(
            self.job.job_id,
            owner=self.owner,
            lease_s=self.world.config.aws.visibility_s,
            progress=self.progress,
        )

    def fail(self, error: str) -> None:
        """Commit FAILED with words for the user. Raises Refused where the lease is lost."""
        log.info("job %s failed: %s", self.job.job_id, error)
        flush(self.world, self.world.jobs.fail(self.job.job_id, owner=self.owner, error=error))

    def give_up(self, fault: str) -> None:
        """Commit FAILED after the last attempt that may be made."""
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
        )

    def _watch(self, run: Run) -> Outcome:
        """Wait for the child; kill it when the hold is released and hand the job back."""
        while True:
            outcome = run.wait(TICK_S)
            if outcome:
                return outcome
            if self.heartbeat.released.is_set():
                run.kill()
                self._let_go()
            self._tell(run.progress)

    def _tell(self, progress: str) -> None:
        changed = progress != self.progress
        if changed and time.monotonic() - self.told_time >= PROGRESS_S:
            self.progress, self.told_time = progress, time.monotonic()
            self.renew()

    def _let_go(self) -> NoReturn:
        """Back to PENDING if the lease is still ours; the message goes back either way."""
        self.world.jobs.return_to_queue(self.job.job_id, owner=self.owner)
        raise ReturnToQueue(f"job {self.job.job_id} was interrupted")

    def _strike(self, fault: str) -> None:
        """Count a crash against the job: another attempt, or the end of them."""
        if self.job.crashes + 1 >= self.world.config.annotator.max_attempts:
            self.give_up(fault)
            return
        self.world.jobs.return_to_queue(self.job.job_id, owner=self.owner, fault=fault)
        raise ReturnToQueue(f"job {self.job.job_id}: {fault}")

    def _store(self, outcome: Outcome) -> None:
        """Name the keys, write the bytes, commit, then finish what the commit asks for."""
        bucket = self.world.files.results
        stored = {
            self.world.files.result_key(self.job, name): path
            for name, path in self._outputs(outcome).items()
        }
        names = tuple(in_s3(bucket, key) for key in stored)
        self.world.jobs.intend_outputs(self.job.job_id, owner=self.owner, names=names)
        for key, path in stored.items():
            self.world.files.upload(path, bucket, key)
        try:
            job = self.world.jobs.complete(
                self.job.job_id, owner=self.owner, result=_result(bucket, list(stored), outcome)
            )
        except Refused:
            self._clear(bucket, list(stored))
            raise
        flush(self.world, job)

    def _outputs(self, outcome: Outcome) -> dict[str, Path]:
        """The pipeline's files under the names that people see: result, index, log, summary."""
        name, stem = self.job.result_name, self.job.stem
        return {
            name: outcome.result,
            f"{name}.tbi": outcome.index,
            f"{stem}.vcf.count.log": outcome.log,
            f"{stem}.summary.json": outcome.summary,
        }

    def _clear(self, bucket: str, keys: list[str]) -> None:
        """A zombie's bytes: ours to delete once the row was seen not to name them."""
        job = self.world.jobs.get(self.job.job_id)
        if job.s3_key_log_file in keys:
            return
        for key in keys:
            self.world.files.delete(bucket, key)


def _result(bucket: str, keys: list[str], outcome: Outcome) -> Result:
    """The row's share of an outcome; `keys` are the result's, index's, log's and summary's."""
    result, index, count_log, summary = keys
    return Result(
        s3_results_bucket=bucket,
        s3_key_result_file=result,
        s3_key_index_file=index,
        s3_key_log_file=count_log,
        s3_key_summary_file=summary,
        result_bytes=outcome.result_bytes,
        result_sha256=outcome.result_sha256,
        reference=outcome.reference,
        counts=outcome.counts or {},
    )


def limits(world: World, account: Account) -> JobLimits:
    """What one job of this account may use."""
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
    """Tell the site what this annotator can annotate against: one reference.json for each."""
    extra = world.config.annotator.references
    bucket = world.files.references
    for reference in references.installed(Path(extra) if extra else None):
        body = json.dumps(reference.describe(), indent=1).encode()
        world.files.write(bucket, f"{reference.name}/reference.json", body)


def main() -> None:
    """Serve job requests, as many at a time as config.ini says."""
    world, _ = consumer.begin("annotator", __doc__)
    publish_references(world)
    slots = world.config.annotator.workers
    instance = Instance.detect()
    instance.watch(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with ExitStack() as stack:
        stack.callback(instance.leave)
        workers = [stack.enter_context(Worker()) for _ in range(slots)]
        consumer.serve(world, "job_requests", Annotator(workers, instance).handle, slots)


if __name__ == "__main__":
    main()
