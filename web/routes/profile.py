"""The signed-in user's own data, and where they are signed in."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from aws.rows.accounts import MailKind
from web.context import site, world
from web.session import account, live_sessions

bp = Blueprint("profile", __name__)

MAILS = {
    MailKind.ENDED: "when a job, or all of a batch, has ended",
    MailKind.RETURNED: "when archived results are back",
}
"""The kinds of mail, in words."""


@bp.post("/profile/mail")
def mail() -> Response:
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
