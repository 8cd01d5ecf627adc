"""The number of jobs that one user may have at a time; beyond that, a clear 429."""

from collections.abc import Iterator

from flask import abort

from aws.rows.job import Job
from web.context import world

HOUR_S = 3600
PAGE_SIZE = 25


def demand_within_limits(user_id: str) -> None:
    """429 for a user with too many jobs open, or too many submitted within the hour."""
    limits = world().config.web
    recent = list(_recent(user_id, limits.max_open_jobs + limits.max_jobs_hour))
    if sum(not job.is_terminal for job in recent) >= limits.max_open_jobs:
        abort(
            429,
            f"You have {limits.max_open_jobs} jobs waiting or running, the most that one person "
            "may have. Please wait until some are done, or cancel some.",
        )
    since = world().clock() - HOUR_S
    if sum(job.submit_time > since for job in recent) >= limits.max_jobs_hour:
        abort(
            429,
            f"You have submitted {limits.max_jobs_hour} jobs within an hour, the most that one "
            "person may. Please try again later.",
        )


def _recent(user_id: str, most: int) -> Iterator[Job]:
    """The newest jobs, back to the first that is done and older than an hour."""
    since, after, count = world().clock() - HOUR_S, None, 0
    while count < most:
        page = world().jobs.page_of(user_id, PAGE_SIZE, after)
        for job in page.jobs:
            if job.is_terminal and job.submit_time <= since:
                return
            count += 1
            yield job
        if not (after := page.next):
            return
