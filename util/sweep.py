"""Retries overdue work, and deletes stored objects that no row refers to."""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator

from aws import consumer, outbox
from aws.events import Event
from aws.machine import sd_notify
from aws.resources import World
from aws.rows.job import Job, PendingWork, unfinished
from aws.storage.keys import parse
from aws.storage.stored import Archive, S3Object, Stored
from aws.storage.vault import RetrievalState
from util import archive, restore, thaw

log = logging.getLogger(__name__)


def sweep(world: World) -> int:
    """Make one pass over the due rows; return how many failed and stay due."""
    failed = _each((job.job_id for job in world.jobs.due()), retry, world)
    return failed + _each((account.user_id for account in world.accounts.due()), remind, world)


def _each(keys: Iterable[str], act: Callable[[World, str], None], world: World) -> int:
    """Act on every row; one that fails stays due and delays no other."""
    failed = 0
    for key in keys:
        try:
            act(world, key)
        except Exception:
            failed += 1
            log.exception("sweeping %s failed", key)
    return failed


def retry(world: World, job_id: str) -> None:
    """Retry the job's overdue work; its row is read again, because the index lags behind."""
    job = outbox.flush(world, world.jobs.get(job_id))
    at = world.jobs.now()
    for work, due_time in unfinished(job, at).items():
        if due_time <= at.now:
            log.info("job %s has overdue work: %s", job_id, work)
            RETRIES[work](world, job)


def republish(world: World, job: Job) -> None:
    """Publish the job's latest event again: its message may be lost."""
    outbox.flush(world, world.jobs.republish(job.job_id))


def expire(world: World, job: Job) -> None:
    """Archive a result whose retention is over although no message came."""
    archive.handle(world, Event(job.event))


def check_retrieval(world: World, job: Job) -> None:
    """Check a retrieval whose notice is overdue: thaw it, wait on, or request it again."""
    retrieval = job.retrieval
    if retrieval is None:
        return
    state = RetrievalState.FAILED
    if retrieval.id:
        state = world.vault.describe(job.archive_id, retrieval.id)
    if state is RetrievalState.READY:
        thaw.thaw(world, job, retrieval.id)
    elif state is RetrievalState.PENDING:
        after_s = world.config.restore.patience_s
        world.jobs.postpone_check(job.job_id, token=retrieval.token, after_s=after_s)
    else:
        restore.request(world, job, instead_of=retrieval.token)


RETRIES = {
    PendingWork.COMMIT: outbox.flush,
    PendingWork.PROGRESS: republish,
    PendingWork.RETENTION: expire,
    PendingWork.RETRIEVAL: check_retrieval,
}


def remind(world: World, user_id: str) -> None:
    """Publish a pending change of role again."""
    world.accounts.count_reminder(user_id)
    outbox.announce_role(world, user_id)


def take_inventory(world: World) -> int:
    """Delete orphans, stored objects and archives that no row refers to; return how many.

    Only those old enough are looked at. Finds what a crash can leave: an upload never submitted,
    the late outputs of a lost lease, an archive whose id was lost. Reads pages; memory stays
    bounded.
    """
    before = world.clock() - world.config.sweep.inventory_age_s
    orphans = 0
    for job_id, stored in _old(world, before):
        if not is_referred_to(world, job_id, stored):
            outbox.discard(world, stored)
            orphans += 1
    return orphans


def _old(world: World, before: float) -> Iterator[tuple[str, Stored]]:
    """Everything stored before that time (epoch s), each with its job's id ("": of no job)."""
    for bucket in (world.files.inputs, world.files.results):
        for item in world.files.listing(bucket):
            if item.time <= before:
                yield _job_id(item.key), S3Object(bucket, item.key)
    for entry in world.vault.inventory():
        if entry.time <= before:
            yield entry.job_id, Archive(entry.archive_id)


def _job_id(key: str) -> str:
    try:
        return parse(key).job_id
    except ValueError:
        return ""


def is_referred_to(world: World, job_id: str, stored: Stored) -> bool:
    """True if the job's row refers to these bytes."""
    try:
        return bool(job_id) and stored in world.jobs.get(job_id).stored
    except KeyError:
        return False


def serve(world: World, stopping: threading.Event) -> None:
    """Sweep, and take the inventory, each at its interval until `stopping` is set."""
    settings = world.config.sweep
    inventory_time = world.clock() + settings.inventory_every_s
    log.info("sweeping every %d s", settings.every_s)
    sd_notify.ready()
    while not stopping.is_set():
        _guarded(lambda: sweep(world))
        if world.clock() >= inventory_time:
            _guarded(lambda: take_inventory(world))
            inventory_time = world.clock() + settings.inventory_every_s
        stopping.wait(settings.every_s)


def _guarded(act: Callable[[], int]) -> None:
    """Log a failed pass and go on: an endpoint that is away may be back at the next one."""
    try:
        act()
    except Exception:
        log.exception("a sweep failed")


def main() -> None:
    """The command line: `./gas sweep`."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--once", action="store_true", help="one pass and the inventory, then exit"
    )
    world, args = consumer.begin("sweep", __doc__, options)
    if args.once:
        failed = sweep(world)
        log.info("deleted %d orphaned object(s)", take_inventory(world))
        sys.exit(1 if failed else 0)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    serve(world, stopping)


if __name__ == "__main__":
    main()
