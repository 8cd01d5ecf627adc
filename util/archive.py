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
"""Clocks of two machines may differ by this; a message this early is on time."""


def handle(world: World, event: Event) -> None:
    """Archive the result if its owner is still free and its time is over.

    The account is read when the message arrives, not when it was sent, and again after the
    commit. Too early is no matter: the row falls due, and the sweeper comes back.
    """
    job = flush(world, world.jobs.get(event.job_id))
    if not needs_archiving(job):
        return
    if world.accounts.get(job.user_id).is_premium:
        flush(world, world.jobs.pin(job.job_id))
    elif world.clock() >= (job.expires_time or 0) - tolerance_s(world):
        store(world, job)


def needs_archiving(job: Job) -> bool:
    return job.job_status is Status.COMPLETED and job.is_hot and not job.pinned


def tolerance_s(world: World) -> float:
    return min(SKEW_S, world.config.archive.after_s / 5)


def store(world: World, job: Job) -> None:
    """Write the archive, commit, then delete the S3 object: in this order, whatever fails."""
    bucket, key = job.s3_results_bucket or "", job.s3_key_result_file or ""
    name = world.vault.name(job.user_id, job.job_id)
    flush(world, world.jobs.begin_archive(job.job_id, name=name))
    with closing(world.files.open(bucket, key)) as stream:
        archive_id = world.vault.store(name, job.job_id, stream, job.result_bytes or 0)
    try:
        job = world.jobs.commit_archive(job.job_id, key=key, name=name, archive_id=archive_id)
    except Refused as reason:
        log.info("%s; its archive is dropped", reason)
        _drop(world, job.job_id, archive_id)
        return
    log.info("job %s archived as %s", job.job_id, archive_id)
    flush(world, job)


def _drop(world: World, job_id: str, archive_id: str) -> None:
    """The loser deletes its own bytes, having read that the row does not name them."""
    if world.jobs.get(job_id).results_file_archive_id != archive_id:
        world.vault.delete(archive_id)


if __name__ == "__main__":
    consumer.run("results_archive", handle)
