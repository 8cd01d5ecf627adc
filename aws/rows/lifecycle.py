"""The life of a job as pure functions: each takes a job and returns the job after the step.

Every function raises Refused where the row is not in a state for it. `at` tells the time and
the spans that the rules go by; docs/data.md has the table of steps.
"""

from dataclasses import replace
from typing import Any

from aws.rows.job import (
    OPEN,
    Job,
    Leased,
    Now,
    Refused,
    Result,
    Retrieval,
    Status,
    in_archive,
    in_s3,
)


def submit(job: Job, at: Now) -> Job:
    """A new job, with its request still to be published."""
    return replace(job, submit_time=at.now, outbox=_post(job, "job_requests"))


def start(job: Job, at: Now, *, owner: str, lease_s: int) -> Job:
    """Claim the job; what an earlier attempt was writing becomes garbage."""
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
    )


def renew(job: Job, at: Now, *, owner: str, lease_s: int, progress: str) -> Job:
    """Hold the lease for `lease_s` more."""
    _demand_mine(job, owner)
    return replace(job, lease_until=at.now + lease_s, progress=progress)


def intend_outputs(job: Job, at: Now, *, owner: str, names: tuple[str, ...]) -> Job:
    """Name what the holder of the lease is about to write."""
    _demand_mine(job, owner)
    return replace(_dropped(job), pending_writes=names)


def complete(job: Job, at: Now, *, owner: str, result: Result) -> Job:
    """The commit of a finished job."""
    _demand_mine(job, owner)
    named = in_s3(result.s3_results_bucket, result.s3_key_result_file)
    _demand(named in job.pending_writes, job, f"be completed with {named}")
    return replace(
        _ended(job, at, Status.COMPLETED, "job_results", *_retention(at)),
        **vars(result),
        existed=True,
        error=None,
        pending_writes=(),
        expires_time=at.now + at.spans.after_s,
    )


def fail(job: Job, at: Now, *, owner: str, error: str) -> Job:
    """End the job with words that its user can act on."""
    _demand_mine(job, owner)
    return _ended(_dropped(replace(job, error=error)), at, Status.FAILED, "job_results")


def return_to_queue(job: Job, at: Now, *, owner: str, fault: str | None = None) -> Job:
    """Let the job wait for another attempt; a `fault` counts against its attempts."""
    _demand_mine(job, owner)
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


def cancel(job: Job, at: Now) -> Job:
    """The owner wants it no more; a running attempt loses its lease."""
    _demand(not job.is_terminal, job, "be cancelled")
    return _ended(_dropped(job), at, Status.CANCELLED, "job_results")


def republish(job: Job, at: Now) -> Job:
    """Publish once more what should have moved this job on; each time with more patience."""
    _demand(not (job.is_terminal and job.mailed), job, "be nudged")
    topic = "job_results" if job.is_terminal else "job_requests"
    posted = _post(job, topic)
    return replace(job, outbox=posted, reminders=job.reminders + 1, reminder_time=at.now)


def mark_mailed(job: Job, at: Now) -> Job:
    """Its owner has been written to."""
    return replace(job, mailed=True, reminders=0, reminder_time=None)


def strike_out(job: Job, at: Now, *, outbox: tuple[str, ...], garbage: tuple[str, ...]) -> Job:
    """Strike out just these entries: another may have added its own meanwhile."""
    return replace(
        job,
        outbox=tuple(e for e in job.outbox if e not in outbox),
        garbage=tuple(e for e in job.garbage if e not in garbage),
    )


def begin_archive(job: Job, at: Now, *, name: str) -> Job:
    """Name the archive about to be written; the name of one before it becomes garbage."""
    _demand(job.is_hot and not job.is_archived and not job.pinned, job, "be archived")
    return replace(_dropped(job), pending_writes=(name,))


def commit_archive(job: Job, at: Now, *, key: str, name: str, archive_id: str) -> Job:
    """The commit of an archived result; its role check is still to be done."""
    _demand(job.is_hot and job.s3_key_result_file == key, job, f"be archived from {key}")
    _demand(name in job.pending_writes, job, f"be archived as {name}")
    return replace(
        job,
        existed=False,
        s3_key_result_file=None,
        results_file_archive_id=archive_id,
        archived_time=at.now,
        requested_time=None,
        thawed_time=None,
        expires_time=None,
        role_check_due=True,
        pending_writes=(),
        garbage=_added(job.garbage, in_s3(job.s3_results_bucket or "", key)),
    )


