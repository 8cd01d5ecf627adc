"""Acts on a change of role: retrieves a premium user's results, or releases a free user's."""

import logging
import uuid

from aws import consumer, failures
from aws.consumer import ReturnToQueue
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Refused

log = logging.getLogger(__name__)


def handle(world: World, event: Event) -> None:
    """Take every result of the user to where the role wants it.

    The index of a user's jobs is eventually consistent, so a change of role stays pending until
    a pass that began a while after it; the sweeper repeats the event until then.
    """
    began = world.clock()
    account = world.accounts.get(event.user_id)
    for listed in world.jobs.all_of(account.user_id):
        if event.heartbeat.released.is_set():
            raise ReturnToQueue("the rest is for the next delivery")
        apply_role(world, listed, account)
    index_is_current = began - account.changed_time >= world.config.sweep.grace_s
    if account.pending_role_change is not None and index_is_current:
        world.accounts.clear_role_change(account.user_id, account.pending_role_change)


def apply_role(world: World, listed: Job, account: Account) -> None:
    """Act on the role for one job; `listed` comes from the index, so steps read the row again."""
    try:
        if account.is_premium and listed.is_archived and not listed.retrieval:
            request(world, listed)
        elif account.is_premium and listed.is_hot and not listed.pinned:
            flush(world, world.jobs.pin(listed.job_id))
        elif not account.is_premium and listed.is_hot and listed.pinned:
            flush(world, world.jobs.release(listed.job_id))
    except Refused as reason:
        log.info("%s", reason)


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
