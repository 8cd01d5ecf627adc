"""The life of a job as pure functions: each takes a job and returns the job after the step.

Every function raises Refused where the row is not in a state for it. `at` has the time and the
grace periods that the rules go by; docs/data.md has the table of steps. The moves of a result,
between S3 and the archive, are in aws/rows/moves.py.
"""

from dataclasses import replace

from aws.rows.job import OPEN, Job, Leased, Now, PendingWork, Result, Status
from aws.rows.step_parts import (
    added,
    calmed,
    demand,
    demand_lease,
    dropped,
    ended,
    posted,
    retention_events,
    writing,
)
from aws.storage.stored import Archive, S3Object, Stored

NAMELESS = "deleted"
"""The name and the key that stay of a deleted upload, whose own were its owner's."""

SKEW_S = 90
"""Two machines' clocks may differ by this much."""

ERROR_CHARACTERS = 2000
"""Rows, lists and mails have the error in them; a row of more than 400 kB is refused."""


def submit(job: Job, at: Now) -> Job:
    """A new job, with its request still to be published."""
    return replace(job, submit_time=at.now, outbox=posted(job, "job_requests"))


def start(job: Job, at: Now, *, owner: str, lease_s: int) -> Job:
    """Claim the job under a lease; the pending writes of an earlier attempt become garbage.

    A lease that is the owner's already is its own claim, whose reply was lost, whatever was written
    since. The request need not be published any more: it has arrived.
    """
    if job.job_status is Status.RUNNING and job.lease_owner == owner:
        return job
    demand(job.job_status in OPEN, job, "be started")
    lapsed = job.job_status is Status.RUNNING
    if lapsed and (job.lease_until or 0) > at.now:
        raise Leased(f"job {job.job_id} is leased until {job.lease_until}")
    return replace(
        dropped(job),
        job_status=Status.RUNNING,
        lease_owner=owner,
        lease_until=at.now + lease_s,
        attempt=job.attempt + 1,
        lapses=job.lapses + lapsed,
        fault="the machine that ran it went away" if lapsed else job.fault,
        start_time=at.now,
        progress="starting",
        reminders=0,
        reminder_time=None,
        outbox=tuple(e for e in job.outbox if not e.startswith("job_requests@")),
    )


def renew(job: Job, at: Now, *, owner: str, lease_s: int, progress: str) -> Job:
    """Extend the lease to `lease_s` from now, and record the progress."""
    demand_lease(job, owner)
    return replace(job, lease_until=at.now + lease_s, progress=progress)


def intend_outputs(job: Job, at: Now, *, owner: str, outputs: tuple[S3Object, ...]) -> Job:
    """Record what the owner of the lease is about to write."""
    demand_lease(job, owner)
    return writing(job, *outputs)


def complete(job: Job, at: Now, *, owner: str, result: Result) -> Job:
    """Commit a finished job: every output must have been intended before it was written."""
    demand_lease(job, owner)
    for name, stored in result.outputs.items():
        demand(stored in job.pending_writes, job, f"be completed: its {name} was not intended")
    return replace(
        ended(job, at, Status.COMPLETED, "job_results", *retention_events(at)),
        **vars(result),
        existed=True,
        error=None,
        pending_writes=(),
        expires_time=at.expires_time(result.result_bytes),
    )


def fail(job: Job, at: Now, *, owner: str, error: str) -> Job:
    """End the job with an error message that its owner can act on, cut where it is too long."""
    demand_lease(job, owner)
    if len(error) > ERROR_CHARACTERS:
        error = f"{error[:ERROR_CHARACTERS]} …"
    return ended(dropped(replace(job, error=error)), at, Status.FAILED, "job_results")


