"""The unfinished work in a job's row, and when each kind of it falls due."""

from aws.rows.job import (
    MAX_DOUBLINGS,
    MAX_RETRIES,
    Job,
    Now,
    PendingWork,
    Status,
    Timeouts,
)


def unfinished(job: Job, at: Now) -> dict[PendingWork, float]:
    """The unfinished work in this row, each kind with the time (epoch s) to retry it.

    Work that was retried, or reminded of, MAX_RETRIES times is left to the operator.
    """
    retried = {
        work: max(time, _again(job, at, work))
        for work, time in _commits_and_moves(job, at).items()
        if job.retries.get(work, 0) < MAX_RETRIES
    }
    waiting = _progress_time(job, at.timeouts)
    if waiting is None or job.reminders >= MAX_RETRIES:
        return retried
    return {**retried, PendingWork.PROGRESS: waiting}


def _commits_and_moves(job: Job, at: Now) -> dict[PendingWork, float]:
    """The work that a commit left, and the moves of a result, each with its first due time."""
    timeouts = at.timeouts
    times: dict[PendingWork, float] = {}
    if job.outbox or job.garbage or job.role_check_due:
        times[PendingWork.COMMIT] = at.now + timeouts.grace_s
    if job.is_hot and job.expires_time is not None and job.archive_fault is None:
        slack = timeouts.grace_s if timeouts.by_queue else 0
        times[PendingWork.RETENTION] = max(job.expires_time + slack, job.lease_until or 0)
    if job.retrieval:
        times[PendingWork.RETRIEVAL] = job.retrieval.check_time
    return times


def _again(job: Job, at: Now, work: PendingWork) -> float:
    """The time (epoch s) before which work that was retried is not retried again."""
    retries = job.retries.get(work, 0)
    doublings = min(retries - 1, MAX_DOUBLINGS)
    return job.retry_times[work] + at.timeouts.grace_s * 2**doublings if retries else 0


def due(job: Job, at: Now) -> float | None:
    """The time (epoch s) for the sweeper to look at this row; None: nothing is unfinished."""
    return min(unfinished(job, at).values(), default=None)


def _progress_time(job: Job, timeouts: Timeouts) -> float | None:
    """The time when a job that waits for an annotator or its mail counts as forgotten."""
    reminder_time = job.reminder_time or 0
    if job.job_status is Status.PENDING:
        return max(job.submit_time, reminder_time) + _backed_off(job, timeouts.patience_s)
    if job.job_status is Status.RUNNING:
        again = reminder_time + _backed_off(job, timeouts.grace_s) if reminder_time else 0
        return max(job.lease_until or 0, again)
    if not job.is_mail_settled:
        return max(job.complete_time or 0, reminder_time) + _backed_off(job, timeouts.grace_s)
    return None


def _backed_off(job: Job, seconds: int) -> int:
    return int(seconds * 2 ** min(job.reminders, MAX_DOUBLINGS))
