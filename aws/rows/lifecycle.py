"""The life of a job as pure functions: each takes a job and returns the job after the step.

Every function raises Refused where the row is not in a state for it. `at` has the time and the
grace periods that the rules go by; docs/data.md has the table of steps.
"""

from dataclasses import replace
from typing import Any, TypeVar

from aws.rows.job import (
    MAX_RETRIEVAL_FAILURES,
    OPEN,
    Job,
    Leased,
    Now,
    Refused,
    Result,
    Retrieval,
    Status,
)
from aws.rows.outputs import RESULT
from aws.storage.stored import Archive, S3Object, Stored
from aws.storage.vault import RetrievalRequest

T = TypeVar("T")


def submit(job: Job, at: Now) -> Job:
    """A new job, with its request still to be published."""
    return replace(job, submit_time=at.now, outbox=_post(job, "job_requests"))


def start(job: Job, at: Now, *, owner: str, lease_s: int) -> Job:
    """Claim the job under a lease; the pending writes of an earlier attempt become garbage.

    A lease that is the owner's already is its own claim, whose reply was lost, whatever was written
    since. The request need not be published any more: it has arrived.
    """
    if job.job_status is Status.RUNNING and job.lease_owner == owner:
        return job
    _demand(job.job_status in OPEN, job, "be started")
    lapsed = job.job_status is Status.RUNNING
    if lapsed and (job.lease_until or 0) > at.now:
        raise Leased(f"job {job.job_id} is leased until {job.lease_until}")
    return replace(
        _dropped(job),
        job_status=Status.RUNNING,
        lease_owner=owner,
        lease_until=at.now + lease_s,
        attempt=job.attempt + 1,
        crashes=job.crashes + lapsed,
        fault="the machine that ran it went away" if lapsed else job.fault,
        start_time=at.now,
        progress="starting",
        reminders=0,
        reminder_time=None,
        outbox=tuple(e for e in job.outbox if not e.startswith("job_requests@")),
    )


def renew(job: Job, at: Now, *, owner: str, lease_s: int, progress: str) -> Job:
    """Extend the lease to `lease_s` from now, and record the progress."""
    _demand_lease(job, owner)
    return replace(job, lease_until=at.now + lease_s, progress=progress)


def intend_outputs(job: Job, at: Now, *, owner: str, outputs: tuple[S3Object, ...]) -> Job:
    """Record what the owner of the lease is about to write."""
    _demand_lease(job, owner)
    return _writing(job, *outputs)


def complete(job: Job, at: Now, *, owner: str, result: Result) -> Job:
    """Commit a finished job: every output must have been intended before it was written."""
    _demand_lease(job, owner)
    for name, stored in result.outputs.items():
        _demand(stored in job.pending_writes, job, f"be completed: its {name} was not intended")
    return replace(
        _ended(job, at, Status.COMPLETED, "job_results", *_retention(at)),
        **vars(result),
        existed=True,
        error=None,
        pending_writes=(),
        expires_time=at.now + at.timeouts.after_s,
    )


def fail(job: Job, at: Now, *, owner: str, error: str) -> Job:
    """End the job with an error message that its owner can act on."""
    _demand_lease(job, owner)
    return _ended(_dropped(replace(job, error=error)), at, Status.FAILED, "job_results")


def return_to_queue(job: Job, at: Now, *, owner: str, fault: str | None = None) -> Job:
    """Set the job back to PENDING for another attempt; a `fault` counts as a crash."""
    _demand_lease(job, owner)
    return replace(
        _dropped(job),
        job_status=Status.PENDING,
        lease_owner=None,
        lease_until=None,
        progress=None,
        crashes=job.crashes + (fault is not None),
        fault=fault or job.fault,
        reminder_time=at.now,
    )


def describe(job: Job, at: Now, *, title: str, note: str) -> Job:
    """Record its owner's own name for the job, and a note."""
    _demand(job.job_status is not Status.DELETED, job, "be described")
    return replace(job, title=title, note=note)


def cancel(job: Job, at: Now) -> Job:
    """End the job at its owner's request: its upload goes, a running attempt loses its lease."""
    _demand(not job.is_terminal, job, "be cancelled")
    ended = _ended(_dropped(job), at, Status.CANCELLED, "job_results")
    return replace(ended, garbage=_added(ended.garbage, job.input))


def delete(job: Job, at: Now) -> Job:
    """Forget an ended job at its owner's request: its names go, and all its bytes are garbage.

    Refused until its mail has been sent, and while its result is being moved.
    """
    _demand(job.is_terminal and job.mailed, job, "be deleted before it has ended")
    _demand(not job.pending_writes and not job.retrieval, job, "be deleted while it is moved")
    archives = (Archive(job.results_file_archive_id),) if job.results_file_archive_id else ()
    return replace(
        job,
        job_status=Status.DELETED,
        garbage=_added(job.garbage, job.input, *job.outputs.values(), *archives),
        outputs={},
        existed=None,
        results_file_archive_id=None,
        archive_fault=None,
        retries=0,
        pinned=False,
        expires_time=None,
        outbox=(),
        input_file_name="",
        title="",
        note="",
        error=None,
        counts={},
    )


