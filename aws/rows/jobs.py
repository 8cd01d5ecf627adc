"""The annotations table: fetching jobs, listing them, and taking them through their steps."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Concatenate, ParamSpec

from aws.rows import lifecycle, moves, outputs
from aws.rows.job import Job, Now, Retrieval, Status, Timeouts
from aws.rows.table import GIVEN_UP, Conflict, Row, Table, shard
from aws.rows.unfinished import due
from aws.storage.stored import Stored

P = ParamSpec("P")
FIELDS = {f.name for f in fields(Job)}
INDEX = "user_id_index"
LISTED = "submit_time"
"""The sort key of that index: a row without it is in no list."""
TIME = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")


@dataclass(frozen=True)
class JobPage:
    """One page of a user's jobs; `next` is the token of the next page, None on the last."""

    jobs: list[Job]
    next: str | None


def step_method(
    step: Callable[Concatenate[Job, Now, P], Job],
) -> Callable[Concatenate["Jobs", str, P], Job]:
    """A method that takes a job, named by its id, through one step of its lifecycle.

    Returns the job as written. Raises KeyError for an unknown id and Refused for a wrong state.
    """

    def take(self: "Jobs", job_id: str, /, *args: P.args, **kwargs: P.kwargs) -> Job:
        return self.change(job_id, lambda job: step(job, self.now(), *args, **kwargs))

    take.__name__ = step.__name__
    take.__doc__ = step.__doc__
    return take


class Jobs:
    """Jobs by id and by user; steps are compare-and-swaps, safe against each other."""

    def __init__(
        self, table: Table, timeouts: Timeouts, clock: Callable[[], float] = time.time
    ) -> None:
        self.table, self.timeouts, self.clock = table, timeouts, clock

    start = step_method(lifecycle.start)
    renew = step_method(lifecycle.renew)
    intend_outputs = step_method(lifecycle.intend_outputs)
    complete = step_method(lifecycle.complete)
    fail = step_method(lifecycle.fail)
    return_to_queue = step_method(lifecycle.return_to_queue)
    describe = step_method(lifecycle.describe)
    share = step_method(lifecycle.share)
    withdraw = step_method(lifecycle.withdraw)
    cancel = step_method(lifecycle.cancel)
    delete = step_method(lifecycle.delete)
    republish = step_method(lifecycle.republish)
    mark_mailed = step_method(lifecycle.mark_mailed)
    give_up_mail = step_method(lifecycle.give_up_mail)
    strike_out = step_method(lifecycle.strike_out)
    begin_archive = step_method(moves.begin_archive)
    renew_archive = step_method(moves.renew_archive)
    drop_archive = step_method(moves.drop_archive)
    commit_archive = step_method(moves.commit_archive)
    pin = step_method(moves.pin)
    release = step_method(moves.release)
    clear_role_check = step_method(lifecycle.clear_role_check)
    begin_retrieval = step_method(moves.begin_retrieval)
    record_retrieval = step_method(moves.record_retrieval)
    postpone_check = step_method(moves.postpone_check)
    fail_archive = step_method(moves.fail_archive)
    resume = step_method(moves.resume)
    bound_times = step_method(lifecycle.bound_times)
    count_retry = step_method(lifecycle.count_retry)
    fail_retrieval = step_method(moves.fail_retrieval)
    begin_thaw = step_method(moves.begin_thaw)
    commit_thaw = step_method(moves.commit_thaw)

    def now(self) -> Now:
        return Now(round(self.clock(), 3), self.timeouts)

    def create(self, job: Job) -> Job:
        """Create the row, its request in the outbox. Raises FileExistsError where there is one."""
        try:
            return _job(self.table.create(self._row(lifecycle.submit(job, self.now()))))
        except Conflict:
            raise FileExistsError(job.job_id) from None

    def submit(self, job: Job) -> Job:
        """Create the row, or return the stored job where it exists already.

        Raises FileExistsError where the id is another user's.
        """
        try:
            return self.create(job)
        except FileExistsError:
            stored = self.get(job.job_id)
            if stored.user_id != job.user_id:
                raise
        return stored

    def get(self, job_id: str) -> Job:
        """The job, read strongly consistent. Raises KeyError for an unknown id."""
        row = self.table.get(job_id)
        if row is None:
            raise KeyError(job_id)
        return _job(row)

    def change(self, job_id: str, alter: Callable[[Job], Job]) -> Job:
        """Alter the job by a pure function, again while others write in between."""
        changed = self.table.change(job_id, lambda row: self._row(alter(_job(row))))
        return _job(changed)

    def page_of(self, user_id: str, limit: int, after: str | None = None) -> JobPage:
        """One page of a user's jobs, newest first: one Query whatever the number of jobs.

        `after` is the `next` of the page before. Raises ValueError for any other text.
        """
        options: dict[str, Any] = {"Limit": limit}
        if after:
            options["ExclusiveStartKey"] = _start_key(user_id, after)
        page = self.table.page(INDEX, "user_id", user_id, options)
        return JobPage([_job(row) for row in page.rows], _token(page.next))

    def all_of(self, user_id: str) -> Iterator[Job]:
        """Every job of a user, newest first, a page in memory at a time."""
        after: str | None = None
        while True:
            page = self.page_of(user_id, 100, after)
            yield from page.jobs
            after = page.next
            if not after:
                return

    def due(self) -> Iterator[str]:
        """The ids of all jobs with unfinished work whose time has come.

        The rows decide, as the index may be behind; one that cannot be read keeps no other back.
        """
        return (row["job_id"] for row in self.table.due(self.now().now))

    def waiting(self, after_s: float) -> Iterator[str]:
        """The ids of all jobs with unfinished work that falls due more than `after_s` from now."""
        return (row["job_id"] for row in self.table.waiting(self.now().now + after_s))

    def given_up(self) -> Iterator[Job]:
        """Every job whose unfinished work is left to the operator."""
        return (_job(row) for row in self.table.given_up())

    def scan(self) -> Iterator[Job]:
        """Every job there is, read strongly consistent: a whole pass over the table."""
        return (_job(row) for row in self.table.scan())

    def _row(self, job: Job) -> Row:
        """The row of a job, its due time derived anew in every write."""
        due_time = due(job, self.now())
        row = {name: _attribute(getattr(job, name)) for name in FIELDS - {"outputs"}}
        row |= outputs.attributes(job.outputs)
        if job.job_status is Status.DELETED:
            del row[LISTED]
        if due_time is not None:
            row |= {"due_time": due_time, "due_shard": shard(job.job_id)}
        elif job.is_given_up:
            row |= {"due_time": self.now().now, "due_shard": GIVEN_UP}
        return {name: value for name, value in row.items() if value is not None}


