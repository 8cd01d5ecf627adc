"""The annotator daemon: claims a job, runs the pipeline in a child, stores its outputs."""

import json
import logging
import os
import queue
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from ann import health, references
from ann.attempt import NO_MESSAGE, Attempt, claim, disk_bytes, give_back
from ann.beacon import Beacon
from ann.disk import NO_DESCRIPTOR
from ann.health import Health
from ann.job_folder import job_folder, remove_leftovers
from ann.sandbox import tell_what_is_lacking
from ann.worker import ServerError, Worker
from aws import consumer
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.machine.instance import Instance
from aws.machine.stop_request import StopRequest
from aws.outage import is_outage
from aws.resources import World
from aws.rows.job import Job, Refused

log = logging.getLogger(__name__)


MAX_LAPSES = 10
"""Machines that went away with a job before it has FAILED.

More than its crashes: a child cannot end its machine, and machines go away for other reasons.
"""


class Annotator:
    """Handles job requests with a pool of warm workers, one for each job at a time."""

    def __init__(
        self,
        workers: list[Worker],
        instance: Instance | None = None,
        health: Health | None = None,
    ) -> None:
        self.instance, self.health = instance or Instance(), health or Health()
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
        """Leave no lease behind: whatever fails, the job can be claimed again within seconds."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        job = None
        try:
            job = claim(world, event.job_id, owner)
            if job is not None:
                self._run(Attempt(world, event, job, owner, self.health))
        except Refused as reason:
            raise ReturnToQueue(f"the lease is lost: {reason}") from None
        except ReturnToQueue:
            raise
        except Exception as fault:
            words = self._fault_of_file(world, job, fault) if job else None
            give_back(world, event.job_id, owner, words)
            raise

    def _run(self, attempt: Attempt) -> None:
        job, settings = attempt.job, attempt.world.config.annotator
        if job.crashes >= settings.max_attempts or job.lapses >= MAX_LAPSES:
            attempt.give_up(job.fault or NO_MESSAGE)
            return
        with self._worker() as worker, job_folder() as folder:
            attempt.run(worker, folder)

    def _fault_of_file(self, world: World, job: Job, fault: Exception) -> str | None:
        """The words for a crash to count against the file; None where something else is to blame.

        AWS or the way to it, the fork server, or this machine, which is tried.
        """
        if is_outage(fault):
            return None
        words = f"the annotator broke down: {type(fault).__name__}: {fault}"
        if isinstance(fault, OSError):
            words = f"{health.DISK_FAILED}: {fault.strerror or fault}"
        blamed = self.health.blames_machine(job.user_id, words, disk_bytes(world))
        return None if blamed or _is_ours(fault) else words

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self.idle.get()
        try:
            yield worker
        finally:
            self.idle.put(worker)


def _is_ours(fault: Exception) -> bool:
    """True for what no file brings about: our fork server, and our file descriptors."""
    wants = isinstance(fault, OSError) and fault.errno in NO_DESCRIPTOR
    return wants or isinstance(fault, ServerError)


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
    stopping = StopRequest().on_signals()  # before an instance that is to end can ask for it
    tell_what_is_lacking()
    remove_leftovers()
    instance = Instance.detect()
    state = Health(lambda fault: stopping.set())
    with ExitStack() as stack:
        stack.callback(leave, instance, state)
        state.fault = health.trial()
        if state.fault is None:
            instance.watch(stopping.set)
            serve(world, instance, state, stopping)
        if state.fault:
            sys.exit(f"gas: this machine is sick and takes no jobs: {state.fault}")


def leave(instance: Instance, state: Health) -> None:
    """Have a sick machine replaced, and let the instance go."""
    if state.fault:
        instance.mark_unhealthy()
    instance.leave()


def serve(world: World, instance: Instance, state: Health, stopping: StopRequest) -> None:
    """Serve until a stop is requested, or until this machine is found sick."""
    publish_references(world)
    concurrency = world.config.annotator.workers
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker()) for _ in range(concurrency)]
        handle = Annotator(workers, instance, state).handle
        beacon = stack.enter_context(Beacon(world, concurrency))
        consumer.serve(
            world,
            "job_requests",
            beacon.timing(handle),
            concurrency,
            stopping,
            partial(leave, instance, state),
        )


if __name__ == "__main__":
    main()
