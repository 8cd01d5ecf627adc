"""The signed-in user's own data."""

from flask import Blueprint, render_template

from web.context import site
from web.session import account

bp = Blueprint("profile", __name__)


@bp.get("/profile")
def index() -> str:
    return render_template("profile.html", account=account(), tiers=site().config.tiers)
