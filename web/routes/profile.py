"""The signed-in user's own data, and where they are signed in."""

from flask import Blueprint, render_template, session

from web.context import site
from web.session import account, live_sessions

bp = Blueprint("profile", __name__)


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
    )
