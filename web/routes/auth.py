"""Signing in with Globus and signing out."""

import hmac
import logging
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from web.context import site
from web.security import local_path
from web.services.globus import GlobusUnavailable, Identity, Login, LoginRefused
from web.session import current_user, sign_in

log = logging.getLogger(__name__)
bp = Blueprint("auth", __name__)

NOT_CONFIRMED = (
    "This sign-in could not be confirmed. It may have been used before, or have taken too long."
)
GLOBUS_DOWN = (
    "Globus, which tells GAS who you are, does not answer just now. Please try again in a minute."
)


@bp.get("/login")
def login() -> Response:
    """Begin a login; its secrets wait in the session for the callback."""
    if elsewhere := _same_page_at_base_url():
        return redirect(elsewhere)
    back = local_path(request.args.get("next", "")) or url_for("annotations.index")
    if current_user():
        return redirect(back)
    begun = Login.new()
    session["login"] = {**vars(begun), "next": back}
    return redirect(site().globus.authorize_url(begun))


@bp.get("/authcallback")
def callback() -> Response:
    """End a login: the state is used up by the first callback that comes, good or bad."""
    begun = session.pop("login", None)
    if not begun or not _is_answer_to(begun["state"]):
        abort(400, NOT_CONFIRMED)
    if "code" not in request.args:
        log.info("a login was given up: %s", request.args.get("error", "")[:80])
        return redirect(url_for("home.index"))
    back = begun.pop("next")
    sign_in(_identity(request.args["code"], Login(**begun)))
    return redirect(back)


def _is_answer_to(state: str) -> bool:
    given = request.args.get("state", "")
    return hmac.compare_digest(given.encode(), state.encode())


def _identity(code: str, begun: Login) -> Identity:
    try:
        return site().globus.identify(code, begun)
    except LoginRefused as reason:
        log.warning("a login was refused: %s", reason)
        abort(400, NOT_CONFIRMED)
    except GlobusUnavailable as fault:
        log.error("Globus is down: %s", fault)
        abort(503, GLOBUS_DOWN)


@bp.post("/logout")
def logout() -> Response:
    """End our session, then Globus's."""
    session.clear()
    return redirect(site().globus.logout_url(), 303)


def _same_page_at_base_url() -> str | None:
    """On one machine: this page where Globus comes back to, if the browser used another host name.

    Cookies set at 127.0.0.1 are not sent to localhost.
    """
    config = site().config
    base = urlsplit(config.gas.base_url).hostname
    if base != config.local.host or urlsplit(f"//{request.host}").hostname == base:
        return None
    return config.gas.base_url + request.full_path.rstrip("?")
