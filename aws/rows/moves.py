"""The moves of a COMPLETED job's result between S3 and the archive, as pure functions.

They are steps like those of aws/rows/lifecycle.py: each takes a job and returns the job after it,
and raises Refused where the row is not in a state for it.
"""

from dataclasses import replace
from typing import Any

from aws.rows.job import MAX_FAILED_MOVES, Job, Leased, Now, PendingWork, Refused, Retrieval
from aws.rows.outputs import RESULT
from aws.rows.step_parts import added, calmed, demand, dropped, overtaken, posted, retention_events
from aws.storage.stored import Archive, S3Object, Stored
from aws.storage.vault import RetrievalRequest


def begin_archive(
    job: Job, at: Now, *, reserved: Stored, expires_time: float | None, lease_s: int
) -> Job:
    """Record the archive about to be written, under a lease; one that lapsed becomes garbage.

    `expires_time` is what the caller went by: refused where the retention has started anew.
    """
    demand(job.is_hot and not job.is_archived and not job.pinned, job, "be archived")
    demand(job.archive_fault is None, job, "be archived: it was given up")
    demand(job.expires_time == expires_time, job, f"be archived as of {expires_time}")
    if job.pending_writes == (reserved,):
        return job  # its own claim, whose reply was lost
    if job.pending_writes and (job.lease_until or 0) > at.now:
        raise Leased(f"job {job.job_id} is being archived until {job.lease_until}")
    return replace(dropped(job), pending_writes=(reserved,), lease_until=at.now + lease_s)


def renew_archive(job: Job, at: Now, *, reserved: Stored, lease_s: int) -> Job:
    """Extend the lease of the archive that is being written; refused once it has run out."""
    demand(job.is_hot and reserved in job.pending_writes, job, f"be archived as {reserved}")
    _demand_archive_lease(job, at, reserved)
    return replace(job, lease_until=at.now + lease_s)


def drop_archive(job: Job, at: Now, *, reserved: Stored) -> Job:
    """Give up an archive that could not be written, and its lease."""
    demand(job.is_hot and reserved in job.pending_writes, job, f"be archived as {reserved}")
    return replace(dropped(job), lease_until=None)


def commit_archive(
    job: Job, at: Now, *, result: S3Object, reserved: Stored, archive_id: str
) -> Job:
    """Commit an archived result; its role check is still to be done.

    Refused after the lease: an archive in a vault that no row names yet may be gone by then, as an
    orphan.
    """
    demand(job.is_hot and job.result == result, job, f"be archived from {result}")
    demand(reserved in job.pending_writes, job, f"be archived as {reserved}")
    _demand_archive_lease(job, at, reserved)
    return replace(
        calmed(job, PendingWork.RETENTION),
        failed_moves=0,
        existed=False,
        outputs={name: kept for name, kept in job.outputs.items() if kept != result},
        results_file_archive_id=archive_id,
        archived_time=at.now,
        requested_time=None,
        thawed_time=None,
        expires_time=None,
        role_check_due=True,
        pending_writes=(),
        lease_until=None,
        garbage=added(job.garbage, result),
    )


def pin(job: Job, at: Now) -> Job:
    """Keep a premium user's result in S3; an archive in progress is overtaken.

    Its role check is still to be done: the user may have been downgraded since the role was read.
    """
    demand(job.is_hot, job, "be kept")
    return replace(overtaken(job), pinned=True, role_check_due=True, expires_time=None)


def release(job: Job, at: Now) -> Job:
    """Unpin a result whose owner is free again: the retention starts anew.

    An archive in progress is overtaken: it went by the retention before.
    """
    demand(job.is_hot, job, "be released")
    return replace(
        overtaken(job),
        pinned=False,
        role_check_due=False,
        expires_time=at.expires_time(job.result_bytes),
        outbox=posted(job, *retention_events(at)),
    )


def begin_retrieval(
    job: Job, at: Now, *, token: str, tier: str, instead_of: str | None = None
) -> Job:
    """Record a request that Glacier is about to get; refused while another one is live.

    One with the same token is its own, whose reply was lost, whatever was written since. With it
    the role check is done: the result is on its way to where the role wants it.
    """
    demand(job.is_archived, job, "be retrieved")
    demand(job.archive_fault is None, job, "be retrieved: its archive cannot be read")
    live = job.retrieval.token if job.retrieval else None
    if live == token != instead_of:
        return job
    demand(live == instead_of, job, "be retrieved twice")
    check_time = at.now + at.timeouts.grace_s
    retrieval = Retrieval(token, tier, at.now, check_time)
    return replace(
        calmed(job, PendingWork.COMMIT),
        retrieval=retrieval,
        requested_time=job.requested_time or at.now,
        role_check_due=False,
    )