def _job(row: Row) -> Job:
    job = Job(**{name: value for name, value in row.items() if name in FIELDS})
    retrieval = row.get("retrieval")
    return replace(
        job,
        job_status=Status(job.job_status),
        outputs=outputs.from_row(row),
        outbox=tuple(job.outbox),
        garbage=_references(row.get("garbage", ())),
        pending_writes=_references(row.get("pending_writes", ())),
        retrieval=Retrieval(**retrieval) if retrieval else None,
    )


def _references(texts: Iterable[str]) -> tuple[Stored, ...]:
    return tuple(Stored.parse(text) for text in texts)


def _attribute(value: Any) -> Any:
    """A field as stored: a map for a retrieval, text for references and the status.

    None (which is not stored) for whatever is empty.
    """
    if isinstance(value, Retrieval):
        return vars(value)
    if isinstance(value, tuple):
        return [str(entry) for entry in value] or None
    if isinstance(value, Status):
        return str(value)
    return None if value in ({}, "") else value


def _token(key: Row | None) -> str | None:
    if key is None:
        return None
    return f"{key['submit_time']}~{key['job_id']}"


def _start_key(user_id: str, token: str) -> Row:
    time_text, _, job_id = token.partition("~")
    if not TIME.fullmatch(time_text) or not job_id:
        raise ValueError(f"{token!r} is no place in the list")
    return {
        "user_id": {"S": user_id},
        "submit_time": {"N": time_text},
        "job_id": {"S": job_id},
    }
