"""Sees to a change of role: asks Glacier for a premium user's results, or lets a free user's go."""

import logging
import uuid

from aws import consumer
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Refused

log = logging.getLogger(__name__)


def handle(world: World, event: Event) -> None:
    """Take every job of the user to where the role wants it.

    The index of a user's jobs is eventually consistent, so a change of role counts as seen to
    only after a pass that began a while after it; the sweeper repeats the event until then.
    """
    began = world.clock()
    account = world.accounts.get(event.user_id)
    for listed in world.jobs.all_of(account.user_id):
        if event.heartbeat.released.is_set():
            raise ReturnToQueue("the rest is for the next delivery")
        follow(world, listed, account)
    settled = began - account.changed_time >= world.config.sweep.grace_s
    if account.pending_role_change is not None and settled:
        world.accounts.clear_role_change(account.user_id, account.pending_role_change)


def follow(world: World, listed: Job, account: Account) -> None:
    """One job's share; `listed` comes from the index, so each step reads the row again."""
    try:
        if account.is_premium and listed.is_archived and not listed.retrieval:
            ask(world, listed)
        elif account.is_premium and listed.is_hot and not listed.pinned:
            flush(world, world.jobs.pin(listed.job_id))
        elif not account.is_premium and listed.is_hot and listed.pinned:
            flush(world, world.jobs.release(listed.job_id))
    except Refused as reason:
        log.info("%s", reason)


def ask(world: World, job: Job, instead_of: str | None = None) -> None:
    """Ask Glacier for the archive: noted first, so that a lost answer falls due.

    `instead_of` is the token of a retrieval that failed. Raises Refused where another is live.
    """
    token = uuid.uuid4().hex
    tier = world.config.restore.tier
    job = world.jobs.begin_retrieval(job.job_id, token=token, tier=tier, instead_of=instead_of)
    asked = world.vault.request(job.results_file_archive_id or "", job.job_id, tier)
    world.jobs.record_retrieval(job.job_id, token=token, asked=asked)
    log.info("job %s asked for by %s", job.job_id, asked.tier)


if __name__ == "__main__":
    consumer.run("restore", handle)
