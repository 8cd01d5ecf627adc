"""Limits on what one user, or one address, may ask for; beyond them, a clear 429.

Jobs are counted in the rows, over the whole service. Calls are counted by each process of the site
for itself: docs/operating.md says what that comes to.
"""

import ipaddress
import math
from collections.abc import Iterator
from typing import NoReturn

from flask import request
from werkzeug.exceptions import TooManyRequests

from aws.config import WebSettings
from aws.rows.job import Job
from web import audit
from web.context import site, world
from web.display.formatting import span_words
from web.services.call_counts import CallLimit
from web.session import current_user

HOUR_S, MINUTE_S = 3600, 60
PAGE_SIZE = 25
RETRY_S = 60
IPV6_SUBSCRIBER = 64
"""The bits of an address of IPv6 that one subscriber has at least: all beyond are theirs."""


ALL = CallLimit("max_calls_minute", MINUTE_S, "requests")
LOGINS = CallLimit("max_logins_minute", MINUTE_S, "sign-ins")
FORMS = CallLimit("max_forms_hour", HOUR_S, "upload forms")
QUERIES = CallLimit("max_queries_minute", MINUTE_S, "queries of variants")
PLANS = CallLimit("max_plan_changes_hour", HOUR_S, "changes of plan")
COPIES = CallLimit("max_copies_hour", HOUR_S, "copies of your data")
LIMITS = {
    "auth.login": LOGINS,
    "auth.callback": LOGINS,
    "annotate.index": FORMS,
    "annotate.form": FORMS,
    "parts.begin": FORMS,
    "profile.data": COPIES,
    "subscribe.subscribe": PLANS,
    "subscribe.unsubscribe": PLANS,
}
"""The endpoints with a limit of their own, beside that on all calls; QUERIES are of `DATA`."""
DATA = frozenset({"variants", "genome"})
"""The blueprints that look into a job's variants."""
FREE = frozenset({"home.healthz", "assets.send"})


def demand_few_calls() -> None:
    """429 for a user, or an address that is not signed in, with too many calls of a kind."""
    if request.endpoint in FREE:
        return
    own = LIMITS.get(request.endpoint or "")
    if request.blueprint in DATA:
        own = QUERIES
    for limit in (own, ALL):
        if limit and (who := _address() if limit is LOGINS else caller()):
            _count(limit, who, site().config.web)


def demand_within_limits(user_id: str) -> None:
    """429 for a user with too many jobs open, or too many submitted within the hour."""
    limits = world().config.web
    recent = list(_recent(user_id, limits.max_open_jobs + limits.max_jobs_hour))
    if sum(not job.is_terminal for job in recent) >= limits.max_open_jobs:
        refuse(
            "open jobs",
            f"You have {limits.max_open_jobs} jobs waiting or running, the most that one person "
            "may have. Please wait until some are done, or cancel some.",
            RETRY_S,
        )
    since = world().clock() - HOUR_S
    in_hour = [job for job in recent if job.submit_time > since]
    if len(in_hour) >= limits.max_jobs_hour:
        refuse(
            "jobs an hour",
            f"You have submitted {limits.max_jobs_hour} jobs within an hour, the most that one "
            "person may. Please try again later.",
            math.ceil(in_hour[limits.max_jobs_hour - 1].submit_time - since),
        )


def refuse(limit: str, words: str, wait_s: int) -> NoReturn:
    """429 with Retry-After, and a line in the security log."""
    audit.record("rate_limit", limit=limit)
    raise TooManyRequests(words, retry_after=max(1, wait_s))


def caller() -> str | None:
    """The user, or the address of who is not signed in; None for this machine itself."""
    user = current_user()
    return user.user_id if user else _address()


def _count(limit: CallLimit, who: str, settings: WebSettings) -> None:
    most = getattr(settings, limit.setting)
    if wait_s := site().calls.wait_s(limit, who, most):
        span = "a minute" if limit.span_s == MINUTE_S else "an hour"
        words = (
            f"No more than {most} {limit.words} {span} are possible. "
            f"Please try again in {span_words(wait_s)}."
        )
        refuse(limit.words, words, wait_s)


def _address() -> str | None:
    """The subscriber's address: of IPv6 the net that is theirs; this machine itself is nobody."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return None
    if address.is_loopback:
        return None
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_SUBSCRIBER), strict=False))


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
