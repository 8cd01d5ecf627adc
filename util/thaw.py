"""Brings a result back from Glacier to S3, byte for byte, before its archive is let go."""

import hashlib
import logging
from contextlib import closing
from typing import BinaryIO

from aws import consumer
from aws.events import Event
from aws.outbox import flush
from aws.resources import World
from aws.rows.job import Job, Refused, in_s3
from aws.storage.vault import RetrievalNotice

log = logging.getLogger(__name__)


class DamagedError(RuntimeError):
    """The bytes that came back are not those that were stored."""


def handle(world: World, event: Event) -> None:
    """Act on each retrieval that the message tells the end of."""
    for notice in world.vault.notices(dict(event.body)):
        follow(world, notice)


def follow(world: World, notice: RetrievalNotice) -> None:
    """Thaw, or have a failed retrieval looked into; an archive thawed already is nothing."""
    job = flush(world, world.jobs.get(notice.job_id))
    if job.results_file_archive_id != notice.archive_id:
        log.info("job %s is no longer archived as %s", job.job_id, notice.archive_id)
    elif notice.succeeded:
        bring_back(world, job, notice.retrieval_id)
    elif job.retrieval:
        world.jobs.postpone_check(job.job_id, token=job.retrieval.token, after_s=0)


def bring_back(world: World, job: Job, retrieval_id: str | None) -> None:
    """Write the bytes to a new key, verify, commit, then free the archive.

    Raises DamagedError where size or SHA-256 differ: the archive stays, the copy goes.
    """
    archive_id, bucket = job.results_file_archive_id or "", world.files.results
    number = job.thaws + 1
    key = world.files.thaw_key(job, number)
    named = world.jobs.begin_thaw(
        job.job_id, archive_id=archive_id, name=in_s3(bucket, key), thaws=number
    )
    flush(world, named)
    with closing(world.vault.fetch(archive_id, retrieval_id)) as fetched:
        digest = Digest(fetched)
        world.files.upload_stream(digest, bucket, key)  # type: ignore[arg-type]
    if (digest.bytes, digest.sha256) != (job.result_bytes, job.result_sha256):
        world.files.delete(bucket, key)
        raise DamagedError(f"job {job.job_id}: archive {archive_id} came back changed")
    try:
        job = world.jobs.commit_thaw(job.job_id, archive_id=archive_id, bucket=bucket, key=key)
    except Refused as reason:
        log.info("%s; its copy is dropped", reason)
        _drop(world, job.job_id, bucket, key)
        return
    log.info("job %s thawed to %s", job.job_id, key)
    flush(world, job)


def _drop(world: World, job_id: str, bucket: str, key: str) -> None:
    """The loser deletes its own bytes, having read that the row does not name them."""
    if world.jobs.get(job_id).s3_key_result_file != key:
        world.files.delete(bucket, key)


class Digest:
    """A stream that counts and hashes what is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.bytes, self._hash = stream, 0, hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        part = self.stream.read() if size < 0 else self.stream.read(size)
        self.bytes += len(part)
        self._hash.update(part)
        return part


if __name__ == "__main__":
    consumer.run("thaw", handle)
