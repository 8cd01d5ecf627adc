"""Acts on a change of role: retrieves a premium user's results, or releases a free user's."""

import logging
import uuid

from aws import consumer, failures
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account, DailyLimit
from aws.rows.job import Job, Refused
from util import archive

log = logging.getLogger(__name__)

MIN_REMINDERS = 2
"""Reminders before a change of role counts as carried out. Two are twice the sweeper's grace period
apart by one clock, the sweeper's own, whatever those of the site and of this machine say."""


def handle(world: World, event: Event) -> None:
    """Take every result of the user, or the one that the event names, to where the role wants it.

    The index of a user's jobs is eventually consistent and only names the jobs here: what is done
    follows from their rows. One that it does not list yet is found by a later pass: a change of
    role stays pending, and the sweeper repeats the event, until a pass that began after the second
    reminder.
    """
    account = world.accounts.get(event.user_id)
    try:
        _act(world, event, account)
    except DailyLimit as reason:
        log.info("%s: the rest is for tomorrow", reason)
        world.accounts.await_tomorrow(account.user_id)


def _act(world: World, event: Event, account: Account) -> None:
    """Raises DailyLimit where the user's other results must wait."""
    if "job_id" in event.body:
        apply_role(world, event.job_id, account)
        return
    for listed in world.jobs.all_of(account.user_id):
        if event.heartbeat.released.is_set():
            raise ReturnToQueue("the rest is for the next delivery")
        apply_role(world, listed.job_id, account)
    if account.pending_role_change is not None and account.reminders >= MIN_REMINDERS:
        world.accounts.clear_role_change(account.user_id, account.pending_role_change)


def apply_role(world: World, job_id: str, account: Account) -> None:
    """Act on the role for one job, by its row as it is now."""
    try:
        job = world.jobs.get(job_id)
        if account.is_premium and job.is_archived and not job.retrieval:
            world.accounts.count_retrieval(account.user_id, world.config.restore.max_day)
            request(world, job)
        elif account.is_premium and job.is_hot and not job.pinned:
            flush(world, world.jobs.pin(job_id))
        elif not account.is_premium and must_be_released(world, job, account):
            flush(world, world.jobs.release(job_id))
    except Refused as reason:
        log.info("%s", reason)


def must_be_released(world: World, job: Job, account: Account) -> bool:
    """True for a result in S3 whose retention this return to free starts anew."""
    return job.pinned or (
        archive.needs_archiving(job) and archive.is_cut_short(world, job, account)
    )


def request(world: World, job: Job, instead_of: str | None = None) -> None:
    """Request the archive of Glacier: recorded first, so that a lost answer falls due.

    `instead_of` is the token of a retrieval that failed. Raises Refused where another is live.
    """
    token = uuid.uuid4().hex
    tier = world.config.restore.tier
    job = world.jobs.begin_retrieval(job.job_id, token=token, tier=tier, instead_of=instead_of)
    try:
        answer = world.vault.request(job.archive_id, job.job_id, tier)
    except FileNotFoundError as gone:
        failures.fail_retrieval(world, job, str(gone))
        return
    world.jobs.record_retrieval(job.job_id, token=token, answer=answer)
    log.info("job %s: retrieval requested, tier %s", job.job_id, answer.tier)


if __name__ == "__main__":
    consumer.run("restore", handle)
