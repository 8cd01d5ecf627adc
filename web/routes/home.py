"""The front page, and the health check."""

from flask import Blueprint, render_template

from web.context import site

bp = Blueprint("home", __name__)


@bp.get("/")
def index() -> str:
    return render_template("home.html", references=site().references.installed())


@bp.get("/healthz")
def healthz() -> tuple[str, dict[str, str]]:
    """Answer for this process alone, so that a fault elsewhere kills no instance."""
    return "ok\n", {"Content-Type": "text/plain"}