def return_to_queue(job: Job, at: Now, *, owner: str, fault: str | None = None) -> Job:
    """Set the job back to PENDING for another attempt; a `fault` counts as a crash."""
    demand_lease(job, owner)
    return replace(
        dropped(job),
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
    demand(job.job_status is not Status.DELETED, job, "be described")
    return replace(job, title=title, note=note)


def share(job: Job, at: Now, *, share_id: str, share: str) -> Job:
    """Let others look at the job by a link; `share` is a Share as text: until when, for whom.

    The links that have expired leave the row.
    """
    demand(job.job_status is not Status.DELETED, job, "be shared")
    live = {k: v for k, v in job.shares.items() if float(v.partition(" ")[0]) > at.now}
    return replace(job, shares={**live, share_id: share})


def withdraw(job: Job, at: Now, *, share_id: str) -> Job:
    """End a share: its link leads nowhere from now on."""
    return replace(job, shares={k: v for k, v in job.shares.items() if k != share_id})


def cancel(job: Job, at: Now) -> Job:
    """End the job at its owner's request: its upload goes, a running attempt loses its lease."""
    demand(not job.is_terminal, job, "be cancelled")
    done = ended(dropped(job), at, Status.CANCELLED, "job_results")
    return replace(done, garbage=added(done.garbage, *job.inputs))


def delete(job: Job, at: Now) -> Job:
    """Forget an ended job at its owner's request: its names go, and all its bytes are garbage.

    Refused until its mail has been sent, and while its result is being moved.
    """
    demand(job.is_terminal and job.is_mail_settled, job, "be deleted before it has ended")
    demand(not job.pending_writes and not job.retrieval, job, "be deleted while it is moved")
    archives = (Archive(job.results_file_archive_id),) if job.results_file_archive_id else ()
    return replace(
        job,
        job_status=Status.DELETED,
        garbage=added(job.garbage, *job.inputs, *job.outputs.values(), *archives),
        outputs={},
        existed=None,
        results_file_archive_id=None,
        archive_fault=None,
        pinned=False,
        expires_time=None,
        outbox=(),
        input_file_name=NAMELESS,
        s3_key_input_file=NAMELESS,
        s3_key_annotation_file="",
        annotation_tag="",
        title="",
        note="",
        batch="",
        shares={},
        mailed=True,
        mail_fault=None,
        error=None,
        counts={},
    )


def republish(job: Job, at: Now) -> Job:
    """Publish the job's latest event again; the wait before the next time doubles."""
    demand(not (job.is_terminal and job.is_mail_settled), job, "be republished")
    topic = "job_results" if job.is_terminal else "job_requests"
    return replace(
        job, outbox=posted(job, topic), reminders=job.reminders + 1, reminder_time=at.now
    )


def mark_mailed(job: Job, at: Now) -> Job:
    """Record that the owner has been mailed."""
    return replace(job, mailed=True, mail_fault=None, reminders=0, reminder_time=None)


def give_up_mail(job: Job, at: Now, *, fault: str) -> Job:
    """Record why the owner can never be mailed."""
    demand(job.is_terminal, job, "have its mail given up")
    if job.mailed:
        return job
    return replace(job, mail_fault=fault, reminders=0, reminder_time=None)


def strike_out(job: Job, at: Now, *, outbox: tuple[str, ...], garbage: tuple[Stored, ...]) -> Job:
    """Remove just these entries: another process may have added its own meanwhile."""
    left = replace(
        job,
        outbox=tuple(e for e in job.outbox if e not in outbox),
        garbage=tuple(e for e in job.garbage if e not in garbage),
    )
    return calmed(left, PendingWork.COMMIT) if outbox or garbage else left


def clear_role_check(job: Job, at: Now, *, rev: int) -> Job:
    """Record that the role was read again after revision `rev`, and acted on.

    Where the row has moved on, its check stays due: a later commit may need one of its own.
    """
    return replace(job, role_check_due=False) if job.rev == rev else job


def count_retry(job: Job, at: Now, *, work: PendingWork) -> Job:
    """Count a retry before it is made; the pause before the next one doubles."""
    return replace(
        job,
        retries={**job.retries, work: job.retries.get(work, 0) + 1},
        retry_times={**job.retry_times, work: at.now},
    )


def bound_times(job: Job, at: Now) -> Job:
    """Take back times that no right clock has written: a lease and a due time have their ends.

    Whoever wrote them had a clock that was ahead, and has perhaps died since.
    """
    now, spans = at.now, at.timeouts
    longest = max(spans.retrieval_s, spans.grace_s * 4**job.failed_moves)
    return replace(
        job,
        submit_time=_bounded(job.submit_time, now) or 0,
        complete_time=_bounded(job.complete_time, now),
        reminder_time=_bounded(job.reminder_time, now),
        retry_times={work: _bounded(time, now) or 0 for work, time in job.retry_times.items()},
        lease_until=_bounded(job.lease_until, now + spans.lease_s),
        expires_time=_bounded(job.expires_time, now + spans.after_s),
        retrieval=job.retrieval
        and replace(
            job.retrieval, check_time=_bounded(job.retrieval.check_time, now + longest) or 0
        ),
    )


def _bounded(time: float | None, latest: float) -> float | None:
    """The time, or `latest` where it is later by more than clocks differ."""
    return latest if time is not None and time > latest + SKEW_S else time