def record_retrieval(job: Job, at: Now, *, token: str, answer: RetrievalRequest) -> Job:
    """Record Glacier's answer to the request with this token."""
    return _retrieval(
        calmed(job, PendingWork.RETRIEVAL),
        token,
        id=answer.id,
        tier=answer.tier,
        expedited_refused=answer.expedited_refused,
        check_time=at.now + at.timeouts.retrieval_s,
    )


def postpone_check(job: Job, at: Now, *, token: str, after_s: int) -> Job:
    """Have the sweeper check this retrieval in `after_s` seconds."""
    return _retrieval(job, token, check_time=at.now + after_s)


def begin_thaw(job: Job, at: Now, *, archive_id: str, copy: S3Object, thaws: int) -> Job:
    """Record the object that the job's `thaws`-th thaw is about to write."""
    demand(job.results_file_archive_id == archive_id, job, "be thawed")
    demand(job.thaws == thaws - 1, job, f"be thawed as number {thaws}")
    return replace(dropped(job), pending_writes=(copy,), thaws=thaws)


def fail_retrieval(job: Job, at: Now, *, archive_id: str, fault: str) -> Job:
    """Count an archive that did not come back, or came back changed; the last time ends it.

    The pause before the next try is four times as long each time.
    """
    demand(job.results_file_archive_id == archive_id, job, f"fail to come back as {archive_id}")
    demand(bool(job.retrieval or job.pending_writes), job, "fail to come back unasked")
    failures = min(job.failed_moves + 1, MAX_FAILED_MOVES)
    failed = replace(dropped(job), failed_moves=failures)
    if failures == MAX_FAILED_MOVES:
        return _given_up(failed, at, fault)
    if job.retrieval is None:
        return failed
    check_time = at.now + at.timeouts.grace_s * 4**failures
    return replace(failed, retrieval=replace(job.retrieval, check_time=check_time))


def fail_archive(job: Job, at: Now, *, reserved: Stored, fault: str) -> Job:
    """Count a result whose bytes in S3 were not those recorded; the last time ends it."""
    demand(job.is_hot and reserved in job.pending_writes, job, f"be archived as {reserved}")
    failures = min(job.failed_moves + 1, MAX_FAILED_MOVES)
    failed = replace(dropped(job), lease_until=None, failed_moves=failures)
    return _given_up(failed, at, fault) if failures == MAX_FAILED_MOVES else failed


def resume(job: Job, at: Now) -> Job:
    """Try again what was given up: the operator's word. The role is read again."""
    demand(job.is_given_up, job, "be resumed: it was not given up")
    return replace(
        job,
        mail_fault=None,
        retries={},
        reminders=0,
        failed_moves=0,
        archive_fault=None,
        role_check_due=job.role_check_due or job.is_archived,
    )


def commit_thaw(job: Job, at: Now, *, archive_id: str, copy: S3Object) -> Job:
    """Commit a thawed result; its role check is still to be done."""
    demand(job.results_file_archive_id == archive_id, job, "be thawed")
    demand(copy in job.pending_writes, job, f"be thawed to {copy}")
    return replace(
        calmed(job, PendingWork.RETRIEVAL),
        existed=True,
        outputs={**job.outputs, RESULT.name: copy},
        results_file_archive_id=None,
        retrieval=None,
        thawed_time=at.now,
        expires_time=at.expires_time(job.result_bytes),
        outbox=posted(job, "job_results"),
        role_check_due=True,
        pinned=False,
        pending_writes=(),
        failed_moves=0,
        archive_fault=None,
        garbage=added(job.garbage, Archive(archive_id)),
    )


def _demand_archive_lease(job: Job, at: Now, reserved: Stored) -> None:
    demand((job.lease_until or 0) > at.now, job, f"be archived as {reserved} after its lease")


def _retrieval(job: Job, token: str, **changes: Any) -> Job:
    live = job.retrieval
    if live is None or live.token != token:
        raise Refused(f"job {job.job_id}: that retrieval is over")
    return replace(job, retrieval=replace(live, **changes))


def _given_up(job: Job, at: Now, fault: str) -> Job:
    return replace(overtaken(job), retrieval=None, archive_fault=fault)
