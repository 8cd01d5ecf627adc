"""The daemons in one process: handlers, delivery of messages, and a world brought to rest."""

import hashlib
import os
import re

from boto3.s3.transfer import TransferConfig

from ann.annotator import Annotator
from ann.pipeline import Outcome, Task
from ann.worker import Worker
from aws.consumer import Handler
from aws.events import Event, Message, parse
from aws.processes import DAEMONS
from aws.resources import World
from aws.rows.outputs import OUTPUTS
from aws.storage.s3_glacier import S3Vault
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from util import archive, inventory, notify, restore, sweep, thaw

LATE_S = 100_000
"""Longer than every grace period there is."""
VISIBILITY_S = 30
ROUNDS = 60
MAX_DELETIONS = 1000
"""The most objects that one call deletes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""
BODY = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
"""A result: a VCF without records."""
LOG = b"records\t3\n<script>alert(1)</script>\n"
SUMMARY = b"""{"records": 3, "annotated": 2, "consequences": {"missense": 2}, "known": 1,
"sources": [{"name": "dbsnp", "title": "dbSNP", "version": "build 156", "date": "2022-11-04",
"alleles": 1}]}"""
OTHERS = {"index": b"index", "log": LOG, "summary": SUMMARY}
"""The bytes of the outputs next to a result; any other output has the result's."""
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WIPED: set[str] = set()
"""Jobs of earlier scenes: a late notice of one of them is not handled."""


class QuickRun:
    """A pipeline's run that is over at once."""

    progress = "annotating"

    def __init__(self, task: Task) -> None:
        self.task = task

    def wait(self, seconds: float) -> Outcome:
        body = BODY + self.task.input.read_bytes()
        outcome = Outcome(
            self.task.folder,
            counts={"records": 1, "annotated": 1, "not_annotated": 0},
            result_bytes=len(body),
            result_sha256=hashlib.sha256(body).hexdigest(),
            reference="rCRS",
        )
        for name in OUTPUTS:
            getattr(outcome, name).write_bytes(OTHERS.get(name, body))
        return outcome

    def kill(self) -> None:
        """Nothing runs."""


class QuickWorker(Worker):
    """Stands in for the pipeline; all that the daemon does with AWS is real."""

    def __init__(self) -> None:
        self.server = None

    def start(self, task: Task) -> QuickRun:  # type: ignore[override]
        return QuickRun(task)


def handlers() -> dict[str, Handler]:
    """Each queue's handler, as its daemon runs it."""
    return {
        "job_requests": annotator(),
        "job_results": notify.handle,
        "results_archive": archive.handle,
        "restore": restore.handle,
        "thaw": thaw.handle,
    }


def annotator() -> Handler:
    """The handler of an annotator on a machine of its own."""
    return Annotator([QuickWorker()]).handle


def unthreaded(world: World) -> World:
    """Transfers in the calling thread, so that a fault at the k-th call is always the same one."""
    plain = TransferConfig(use_threads=False)
    world.files.transfer = plain
    if isinstance(world.vault, S3Vault):
        world.vault.transfer = plain
    return world


def deliver(world: World, to: dict[str, Handler]) -> int:
    """Hand out every message there is, until none is left; what fails stays. Return how many."""
    return sum(deliver_queue(world, queue, to[queue]) for queue in DAEMONS)


def deliver_queue(world: World, queue: str, handle: Handler) -> int:
    handled = 0
    failed: list[Message] = []
    while messages := world.queues.receive(queue, 0, VISIBILITY_S, most=10):
        for message in messages:
            try:
                if not WIPED.intersection(UUID.findall(message.body)):
                    handle(world, Event(parse(message.body)))
            except Exception:
                failed.append(message)
            else:
                world.queues.delete(message)
                handled += 1
    for message in failed:
        world.queues.change_visibility(message, 0)
    return handled


def bring_to_rest(world: World, clock: Clock, to: dict[str, Handler], rounds: int = ROUNDS) -> None:
    """Redeliver everything, let every grace period pass, sweep, until the world is quiet."""
    for _ in range(rounds):
        deliver(world, to)
        if invariants.is_quiet(world):
            return
        clock.advance(LATE_S)
        sweep.sweep(world)
    raise AssertionError(f"no rest: {list(invariants.restless(world))}")


def take_stock(world: World) -> None:
    """Take an inventory, days later; a vault has its inventory ready at the second request."""
    world.clock.advance(LATE_S)  # type: ignore[attr-defined]
    for _ in range(2 if world.config.archive.backend == "vault" else 1):
        inventory.take(world)


def rest(world: World, clock: Clock, aws: Handle) -> invariants.Findings:
    """Let the world come to rest, take the inventory, check everything, and wipe it."""
    bring_to_rest(world, clock, handlers())
    take_stock(world)
    found = invariants.check(world, aws.mail(), archives=aws.archives(world))
    wipe(world)
    return found


def wipe(world: World) -> None:
    """Empty the world for the next scene."""
    for job in world.jobs.scan():
        key = {"job_id": {"S": job.job_id}}
        world.jobs.table.client.delete_item(TableName=world.jobs.table.name, Key=key)
        WIPED.add(job.job_id)
    for bucket in (world.files.inputs, world.files.results):
        keys = [{"Key": item.key} for item in world.files.listing(bucket)]
        for start in range(0, len(keys), MAX_DELETIONS):
            batch = {"Objects": keys[start : start + MAX_DELETIONS], "Quiet": True}
            assert "Errors" not in world.files.s3.delete_objects(Bucket=bucket, Delete=batch)
    for archive_id in list(invariants.archive_ids(world)):
        world.vault.delete(archive_id)


def environment(world: World) -> dict[str, str]:
    """The environment of a daemon of this world in a process of its own, which polls briefly."""
    return {
        **os.environ,
        "GAS_GAS_PREFIX": world.config.gas.prefix,
        "GAS_AWS_POLL_S": "1",
        "PYTHONPATH": os.getcwd(),
    }