def republish(job: Job, at: Now) -> Job:
    """Publish the job's latest event again; the wait before the next time doubles."""
    _demand(not (job.is_terminal and job.mailed), job, "be republished")
    topic = "job_results" if job.is_terminal else "job_requests"
    posted = _post(job, topic)
    return replace(job, outbox=posted, reminders=job.reminders + 1, reminder_time=at.now)


def mark_mailed(job: Job, at: Now) -> Job:
    """Record that the owner has been mailed."""
    return replace(job, mailed=True, reminders=0, reminder_time=None)


def strike_out(job: Job, at: Now, *, outbox: tuple[str, ...], garbage: tuple[Stored, ...]) -> Job:
    """Remove just these entries: another process may have added its own meanwhile."""
    return replace(
        job,
        outbox=tuple(e for e in job.outbox if e not in outbox),
        garbage=tuple(e for e in job.garbage if e not in garbage),
        retries=0 if outbox or garbage else job.retries,
    )


def begin_archive(
    job: Job, at: Now, *, reserved: Stored, expires_time: float | None, lease_s: int
) -> Job:
    """Record the archive about to be written, under a lease; one that lapsed becomes garbage.

    `expires_time` is what the caller went by: refused where the retention has started anew.
    """
    _demand(job.is_hot and not job.is_archived and not job.pinned, job, "be archived")
    _demand(job.archive_fault is None, job, "be archived: it was given up")
    _demand(job.expires_time == expires_time, job, f"be archived as of {expires_time}")
    if job.pending_writes == (reserved,):
        return job  # its own claim, whose reply was lost
    if job.pending_writes and (job.lease_until or 0) > at.now:
        raise Leased(f"job {job.job_id} is being archived until {job.lease_until}")
    return replace(_dropped(job), pending_writes=(reserved,), lease_until=at.now + lease_s)


def renew_archive(job: Job, at: Now, *, reserved: Stored, lease_s: int) -> Job:
    """Extend the lease of the archive that is being written."""
    _demand(job.is_hot and reserved in job.pending_writes, job, f"be archived as {reserved}")
    return replace(job, lease_until=at.now + lease_s)


def drop_archive(job: Job, at: Now, *, reserved: Stored) -> Job:
    """Give up an archive that could not be written, and its lease."""
    _demand(job.is_hot and reserved in job.pending_writes, job, f"be archived as {reserved}")
    return replace(_dropped(job), lease_until=None)


def commit_archive(
    job: Job, at: Now, *, result: S3Object, reserved: Stored, archive_id: str
) -> Job:
    """Commit an archived result; its role check is still to be done."""
    _demand(job.is_hot and job.result == result, job, f"be archived from {result}")
    _demand(reserved in job.pending_writes, job, f"be archived as {reserved}")
    return replace(
        job,
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
        retries=0,
        garbage=_added(job.garbage, result),
    )


def pin(job: Job, at: Now) -> Job:
    """Keep a premium user's result in S3; an archive in progress is overtaken.

    Its role check is still to be done: the user may have been downgraded since the role was read.
    """
    _demand(job.is_hot, job, "be kept")
    return replace(_overtaken(job), pinned=True, role_check_due=True, expires_time=None)


def release(job: Job, at: Now) -> Job:
    """Unpin a result whose owner is free again: the retention starts anew.

    An archive in progress is overtaken: it went by the retention before.
    """
    _demand(job.is_hot, job, "be released")
    return replace(
        _overtaken(job),
        pinned=False,
        role_check_due=False,
        expires_time=at.now + at.timeouts.after_s,
        outbox=_post(job, *_retention(at)),
    )


def clear_role_check(job: Job, at: Now, *, rev: int) -> Job:
    """Record that the role was read again after revision `rev`, and acted on.

    Where the row has moved on, its check stays due: a later commit may need one of its own.
    """
    return replace(job, role_check_due=False) if job.rev == rev else job


def begin_retrieval(
    job: Job, at: Now, *, token: str, tier: str, instead_of: str | None = None
) -> Job:
    """Record a request that Glacier is about to get; refused while another one is live."""
    _demand(job.is_archived, job, "be retrieved")
    _demand(job.archive_fault is None, job, "be retrieved: its archive cannot be read")
    live = job.retrieval.token if job.retrieval else None
    _demand(live == instead_of, job, "be retrieved twice")
    check_time = at.now + at.timeouts.grace_s
    retrieval = Retrieval(token, tier, at.now, check_time)
    return replace(job, retrieval=retrieval, requested_time=job.requested_time or at.now)


