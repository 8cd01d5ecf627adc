"""Sharing a result by a link that expires and can be withdrawn."""

import re
import uuid

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from aws.rows.job import Job
from web import sharing
from web.context import world
from web.security import own_job_or_404
from web.session import current_user
from web.sharing import Share

bp = Blueprint("shares", __name__)

DAY_S = 24 * 3600
DAYS = (1, 7, 30, 90)
MOST_SHARES = 20
RECIPIENT = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GONE = (
    "This link leads nowhere (any more): it has expired, or its owner has withdrawn it. Ask them "
    "for a new one."
)


@bp.post("/annotations/<job_id>/share")
def share(job_id: str) -> Response:
    """Make a link to the job, for some days, for one person or whoever has it."""
    job = own_job_or_404(job_id)
    days = request.form.get("days", 0, type=int)
    recipient = request.form.get("recipient", "").strip().lower()
    if days not in DAYS:
        abort(400, "Please choose for how many days the link is to work.")
    if recipient and not RECIPIENT.fullmatch(recipient):
        abort(400, "Write the person's e-mail address or Globus identity, or leave it empty.")
    if len(sharing.live_shares(job)) >= MOST_SHARES:
        abort(409, f"This job has {MOST_SHARES} links. Withdraw one that nobody needs any more.")
    made = Share(int(world().clock()) + days * DAY_S, recipient)
    world().jobs.share(job.job_id, share_id=uuid.uuid4().hex, share=str(made))
    return _back(job)


@bp.post("/annotations/<job_id>/withdraw")
def withdraw(job_id: str) -> Response:
    """End a link."""
    job = own_job_or_404(job_id)
    world().jobs.withdraw(job.job_id, share_id=request.form.get("share", ""))
    return _back(job)


@bp.get("/shared/<token>")
def opened(token: str) -> Response:
    """Follow a link: to the job's page, which shows that result and nothing else."""
    named = sharing.share_of(token)
    if named is None:
        abort(404, GONE)
    job_id, share_id = named
    found = _shared(job_id, share_id)
    if found is None:
        abort(404, GONE)
    if not found.is_for(current_user()):
        if current_user() is None:
            return redirect(url_for("auth.login", next=request.path))
        abort(403, "This result was shared with another person. Sign in as the one it is for.")
    sharing.remember(job_id, share_id)
    return redirect(url_for("annotations.details", job_id=job_id))


def _shared(job_id: str, share_id: str) -> Share | None:
    try:
        job = world().jobs.get(job_id)
    except KeyError:
        return None
    return sharing.live_shares(job).get(share_id)


def _back(job: Job) -> Response:
    return redirect(url_for("annotations.details", job_id=job.job_id, _anchor="manage"), 303)
