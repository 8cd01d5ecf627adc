"""What the proofs share: the daemons in one process, jobs at any stage, a world at rest."""

import hashlib
import itertools
import re
import uuid
from pathlib import Path

from boto3.s3.transfer import TransferConfig

from ann.annotator import Annotator
from ann.pipeline import Outcome, Task
from ann.worker import Worker
from aws import outbox
from aws.consumer import Handler, ReturnToQueue
from aws.events import Event, Message, parse
from aws.resources import DAEMONS, World
from aws.rows.accounts import Account
from aws.rows.job import Job, Result, in_s3
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from util import archive, notify, restore, sweep, thaw

LATE_S = 100_000
"""Longer than every patience there is."""
VISIBILITY_S = 30
ROUNDS = 60
RESULT = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
USERS = itertools.count(1)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WIPED: set[str] = set()
"""Jobs of earlier scenes: a late notice may still tell of them, and is of no interest."""


class QuickRun:
    """A pipeline's run that is over at once."""

    progress = "annotating"

    def __init__(self, task: Task) -> None:
        self.task = task

    def wait(self, seconds: float) -> Outcome:
        body = RESULT + self.task.input.read_bytes()
        folder = self.task.folder
        done = Outcome(
            folder,
            counts={"records": 1, "annotated": 1, "not_annotated": 0},
            result_bytes=len(body),
            result_sha256=hashlib.sha256(body).hexdigest(),
            reference="rCRS",
        )
        for path in (done.result, done.index, done.log, done.summary):
            path.write_bytes(body if path == done.result else b"{}")
        return done

    def kill(self) -> None:
        """Nothing runs."""


class QuickWorker(Worker):
    """Stands in at the pipeline's edge: what the daemon does with AWS is all real."""

    def __init__(self) -> None:
        self.server = None

    def start(self, task: Task) -> QuickRun:  # type: ignore[override]
        return QuickRun(task)


def handlers() -> dict[str, Handler]:
    """Each queue's handler, as its daemon runs it."""
    return {
        "job_requests": Annotator([QuickWorker()]).handle,
        "job_results": notify.handle,
        "results_archive": archive.handle,
        "restore": restore.handle,
        "thaw": thaw.handle,
    }


def unthreaded(world: World) -> World:
    """Transfers in the calling thread, so that a fault at the k-th call is always the same one."""
    plain = TransferConfig(use_threads=False)
    world.files.transfer = plain
    if hasattr(world.vault, "transfer"):
        world.vault.transfer = plain
    return world


def user(world: World, premium: bool = False) -> Account:
    """A new account."""
    number = next(USERS)
    account = world.accounts.sign_in(
        str(uuid.uuid4()), f"User {number}", f"u{number}@example.org", "Example"
    )
    if premium:
        account = world.accounts.subscribe(account.user_id)
        account = world.accounts.clear_role_change(account.user_id, account.role_changes)
    return account


def uploaded(world: World, account: Account, body: bytes = b"input") -> Job:
    """A job as the site would submit it, its input in S3; no row yet."""
    job_id = str(uuid.uuid4())
    key = world.files.input_prefix(account.user_id, job_id) + "a.vcf"
    world.files.write(world.files.inputs, key, body)
    return Job(job_id, account.user_id, "a.vcf", world.files.inputs, key, len(body))


def submitted(world: World, account: Account, body: bytes = b"input") -> Job:
    """A job whose request has been published."""
    return outbox.flush(world, world.jobs.submit(uploaded(world, account, body)))


def started(world: World, account: Account, owner: str = "me", body: bytes = b"input") -> Job:
    job = world.jobs.submit(uploaded(world, account, body))
    return world.jobs.start(job.job_id, owner=owner, lease_s=VISIBILITY_S)


def result_of(world: World, job: Job, body: bytes = RESULT) -> Result:
    """Store a result of the job's current attempt; what `complete` takes."""
    keys = [world.files.result_key(job, name) for name in (job.result_name, "i", "l", "s")]
    names = tuple(in_s3(world.files.results, key) for key in keys)
    world.jobs.intend_outputs(job.job_id, owner=job.lease_owner, names=names)
    for key in keys:
        world.files.write(world.files.results, key, body)
    digest = hashlib.sha256(body).hexdigest()
    return Result(world.files.results, *keys, len(body), digest, "rCRS", {"records": 1})


def completed(world: World, account: Account, body: bytes = RESULT) -> Job:
    """A job whose commit was the last thing that happened: its events are still to be published."""
    job = started(world, account)
    result = result_of(world, job, body)
    return world.jobs.complete(job.job_id, owner="me", result=result)


def archived(world: World, account: Account, body: bytes = RESULT) -> Job:
    """A free user's job after its time in S3; mailed, nothing left to do."""
    job = outbox.flush(world, completed(world, account, body))
    notify.handle(world, Event(job.event))
    archive.handle(world, Event(job.event))
    return world.jobs.get(job.job_id)


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
            except (Exception, ReturnToQueue):
                failed.append(message)
            else:
                world.queues.delete(message)
                handled += 1
    for message in failed:
        world.queues.change_visibility(message, 0)
    return handled


def settle(world: World, clock: Clock, to: dict[str, Handler], rounds: int = ROUNDS) -> None:
    """Redeliver everything, let every patience run out, sweep, until the world is quiet."""
    for _ in range(rounds):
        deliver(world, to)
        if invariants.is_quiet(world):
            return
        clock.advance(LATE_S)
        sweep.sweep(world)
    raise AssertionError(f"no rest: {list(invariants.restless(world))}")


def take_stock(world: World) -> None:
    """An inventory pass, days later; a vault has its inventory ready at the second asking."""
    world.clock.advance(LATE_S)  # type: ignore[attr-defined]
    sweep.take_inventory(world)
    sweep.take_inventory(world)


def rest(world: World, clock: Clock, aws: Handle) -> invariants.Findings:
    """Let the world come to rest, take stock, look at everything, and clear it away."""
    settle(world, clock, handlers())
    take_stock(world)
    found = invariants.check(world, aws.mail())
    wipe(world)
    return found


def wipe(world: World) -> None:
    """Empty the world for the next builders."""
    for job in invariants.rows(world):
        key = {"job_id": {"S": job.job_id}}
        world.jobs.table.client.delete_item(TableName=world.jobs.table.name, Key=key)
        WIPED.add(job.job_id)
    for bucket in (world.files.inputs, world.files.results):
        for stored in world.files.listing(bucket):
            world.files.delete(bucket, stored.key)
    for archive_id in list(invariants.archive_ids(world)):
        world.vault.delete(archive_id)


def example() -> Path:
    """The bundled example VCF."""
    return Path(__file__).parent.parent / "ann" / "references" / "rCRS" / "example.vcf"
