"""Moves a free user's result to Glacier once its time in S3 is over."""

import logging
from contextlib import closing

from aws import consumer
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.job import Job, Refused, Status

log = logging.getLogger(__name__)

SKEW_S = 60
"""Two machines' clocks may differ by this much; a message this early is on time."""


def handle(world: World, event: Event) -> None:
    """Archive the result if its owner is still free and its retention is over.

    The account is read when the message arrives, not when it was sent, and again after the
    commit. A message that comes too early changes nothing: the row falls due, and the sweeper
    comes back.
    """
    job = flush(world, world.jobs.get(event.job_id))
    if not needs_archiving(job):
        return
    if world.accounts.get(job.user_id).is_premium:
        flush(world, world.jobs.pin(job.job_id))
    elif world.clock() >= (job.expires_time or 0) - tolerance_s(world):
        store(world, job)


def needs_archiving(job: Job) -> bool:
    """True for a result in S3 that is not known to be a premium user's."""
    return job.job_status is Status.COMPLETED and job.is_hot and not job.pinned


def tolerance_s(world: World) -> float:
    """The time (s) that a message may be early: a fifth of a short retention at most."""
    return min(SKEW_S, world.config.archive.after_s / 5)


def store(world: World, job: Job) -> None:
    """Write the archive, commit, then delete the S3 object: in this order, whatever fails."""
    result = job.result
    reserved = world.vault.reserve(job.user_id, job.job_id)
    flush(world, world.jobs.begin_archive(job.job_id, reserved=reserved))
    with closing(world.files.open(result.bucket, result.key)) as stream:
        archive_id = world.vault.store(reserved, job.job_id, stream, job.result_bytes or 0)
    try:
        job = world.jobs.commit_archive(
            job.job_id, result=result, reserved=reserved, archive_id=archive_id
        )
    except Refused as reason:
        log.info("%s; deleting the archive just written", reason)
        _drop(world, job.job_id, archive_id)
        return
    log.info("job %s archived as %s", job.job_id, archive_id)
    flush(world, job)


def _drop(world: World, job_id: str, archive_id: str) -> None:
    """Delete the archive of a lost race, unless the row refers to it."""
    if world.jobs.get(job_id).results_file_archive_id != archive_id:
        world.vault.delete(archive_id)


if __name__ == "__main__":
    consumer.run("results_archive", handle)
