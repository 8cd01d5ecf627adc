"""Copies a result back from Glacier to S3, byte for byte, before its archive is deleted."""

import logging
from contextlib import closing

from aws import consumer, failures
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.job import Job, Refused
from aws.storage.digest import DamagedError, Digest
from aws.storage.stored import S3Object
from aws.storage.vault import RetrievalNotice

log = logging.getLogger(__name__)


def handle(world: World, event: Event) -> None:
    """Act on each retrieval whose end the message announces."""
    for notice in world.vault.notices(dict(event.body)):
        act_on(world, notice)


def act_on(world: World, notice: RetrievalNotice) -> None:
    """Thaw, or have a failed retrieval checked at once; ignore an archive that was thawed."""
    job = world.jobs.get(notice.job_id)
    if job.results_file_archive_id != notice.archive_id:
        log.info("job %s is no longer archived as %s", job.job_id, notice.archive_id)
    elif notice.succeeded:
        thaw(world, job, notice.retrieval_id)
    elif job.retrieval:
        world.jobs.postpone_check(job.job_id, token=job.retrieval.token, after_s=0)


def thaw(world: World, job: Job, retrieval_id: str | None) -> None:
    """Write the bytes to a new key, verify, commit, then delete the archive.

    Where size or SHA-256 differ the archive stays, the copy goes, and the failure is counted.
    """
    archive_id, thaws = job.archive_id, job.thaws + 1
    key = world.files.keys.thawed(job.user_id, job.job_id, thaws, job.result_name)
    copy = S3Object(world.files.results, key)
    begun = world.jobs.begin_thaw(job.job_id, archive_id=archive_id, copy=copy, thaws=thaws)
    flush(world, begun)
    with closing(world.vault.fetch(archive_id, retrieval_id)) as fetched:
        digest = Digest(fetched)
        world.files.upload_stream(digest, copy.bucket, copy.key)  # type: ignore[arg-type]
    try:
        digest.demand(job.result_bytes, job.result_sha256)
    except DamagedError as damage:
        failures.fail_retrieval(world, job, f"its archive came back changed: {damage}")
        return
    try:
        job = world.jobs.commit_thaw(job.job_id, archive_id=archive_id, copy=copy)
    except Refused as reason:
        log.info("%s; deleting the copy just written", reason)
        _drop(world, job.job_id, copy)
        return
    log.info("job %s thawed to %s", job.job_id, key)
    flush(world, job)


def _drop(world: World, job_id: str, copy: S3Object) -> None:
    """Delete the copy of a lost race, unless the row refers to it."""
    if copy not in world.jobs.get(job_id).outputs.values():
        world.files.delete(copy.bucket, copy.key)


if __name__ == "__main__":
    consumer.run("thaw", handle)
