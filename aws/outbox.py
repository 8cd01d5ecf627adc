"""The outbox of a row: publish its events, delete its garbage, re-check its owner's role."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from aws.resources import World
from aws.rows.job import Job
from aws.storage.stored import Archive, S3Object, Stored

log = logging.getLogger(__name__)

DELETING_S = 3
"""The time after which a deletion that fails is the last: a page may wait for it, or a lease."""


def flush(world: World, job: Job) -> Job:
    """Publish the row's events, delete its garbage, re-check the role; return the job afterwards.

    Call it only after a write of the row: while no row can be written, nothing could be struck out,
    and each delivery of a message would publish further ones. What a crash leaves is the sweeper's,
    which counts its retry first. What was done is struck out although something else failed.
    Garbage that cannot be deleted stays in the row, and blocks nothing; an event that cannot be
    published raises.
    """
    published, fault = _publish(world, job)
    deleted = _delete(world, job)
    if published or deleted:
        job = world.jobs.strike_out(job.job_id, outbox=published, garbage=deleted)
    if fault:
        raise fault
    return recheck_role(world, job) if job.role_check_due else job


def _publish(world: World, job: Job) -> tuple[tuple[str, ...], Exception | None]:
    """Publish event by event; return those that went out, and why the next one did not."""
    published: list[str] = []
    try:
        for entry in job.outbox:
            world.events.publish(entry.partition("@")[0], job.event)
            published.append(entry)
    except (BotoCoreError, ClientError) as fault:
        return tuple(published), fault
    return tuple(published), None


def _delete(world: World, job: Job) -> tuple[Stored, ...]:
    """Delete the row's garbage, return what has gone; a silent service is called no more."""
    deleted, end = [], world.clock() + DELETING_S
    for stored in job.garbage:
        if _is_deleted(world, stored):
            deleted.append(stored)
        elif world.clock() > end:
            break
    return tuple(deleted)


def _is_deleted(world: World, stored: Stored) -> bool:
    """Delete one piece of garbage; False where that fails."""
    try:
        discard(world, stored)
    except (BotoCoreError, ClientError) as fault:
        log.warning("%s could not be deleted and stays garbage: %s", stored, fault)
        return False
    return True


def recheck_role(world: World, job: Job) -> Job:
    """Re-read the role after a commit that depended on it; correct the result if it has changed.

    The check of an archive that is wanted back stays due until `restore` has requested it.
    """
    premium = world.accounts.get(job.user_id).is_premium
    if job.is_hot and not premium:
        return flush(world, world.jobs.release(job.job_id))
    if job.is_hot and not job.pinned:
        return flush(world, world.jobs.pin(job.job_id))
    if premium and job.is_archived and not job.retrieval and not job.archive_fault:
        world.events.publish("restore", job.event)
        return job
    return world.jobs.clear_role_check(job.job_id, rev=job.rev)


def discard(world: World, stored: Stored) -> None:
    """Delete stored bytes; bytes that are gone already are no error.

    An upload to a vault that was begun cannot be deleted by its token: once it is an archive,
    the inventory finds it.
    """
    match stored:
        case S3Object(bucket, key):
            world.files.delete(bucket, key)
        case Archive(archive_id):
            world.vault.delete(archive_id)
    log.info("deleted %s", stored)


def announce_role(world: World, user_id: str) -> None:
    """Publish a role change whose row is written; the sweeper repeats what is lost here."""
    world.events.publish("restore", {"user_id": user_id})
