"""Redoes whatever is overdue, and drops what is stored but named by no row."""

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
from aws.rows.job import Job, PendingWork, in_archive, in_s3, unfinished
from aws.storage.files import StoredObject
from aws.storage.vault import RetrievalState
from util import archive, restore, thaw

log = logging.getLogger(__name__)


def sweep(world: World) -> int:
    """One pass over what is due; return how much failed and stays due."""
    failed = _each((job.job_id for job in world.jobs.due()), mend, world)
    return failed + _each((account.user_id for account in world.accounts.due()), remind, world)


def _each(keys: Iterable[str], act: Callable[[World, str], None], world: World) -> int:
    """Act on every row; one that fails keeps no other waiting and is due again next time."""
    failed = 0
    for key in keys:
        try:
            act(world, key)
        except Exception:
            failed += 1
            log.exception("sweeping %s failed", key)
    return failed


def mend(world: World, job_id: str) -> None:
    """Redo whatever of this job is overdue; the row is read again, for the index lags behind."""
    job = outbox.flush(world, world.jobs.get(job_id))
    at = world.jobs.now()
    for business, due_time in unfinished(job, at).items():
        if due_time <= at.now:
            log.info("job %s has overdue business: %s", job_id, business)
            RETRIES[business](world, job)


def nudge(world: World, job: Job) -> None:
    """Publish again what should have moved the job on: no message may remember it."""
    outbox.flush(world, world.jobs.republish(job.job_id))


def expire(world: World, job: Job) -> None:
    """The retention is over and no message came of it."""
    archive.handle(world, Event(job.event))


def look_into(world: World, job: Job) -> None:
    """A retrieval whose notice is overdue: thaw it, wait on, or ask once more."""
    retrieval, archive_id = job.retrieval, job.results_file_archive_id or ""
    if retrieval is None:
        return
    state = RetrievalState.FAILED
    if retrieval.id:
        state = world.vault.describe(archive_id, retrieval.id)
    if state is RetrievalState.READY:
        thaw.bring_back(world, job, retrieval.id)
    elif state is RetrievalState.PENDING:
        patience_s = world.config.restore.patience_s
        world.jobs.postpone_check(job.job_id, token=retrieval.token, after_s=patience_s)
    else:
        restore.ask(world, job, instead_of=retrieval.token)


RETRIES = {
    PendingWork.COMMIT: outbox.flush,
    PendingWork.PROGRESS: nudge,
    PendingWork.RETENTION: expire,
    PendingWork.RETRIEVAL: look_into,
}


def remind(world: World, user_id: str) -> None:
    """Publish a change of role whose consequences nobody has seen to yet."""
    world.accounts.count_reminder(user_id)
    outbox.announce_role(world, user_id)


def take_inventory(world: World) -> int:
    """Discard stored objects and archives, old enough, that no row names; return how many.

    Finds what a crash can leave: an upload never claimed, a zombie's late bytes, an archive
    whose id was lost. Reads pages; memory stays bounded.
    """
    before = world.clock() - world.config.sweep.inventory_age_s
    nobodys = 0
    for job_id, entry in _old(world, before):
        if not names(world, job_id, entry):
            outbox.discard(world, entry)
            nobodys += 1
    return nobodys


def _old(world: World, before: float) -> Iterator[tuple[str, str]]:
    """The job id and the garbage entry of everything stored before that time (epoch s)."""
    for bucket in (world.files.inputs, world.files.results):
        for stored in world.files.listing(bucket):
            if stored.time <= before:
                yield _job_id(stored), in_s3(bucket, stored.key)
    for held in world.vault.inventory():
        if held.time <= before:
            yield held.job_id, in_archive(held.archive_id)


def _job_id(stored: StoredObject) -> str:
    """Keys are `<prefix>/<user>/<job id>~…`; anything else is of no job."""
    parts = stored.key.split("/", 2)
    return parts[2].partition("~")[0] if len(parts) > 2 else ""


def names(world: World, job_id: str, entry: str) -> bool:
    """Whether the job's row names what the entry stands for."""
    try:
        job = world.jobs.get(job_id) if job_id else None
    except KeyError:
        return False
    return job is not None and entry in named(job)


def named(job: Job) -> set[str]:
    """Everything stored that a row names, as garbage entries."""
    results = job.s3_results_bucket or ""
    keys = (
        job.s3_key_result_file,
        job.s3_key_index_file,
        job.s3_key_log_file,
        job.s3_key_summary_file,
    )
    entries = {in_s3(results, key) for key in keys if key}
    entries.add(in_s3(job.s3_inputs_bucket, job.s3_key_input_file))
    if job.results_file_archive_id:
        entries.add(in_archive(job.results_file_archive_id))
    return entries | set(job.pending_writes) | set(job.garbage)


def serve(world: World, stopping: threading.Event) -> None:
    """Sweep again and again until told to stop."""
    settings = world.config.sweep
    inventory_time = world.clock() + settings.inventory_every_s
    log.info("sweeping, serving every %d s", settings.every_s)
    sd_notify.ready()
    while not stopping.is_set():
        _guarded(lambda: sweep(world))
        if world.clock() >= inventory_time:
            _guarded(lambda: take_inventory(world))
            inventory_time = world.clock() + settings.inventory_every_s
        stopping.wait(settings.every_s)


def _guarded(act: Callable[[], int]) -> None:
    """An endpoint that is away now may be back at the next pass."""
    try:
        act()
    except Exception:
        log.exception("a sweep failed")


def main() -> None:
    """The command line: `./gas sweep`."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--once", action="store_true", help="one pass and the inventory, then end")
    world, asked = consumer.begin("sweep", __doc__, options)
    if asked.once:
        failed = sweep(world)
        log.info("%d thing(s) discarded that no row named", take_inventory(world))
        sys.exit(1 if failed else 0)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    serve(world, stopping)


if __name__ == "__main__":
    main()