def record_retrieval(job: Job, at: Now, *, token: str, answer: RetrievalRequest) -> Job:
    """Record Glacier's answer to the request with this token."""
    return _retrieval(
        replace(job, retries=0),
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
    _demand(job.results_file_archive_id == archive_id, job, "be thawed")
    _demand(job.thaws == thaws - 1, job, f"be thawed as number {thaws}")
    return replace(_dropped(job), pending_writes=(copy,), thaws=thaws)


def fail_retrieval(job: Job, at: Now, *, archive_id: str, fault: str) -> Job:
    """Count an archive that did not come back, or came back changed; the last time ends it.

    The pause before the next try is four times as long each time.
    """
    _demand(job.results_file_archive_id == archive_id, job, f"fail to come back as {archive_id}")
    _demand(bool(job.retrieval or job.pending_writes), job, "fail to come back unasked")
    failures = min(job.retrieval_failures + 1, MAX_RETRIEVAL_FAILURES)
    failed = replace(_dropped(job), retrieval_failures=failures)
    if failures == MAX_RETRIEVAL_FAILURES:
        return _given_up(failed, at, fault)
    if job.retrieval is None:
        return failed
    check_time = at.now + at.timeouts.grace_s * 4**failures
    return replace(failed, retrieval=replace(job.retrieval, check_time=check_time))


def give_up(job: Job, at: Now, *, fault: str) -> Job:
    """Leave a result in S3, for the operator: it cannot be archived."""
    _demand(job.is_hot and bool(job.pending_writes), job, "be given up")
    return _given_up(job, at, fault)


def resume(job: Job, at: Now) -> Job:
    """Try again what was given up: the operator's word. The role is read again."""
    _demand(job.is_given_up, job, "be resumed: it was not given up")
    return replace(
        job,
        retries=0,
        retrieval_failures=0,
        archive_fault=None,
        role_check_due=job.role_check_due or job.is_archived,
    )


def count_retry(job: Job, at: Now) -> Job:
    """Count a retry before it is made; the pause before the next one doubles."""
    return replace(job, retries=job.retries + 1, retry_time=at.now)


def commit_thaw(job: Job, at: Now, *, archive_id: str, copy: S3Object) -> Job:
    """Commit a thawed result; its role check is still to be done."""
    _demand(job.results_file_archive_id == archive_id, job, "be thawed")
    _demand(copy in job.pending_writes, job, f"be thawed to {copy}")
    return replace(
        job,
        existed=True,
        outputs={**job.outputs, RESULT.name: copy},
        results_file_archive_id=None,
        retrieval=None,
        thawed_time=at.now,
        expires_time=at.now + at.timeouts.after_s,
        role_check_due=True,
        pinned=False,
        pending_writes=(),
        retries=0,
        retrieval_failures=0,
        archive_fault=None,
        garbage=_added(job.garbage, Archive(archive_id)),
    )


def _retrieval(job: Job, token: str, **changes: Any) -> Job:
    live = job.retrieval
    if live is None or live.token != token:
        raise Refused(f"job {job.job_id}: that retrieval is over")
    return replace(job, retrieval=replace(live, **changes))


def _ended(job: Job, at: Now, status: Status, *topics: str) -> Job:
    return replace(
        job,
        job_status=status,
        complete_time=at.now,
        lease_owner=None,
        lease_until=None,
        progress=None,
        reminders=0,
        reminder_time=None,
        outbox=_post(job, *topics),
    )


def _retention(at: Now) -> tuple[str, ...]:
    """The event whose delivery delay is the retention, where a queue can wait that long."""
    return ("results_archive",) if at.timeouts.by_queue else ()


def _post(job: Job, *topics: str) -> tuple[str, ...]:
    """The outbox with these events, marked by the revision that adds them (see strike_out)."""
    return _added(job.outbox, *(f"{topic}@{job.rev + 1}" for topic in topics))


def _writing(job: Job, *stored: Stored) -> Job:
    """The job about to write these; unchanged where it is already, for they are no garbage."""
    if job.pending_writes == stored:
        return job
    return replace(_dropped(job), pending_writes=stored)


def _dropped(job: Job) -> Job:
    """The job with its pending writes turned into garbage."""
    return replace(job, garbage=_added(job.garbage, *job.pending_writes), pending_writes=())


def _overtaken(job: Job) -> Job:
    """The job without the archive that was being written, its lease and its failures."""
    return replace(_dropped(job), lease_until=None, retries=0, archive_fault=None)


def _given_up(job: Job, at: Now, fault: str) -> Job:
    return replace(_overtaken(job), retrieval=None, archive_fault=fault, retry_time=at.now)


def _added(entries: tuple[T, ...], *more: T) -> tuple[T, ...]:
    return entries + tuple(e for e in more if e not in entries)


def _demand_lease(job: Job, owner: str) -> None:
    mine = job.job_status is Status.RUNNING and job.lease_owner == owner
    _demand(mine, job, f"be changed by {owner}, whose lease is over")


def _demand(holds: bool, job: Job, step: str) -> None:
    if not holds:
        raise Refused(f"job {job.job_id} ({job.job_status}, rev {job.rev}) cannot {step}")
