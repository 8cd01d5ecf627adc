"""A user's jobs by name, batch and status, in an order of the reader's choice."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from aws.rows.job import Job, Status
from aws.rows.jobs import Jobs

MOST_READ = 1000
"""The newest jobs of a user that a search looks at."""
MOST_CHARACTERS = 100
STATUSES = tuple(status for status in Status if status is not Status.DELETED)
ORDERS: dict[str, tuple[str, Callable[[Job], Any], bool]] = {
    "": ("Newest first", lambda job: job.submit_time, True),
    "oldest": ("Oldest first", lambda job: job.submit_time, False),
    "name": ("By name", lambda job: job.name.casefold(), False),
    "status": ("By status", lambda job: STATUSES.index(job.job_status), False),
    "size": ("Largest first", lambda job: job.input_bytes, True),
}
"""The orders of a list by their names in the address: words, key, and whether it descends."""


@dataclass(frozen=True)
class JobQuery:
    """The part of a user's jobs that an address names; empty: all of them, newest first."""

    text: str = ""
    status: str = ""
    batch: str = ""
    order: str = ""

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Self:
        """From the address's `q`, `status`, `batch` and `order`; what is none of them is left."""
        status, order = args.get("status", ""), args.get("order", "")
        return cls(
            args.get("q", "").strip()[:MOST_CHARACTERS],
            status if status in STATUSES else "",
            args.get("batch", "")[:MOST_CHARACTERS],
            order if order in ORDERS else "",
        )

    @property
    def is_plain(self) -> bool:
        return self == JobQuery()

    @property
    def args(self) -> dict[str, str]:
        """The arguments of the address that names this part."""
        named = {"q": self.text, "status": self.status, "batch": self.batch, "order": self.order}
        return {name: value for name, value in named.items() if value}

    def takes(self, job: Job) -> bool:
        """Tell whether the job has the status, the batch and the text in its names or its note."""
        if self.status and job.job_status != self.status:
            return False
        if self.batch and job.batch != self.batch:
            return False
        words = f"{job.title}\n{job.input_file_name}\n{job.note}\n{job.batch}".casefold()
        return all(word in words for word in self.text.casefold().split())


def find(jobs: Jobs, user_id: str, query: JobQuery) -> list[Job]:
    """The jobs that the query takes among the newest MOST_READ, in its order."""
    newest = islice(jobs.all_of(user_id), MOST_READ)
    _, key, descending = ORDERS[query.order]
    return sorted((job for job in newest if query.takes(job)), key=key, reverse=descending)
