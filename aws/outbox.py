"""Finishing what a commit left to do: publish its events, delete its garbage, re-check the role."""

import logging

from aws.resources import World
from aws.rows.job import Job

log = logging.getLogger(__name__)


def flush(world: World, job: Job) -> Job:
    """Do everything that the row still asks for at once; a crash anywhere is done again.

    Returns the job as it stands after. Publishing and deleting twice are harmless.
    """
    for entry in job.outbox:
        world.events.publish(entry.partition("@")[0], job.event)
    for entry in job.garbage:
        discard(world, entry)
    if job.outbox or job.garbage:
        job = world.jobs.strike_out(job.job_id, outbox=job.outbox, garbage=job.garbage)
    return recheck_role(world, job) if job.role_check_due else job


def recheck_role(world: World, job: Job) -> Job:
    """Read the role again after a commit that went by it, and act on what it is by now."""
    premium = world.accounts.get(job.user_id).is_premium
    if job.is_hot and not premium:
        return flush(world, world.jobs.release(job.job_id))
    if job.is_hot and not job.pinned:
        return flush(world, world.jobs.pin(job.job_id))
    if premium and job.is_archived:
        world.events.publish("restore", {"user_id": job.user_id})
    return world.jobs.clear_role_check(job.job_id, rev=job.rev)


def discard(world: World, entry: str) -> None:
    """Delete what an entry of `garbage` names; what is gone already is no error."""
    kind, _, name = entry.partition(":")
    if kind == "s3":
        bucket, _, key = name.partition("/")
        world.files.delete(bucket, key)
    elif kind == "archive":
        world.vault.delete(name)
    elif kind != "upload":
        raise ValueError(f"garbage of an unknown kind: {entry!r}")
    log.info("deleted %s", entry)


def announce_role(world: World, user_id: str) -> None:
    """Publish a role change whose row is written; the sweeper repeats what is lost here."""
    world.events.publish("restore", {"user_id": user_id})
