"""Retries overdue work, each kind in a thread of its own, and has the inventory taken."""

import argparse
import functools
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from aws import consumer, failures, outbox
from aws.limits import SWEEPER
from aws.machine import sd_notify
from aws.machine.stop_request import StopRequest
from aws.resources import World
from aws.rows.job import MAX_RETRIES, Job, PendingWork
from aws.rows.unfinished import unfinished
from aws.storage.vault import RetrievalState
from util import inventory, restore

log = logging.getLogger(__name__)

STOP_S = 20
"""The longest that a stop waits for the threads."""


@dataclass(frozen=True)
class Chore:
    """One kind of the sweeper's work: the keys of the rows that are due, and what is done to each.

    It has a thread and a time budget of its own, so that a silent service holds up no other chore.
    """

    name: str
    due: Callable[[World], Iterable[str]]
    act: Callable[[World, str], object]
    every_s: Callable[[World], int] = lambda world: world.config.sweep.every_s


def sweep(world: World) -> int:
    """Make one pass over the rows; return how many failed and stay due."""
    return sum(do(world, chore) for chore in CHORES)


def do(world: World, chore: Chore) -> int:
    """Make one pass; return how many rows failed. A row that fails stays due and delays no other.

    A pass ends after its time: each row's retry is counted before it is made, so that those at
    which the time went come later in the next pass.
    """
    failed, deadline = 0, world.clock() + chore.every_s(world)
    for key in chore.due(world):
        try:
            chore.act(world, key)
        except Exception:
            failed += 1
            log.exception("sweeping %s (%s) failed", key, chore.name)
        if world.clock() > deadline:
            log.warning("the sweep's time for %s is over; it goes on in the next pass", chore.name)
            break
    return failed


def retry(world: World, job_id: str, work: PendingWork) -> None:
    """Retry this work of the job if it is overdue, by its row: the index lags behind."""
    job = world.jobs.get(job_id)
    if not is_overdue(world, job, work):
        return
    log.info("job %s has overdue work: %s", job_id, work)
    if work is PendingWork.PROGRESS:
        counted = world.jobs.republish(job_id)
    else:
        counted = world.jobs.count_retry(job_id, work=work)
    if counted.is_given_up and not job.is_given_up:
        log.error("job %s given up: %s was retried in vain", job_id, work)
    RETRIES[work](world, counted)


def is_overdue(world: World, job: Job, work: PendingWork) -> bool:
    """True if the row's due time has come and this work is due.

    What a commit left to be done is due a grace period after any look at the row.
    """
    at = world.jobs.now()
    looked = replace(at, now=at.now - at.timeouts.grace_s)
    return unfinished(job, looked).get(work, at.now + 1) <= at.now


def expire(world: World, job: Job) -> None:
    """Have a result archived whose retention is over although no message came."""
    world.queues.send("results_archive", json.dumps(job.event))


def check_retrieval(world: World, job: Job) -> None:
    """Check a retrieval whose notice is overdue: have it thawed, wait on, or request it again."""
    retrieval = job.retrieval
    if retrieval is None:
        return
    if retrieval.id is None:
        restore.request(world, job, instead_of=retrieval.token)
        return
    try:
        state = world.vault.describe(job.archive_id, retrieval.id)
    except FileNotFoundError as gone:
        failures.fail_retrieval(world, job, str(gone))
        return
    if state is RetrievalState.FAILED:
        request_again(world, job)
        return
    after_s = world.config.restore.patience_s
    world.jobs.postpone_check(job.job_id, token=retrieval.token, after_s=after_s)
    if state is RetrievalState.READY:
        notice = world.vault.notice(job.archive_id, job.job_id, retrieval.id)
        world.queues.send("thaw", json.dumps(notice))


def request_again(world: World, job: Job) -> None:
    """Request an archive whose retrieval failed or expired, until it has failed too often."""
    failed = failures.fail_retrieval(world, job, "its retrieval failed or expired")
    if failed.retrieval:
        restore.request(world, failed, instead_of=failed.retrieval.token)


RETRIES: dict[PendingWork, Callable[[World, Job], object]] = {
    PendingWork.COMMIT: outbox.flush,
    PendingWork.PROGRESS: outbox.flush,
    PendingWork.RETENTION: expire,
    PendingWork.RETRIEVAL: check_retrieval,
}


def remind(world: World, user_id: str) -> None:
    """Publish a pending change of role again."""
    account = world.accounts.count_reminder(user_id)
    if account.reminders == MAX_RETRIES:
        log.error("user %s given up: a change of role was announced in vain", user_id)
    outbox.announce_role(world, user_id)


def _far_s(world: World) -> float:
    """The distance (s) from which on a due time is looked at: nearer ones come about soon."""
    return world.config.aws.visibility_s


CHORES = (
    *(
        Chore(str(work), lambda world: world.jobs.due(), functools.partial(retry, work=work))
        for work in (
            PendingWork.COMMIT,
            PendingWork.PROGRESS,
            PendingWork.RETENTION,
            PendingWork.RETRIEVAL,
        )
    ),
    Chore("roles", lambda world: world.accounts.due(), remind),
    Chore(
        "times of jobs",
        lambda world: world.jobs.waiting(_far_s(world)),
        lambda world, job_id: world.jobs.bound_times(job_id),
        lambda world: world.config.sweep.patience_s,
    ),
    Chore(
        "times of accounts",
        lambda world: world.accounts.waiting(_far_s(world)),
        lambda world, user_id: world.accounts.bound_times(user_id),
        lambda world: world.config.sweep.patience_s,
    ),
)
INVENTORY = Chore("inventory", lambda _: ("stores",), lambda world, _: inventory.step(world))


def serve(world: World, stopping: StopRequest) -> None:
    """Do every chore at its interval, the inventory too, until `stopping` is set."""
    threads = [
        threading.Thread(target=_repeat, args=(world, chore, stopping), daemon=True)
        for chore in (*CHORES, INVENTORY)
    ]
    for thread in threads:
        thread.start()
    log.info("sweeping every %d s", world.config.sweep.every_s)
    sd_notify.ready()
    stopping.wait()
    for thread in threads:
        thread.join(STOP_S / len(threads))


def _repeat(world: World, chore: Chore, stopping: StopRequest) -> None:
    while not stopping.is_set():
        try:
            do(world, chore)
        except Exception:
            log.exception("a sweep (%s) failed: an endpoint that is away may come back", chore.name)
        stopping.wait(chore.every_s(world))


def main() -> None:
    """The command line: `./gas sweep`."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--once", action="store_true", help="one pass and the whole inventory, then exit"
    )
    world, args = consumer.begin("sweep", __doc__, options, SWEEPER)
    if args.once:
        failed = sweep(world)
        log.info("deleted %d orphaned object(s)", inventory.take(world))
        sys.exit(1 if failed else 0)
    serve(world, StopRequest().on_signals())


if __name__ == "__main__":
    main()
