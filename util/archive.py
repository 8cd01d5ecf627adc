"""Moves a free user's result to Glacier once its time in S3 is over."""

import logging
from contextlib import closing

from aws import consumer, failures
from aws.events import Event, Heartbeat
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Leased, Refused, Status
from aws.storage.digest import DamagedError, Digest
from aws.storage.stored import Stored

log = logging.getLogger(__name__)

SKEW_S = 60
"""Two machines' clocks may differ by this much; a message this early is on time."""


def handle(world: World, event: Event) -> None:
    """Archive the result if its owner is still free and its retention is over.

    The account is read when the message arrives, not when it was sent, and again after the
    commit. A message that comes too early changes nothing: the row falls due, and the sweeper
    comes back.
    """
    job = world.jobs.get(event.job_id)
    if not needs_archiving(job):
        return
    account = world.accounts.get(job.user_id)
    if account.is_premium:
        flush(world, world.jobs.pin(job.job_id))
    elif is_cut_short(world, job, account):
        flush(world, world.jobs.release(job.job_id))
    elif world.clock() >= (job.expires_time or 0) - tolerance_s(world):
        try:
            store(world, job, event.heartbeat)
        except Leased as reason:
            log.info("%s", reason)


def needs_archiving(job: Job) -> bool:
    """True for a result in S3 that may leave it: not pinned, not too small, not given up."""
    leaves = job.expires_time is not None and job.archive_fault is None
    return job.job_status is Status.COMPLETED and job.is_hot and leaves


def is_cut_short(world: World, job: Job, account: Account) -> bool:
    """True if this retention began before the owner went back to free, and would end too soon.

    The result was completed meanwhile, and no message had it pinned yet. A change that is still to
    come was written by a clock that is ahead: it counts as of now.
    """
    now = world.clock()
    earliest = min(account.changed_time, now) + world.config.archive.after_s - tolerance_s(world)
    return max(now, job.expires_time or 0) < earliest


def tolerance_s(world: World) -> float:
    """The time (s) that a message may be early: a fifth of a short retention at most."""
    return min(SKEW_S, world.config.archive.after_s / 5)


def store(world: World, job: Job, heartbeat: Heartbeat | None = None) -> None:
    """Write the archive, verify, commit, then delete the S3 object: in this order, whatever fails.

    The heartbeat renews the archive's lease; one that is released ends the writing. A result
    whose bytes in S3 are not those of the row stays there, and the failure is counted.
    """
    reserved = world.vault.reserve(job.user_id, job.job_id)
    begin(world, job, reserved, heartbeat or Heartbeat())
    try:
        archive_id = _copy(world, job, reserved, heartbeat)
    except DamagedError as damage:
        fault = f"the result at {job.result} has changed: {damage}"
        failures.fail_archive(world, job, reserved, fault)
        return
    except Exception:
        world.jobs.drop_archive(job.job_id, reserved=reserved)
        raise
    _commit(world, job, reserved, archive_id)


def begin(world: World, job: Job, reserved: Stored, heartbeat: Heartbeat) -> None:
    """Record the archive in the row under a lease, which the heartbeat renews."""
    lease_s = world.config.aws.visibility_s
    begun = world.jobs.begin_archive(
        job.job_id, reserved=reserved, expires_time=job.expires_time, lease_s=lease_s
    )
    flush(world, begun)
    heartbeat.renew_with(
        lambda: world.jobs.renew_archive(job.job_id, reserved=reserved, lease_s=lease_s)
    )


def _copy(world: World, job: Job, reserved: Stored, heartbeat: Heartbeat | None) -> str:
    """Store the result's bytes in the vault; return the archive's id once they are verified."""
    with closing(world.files.open(job.result.bucket, job.result.key)) as stream:
        digest = Digest(stream, heartbeat.released if heartbeat else None)
        size = job.result_bytes or 0
        archive_id = world.vault.store(reserved, job.job_id, digest, size)  # type: ignore[arg-type]
    try:
        digest.demand(job.result_bytes, job.result_sha256)
    except DamagedError:
        world.vault.delete(archive_id)
        raise
    return archive_id


def _commit(world: World, job: Job, reserved: Stored, archive_id: str) -> None:
    try:
        done = world.jobs.commit_archive(
            job.job_id, result=job.result, reserved=reserved, archive_id=archive_id
        )
    except Refused as reason:
        log.info("%s; deleting the archive just written", reason)
        _drop(world, job.job_id, archive_id)
        return
    log.info("job %s archived as %s", job.job_id, archive_id)
    flush(world, done)


def _drop(world: World, job_id: str, archive_id: str) -> None:
    """Delete the archive of a lost race, unless the row refers to it."""
    if world.jobs.get(job_id).results_file_archive_id != archive_id:
        world.vault.delete(archive_id)


if __name__ == "__main__":
    consumer.run("results_archive", handle)
