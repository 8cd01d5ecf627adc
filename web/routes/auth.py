"""Signing in with Globus and signing out."""

import hmac
import logging
import re
from typing import NoReturn

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.accounts import ClosedAccount
from aws.rows.sessions import UsedLogin
from web import audit
from web.context import site, world
from web.security import here, hostname, local_path
from web.services.globus import Identity, Login
from web.services.id_tokens import GlobusUnavailable, LoginRefused
from web.session import current_user, sign_in, sign_out

log = logging.getLogger(__name__)
bp = Blueprint("auth", __name__)

NOT_CONFIRMED = (
    "This sign-in could not be confirmed. It may have been used before, or have taken too long."
)
GLOBUS_DOWN = (
    "Globus, which tells GAS who you are, does not answer just now. Please try again in a minute."
)


CLOSED = "The operators of this service have closed this account. Please ask them why."
LOGIN_AGE_S = 600
"""The time that a person has at Globus; within it the account's row remembers the login as used."""
OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")


@bp.get("/login")
def login() -> AnyResponse:
    """Begin a login; its secrets wait in the session for the callback."""
    if elsewhere := _same_page_at_base_url():
        return redirect(elsewhere)
    back = local_path(request.args.get("next", "")) or url_for("annotations.index")
    if current_user():
        return redirect(back)
    begun = Login.new()
    session["login"] = {**vars(begun), "next": back, "time": int(world().clock())}
    return redirect(site().globus.authorize_url(begun))


@bp.get("/authcallback")
def callback() -> AnyResponse:
    """End a login: it is used up by the first callback that comes, good or bad."""
    begun = session.pop("login", None)
    if not begun or not _is_answer_to(begun["state"]):
        _refuse("no login with this state was begun here")
    if "code" not in request.args:
        error = request.args.get("error", "")
        audit.record("sign_in_given_up", reason=error if OAUTH_ERROR.fullmatch(error) else "other")
        return redirect(url_for("home.index"))
    if world().clock() - begun.pop("time", 0) > LOGIN_AGE_S:
        _refuse("the login took too long")
    back, begun = begun.pop("next"), Login(**begun)
    try:
        sign_in(_identity(request.args["code"], begun), begun.id)
    except UsedLogin:
        _refuse("the login was used before")
    except ClosedAccount:
        audit.record("sign_in_refused", reason="the account is closed")
        abort(403, CLOSED)
    return redirect(back)


def _is_answer_to(state: str) -> bool:
    given = request.args.get("state", "")
    return hmac.compare_digest(given.encode(), state.encode())


def _identity(code: str, begun: Login) -> Identity:
    try:
        return site().globus.identify(code, begun)
    except LoginRefused as reason:
        _refuse(str(reason))
    except GlobusUnavailable as fault:
        log.error("Globus is down: %s", fault)
        abort(503, GLOBUS_DOWN)


def _refuse(reason: str) -> NoReturn:
    audit.record("sign_in_refused", reason=reason)
    abort(400, NOT_CONFIRMED)


@bp.post("/logout")
def logout() -> AnyResponse:
    """End our session, then Globus's."""
    sign_out()
    return _to_globus()


@bp.post("/logout/everywhere")
def logout_everywhere() -> AnyResponse:
    """End the user's sessions in all browsers, then Globus's in this one."""
    sign_out(everywhere=True)
    return _to_globus()


def _to_globus() -> AnyResponse:
    """Leave nothing of the pages behind in this browser."""
    reply = redirect(site().globus.logout_url(), 303)
    reply.headers["Clear-Site-Data"] = '"cache", "storage"'
    return reply


def _same_page_at_base_url() -> str | None:
    """On one machine: this page where Globus comes back to, if the browser used another host name.

    Cookies set at 127.0.0.1 are not sent to localhost.
    """
    config = site().config
    base = hostname(config.gas.base_url)
    if base not in here(config) or hostname(f"//{request.host}") == base:
        return None
    return config.gas.base_url + request.full_path.rstrip("?")
