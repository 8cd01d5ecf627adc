"""The signed-in user's own data, and where they are signed in."""

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.accounts import Account, MailKind
from aws.rows.job import Job
from aws.rows.sessions import Session
from web.context import site, world
from web.session import account, live_sessions

bp = Blueprint("profile", __name__)

MAILS = {
    MailKind.ENDED: "when a job, or all of a batch, has ended",
    MailKind.RETURNED: "when archived results are back",
}
"""The kinds of mail, in words."""
OF_ACCOUNT = (
    "user_id", "name", "email", "institution", "role", "created_time", "changed_time", "customer",
    "closed", "mail_off", "retrieval_day", "retrievals",
)  # fmt: skip
OF_SESSION = ("agent", "began_time", "seen_time", "ended_time")
OF_JOB = (
    "job_id", "input_file_name", "input_bytes", "title", "note", "batch", "reference", "mode",
    "annotation_tag", "job_status", "submit_time", "start_time", "complete_time", "error", "counts",
    "result_bytes", "result_sha256", "shares", "mail_fault", "expires_time", "archived_time",
    "requested_time", "thawed_time",
)  # fmt: skip
"""The attributes of each that the user gave, or that tell of them; times are epoch seconds."""


@bp.post("/profile/mail")
def mail() -> AnyResponse:
    """Record which mail the user wants."""
    wanted = set(request.form.getlist("mail"))
    off = tuple(kind for kind in MailKind if kind not in wanted)
    world().accounts.choose_mail(account().user_id, off)
    return redirect(url_for(".index"), 303)


@bp.get("/profile")
def index() -> str:
    """Name, address and plan; the sessions in all browsers, which can be ended here."""
    config = site().config
    return render_template(
        "profile.html",
        account=account(),
        sessions=live_sessions(account()),
        this_session=session["id"],
        idle_s=config.web.session_idle_s,
        whole_s=config.web.session_s,
        tiers=config.tiers,
        mails=MAILS,
    )


@bp.get("/profile/data")
def data() -> Response:
    """A copy of what is kept of the user, but for the files: those are on the jobs' pages."""
    user = account()
    jobs = [_some(job, OF_JOB) for job in world().jobs.all_of(user.user_id)]
    sessions = [_some(each, OF_SESSION) for each in user.sessions]
    reply = jsonify(account=_some(user, OF_ACCOUNT), sessions=sessions, jobs=jobs)
    reply.headers["Content-Disposition"] = 'attachment; filename="gas-data.json"'
    return reply


def _some(row: Account | Session | Job, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
