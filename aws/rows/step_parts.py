"""The parts that steps have in common: guards, and what a step leaves to be done."""

from dataclasses import replace
from typing import TypeVar

from aws.rows.job import Job, Now, PendingWork, Refused, Status
from aws.storage.stored import Stored

T = TypeVar("T")
MOST_GARBAGE = 250
"""Entries of a kilobyte at the most: a row of more than 400 kB is refused.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


def ended(job: Job, at: Now, status: Status, *topics: str) -> Job:
    """The job at its end: no lease, no progress, and these events to be published."""
    return replace(
        job,
        job_status=status,
        complete_time=at.now,
        lease_owner=None,
        lease_until=None,
        progress=None,
        reminders=0,
        reminder_time=None,
        outbox=posted(job, *topics),
    )


def retention_events(at: Now) -> tuple[str, ...]:
    """The event whose delivery delay is the retention, where a queue can wait that long."""
    return ("results_archive",) if at.timeouts.by_queue else ()


def posted(job: Job, *topics: str) -> tuple[str, ...]:
    """The outbox with these events, marked by the revision that adds them (see strike_out)."""
    return added(job.outbox, *(f"{topic}@{job.rev + 1}" for topic in topics))


def writing(job: Job, *stored: Stored) -> Job:
    """The job about to write these; unchanged where it is already, for they are no garbage."""
    if job.pending_writes == stored:
        return job
    return replace(dropped(job), pending_writes=stored)


def dropped(job: Job) -> Job:
    """The job with its pending writes turned into garbage.

    While nothing can be deleted, each further attempt adds some: the oldest go, which the inventory
    finds if they were written at all.
    """
    garbage = added(job.garbage, *job.pending_writes)[-MOST_GARBAGE:]
    return replace(job, garbage=garbage, pending_writes=())


def overtaken(job: Job) -> Job:
    """The job without the archive that was being written, its lease and its failures."""
    return replace(
        calmed(dropped(job), PendingWork.RETENTION), lease_until=None, archive_fault=None
    )


def calmed(job: Job, *works: PendingWork) -> Job:
    """The job with no retries of this work counted any more: it made headway."""
    return replace(job, retries={k: n for k, n in job.retries.items() if k not in works})


def added(entries: tuple[T, ...], *more: T) -> tuple[T, ...]:
    return entries + tuple(e for e in more if e not in entries)


def demand_lease(job: Job, owner: str) -> None:
    mine = job.job_status is Status.RUNNING and job.lease_owner == owner
    demand(mine, job, f"be changed by {owner}, whose lease is over")


def demand(holds: bool, job: Job, step: str) -> None:
    if not holds:
        raise Refused(f"job {job.job_id} ({job.job_status}, rev {job.rev}) cannot {step}")