def pin(job: Job, at: Now) -> Job:
    """A premium user's result stays; an archive in progress is overtaken.

    Its role check is still to be done: who was premium when the role was read may be free by now.
    """
    _demand(job.is_hot, job, "be kept")
    return replace(_dropped(job), pinned=True, role_check_due=True, expires_time=None)


def release(job: Job, at: Now) -> Job:
    """A free user's again: the retention clock starts anew."""
    _demand(job.is_hot, job, "be released")
    posted = _post(job, *_retention(at))
    until = at.now + at.spans.after_s
    return replace(job, pinned=False, role_check_due=False, expires_time=until, outbox=posted)


def clear_role_check(job: Job, at: Now, *, rev: int) -> Job:
    """The role was read again after revision `rev`, and what followed was done.

    Where the row has moved on, its check stays: a later commit may want one of its own.
    """
    return replace(job, role_check_due=False) if job.rev == rev else job


def begin_retrieval(
    job: Job, at: Now, *, token: str, tier: str, instead_of: str | None = None
) -> Job:
    """Note that Glacier is about to be asked; refused where another asking is under way."""
    _demand(job.is_archived, job, "be retrieved")
    live = job.retrieval.token if job.retrieval else None
    _demand(live == instead_of, job, "be retrieved twice")
    check_time = at.now + at.spans.grace_s
    asking = Retrieval(token, tier, at.now, check_time)
    return replace(job, retrieval=asking, requested_time=job.requested_time or at.now)


def record_retrieval(job: Job, at: Now, *, token: str, asked: Any) -> Job:
    """Note Glacier's answer: `asked` has `id`, `tier` and `expedited_refused`."""
    return _retrieval(
        job,
        token,
        id=asked.id,
        tier=asked.tier,
        expedited_refused=asked.expedited_refused,
        check_time=at.now + at.spans.retrieval_s,
    )


def postpone_check(job: Job, at: Now, *, token: str, after_s: int) -> Job:
    """Look into this retrieval in `after_s` seconds."""
    return _retrieval(job, token, check_time=at.now + after_s)


def begin_thaw(job: Job, at: Now, *, archive_id: str, name: str, thaws: int) -> Job:
    """Name the object that the `thaws`-th thaw is about to write."""
    _demand(job.results_file_archive_id == archive_id, job, "be thawed")
    _demand(job.thaws == thaws - 1, job, f"be thawed as number {thaws}")
    return replace(_dropped(job), pending_writes=(name,), thaws=thaws)


def commit_thaw(job: Job, at: Now, *, archive_id: str, bucket: str, key: str) -> Job:
    """The commit of a thawed result; its role check is still to be done."""
    _demand(job.results_file_archive_id == archive_id, job, "be thawed")
    _demand(in_s3(bucket, key) in job.pending_writes, job, f"be thawed to {key}")
    return replace(
        job,
        existed=True,
        s3_key_result_file=key,
        results_file_archive_id=None,
        retrieval=None,
        thawed_time=at.now,
        expires_time=at.now + at.spans.after_s,
        role_check_due=True,
        pinned=False,
        pending_writes=(),
        garbage=_added(job.garbage, in_archive(archive_id)),
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
    """The queue's delay is the retention clock, where a queue can wait that long."""
    return ("results_archive",) if at.spans.by_queue else ()


def _post(job: Job, *topics: str) -> tuple[str, ...]:
    """The outbox with these, marked by the revision that adds them: each is struck out alone."""
    return _added(job.outbox, *(f"{topic}@{job.rev + 1}" for topic in topics))


def _dropped(job: Job) -> Job:
    """What somebody was writing is garbage now."""
    return replace(job, garbage=_added(job.garbage, *job.pending_writes), pending_writes=())


def _added(entries: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return entries + tuple(e for e in more if e not in entries)


def _demand_mine(job: Job, owner: str) -> None:
    mine = job.job_status is Status.RUNNING and job.lease_owner == owner
    _demand(mine, job, f"be touched by {owner}")


def _demand(holds: bool, job: Job, step: str) -> None:
    if not holds:
        raise Refused(f"job {job.job_id} ({job.job_status}, rev {job.rev}) cannot {step}")
