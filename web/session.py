"""The signed-in user: a cookie that names the session, and the account that knows of it.

The account is read anew for each request. A session ends on the server: at sign-out, after a while
without use, and after a whole working day.
"""

from flask import abort, g, redirect, request, session, url_for

from aws.rows.accounts import Account
from aws.rows.job import Job
from aws.rows.sessions import Session
from web import audit
from web.context import site, world
from web.display.plain_text import plain_line
from web.services.globus import Identity

TOUCH_SHARE = 24
"""A session's use is written once in this share of the time that it may be unused."""
POLLS = frozenset({"annotations.status", "annotations.rows", "variants.counts"})
"""The endpoints that scripts call by themselves: they keep no session alive."""


def sign_in(identity: Identity, login_id: str) -> None:
    """Begin a session, with nothing left of the one before. Raises UsedLogin."""
    accounts, user_id = world().accounts, identity.user_id
    accounts.sign_in(user_id, identity.name, identity.email, identity.institution)
    account = accounts.begin_session(user_id, login_id, _agent())
    session.clear()
    session.permanent = True
    session.update(sub=user_id, id=login_id)
    g.account = account
    audit.record("sign_in")


def sign_out(everywhere: bool = False) -> None:
    """End this session, or all of the user's, whoever holds a copy of the cookie."""
    if user := current_user():
        world().accounts.end_sessions(user.user_id, None if everywhere else session["id"])
        audit.record("sign_out", everywhere=everywhere)
    session.clear()
    g.account = None


def current_user() -> Account | None:
    """The account of the live session that the cookie names, read once a request."""
    if "account" not in g:
        g.account = _account()
    found: Account | None = g.account
    return found


def known_user() -> Account | None:
    """The signed-in user as far as this request knows already: for the page of an error."""
    found: Account | None = g.setdefault("account", None)
    return found


def account() -> Account:
    """The account of the signed-in user; without one, away to the login."""
    return current_user() or abort(redirect(url_for("auth.login")))


def user_id() -> str:
    return account().user_id


def owner_of(job: Job) -> Account:
    """The account whose job this is, whoever looks at it. Raises KeyError for a vanished one."""
    user = current_user()
    return user if user and user.user_id == job.user_id else world().accounts.get(job.user_id)


def _account() -> Account | None:
    """The account, if its session is live; a session that has ended takes its cookie along."""
    if "sub" not in session:
        return None
    try:
        found = world().accounts.get(session["sub"])
    except KeyError:
        session.clear()
        return None
    live = next((s for s in live_sessions(found) if s.id == session.get("id")), None)
    if live is None:
        session.clear()
        audit.record("session_ended", user=found.user_id)
        return None
    unseen_s = world().clock() - live.seen_time
    if request.endpoint in POLLS or unseen_s < site().config.web.session_idle_s / TOUCH_SHARE:
        return found
    return world().accounts.touch_session(found.user_id, live.id)


def live_sessions(account: Account) -> list[Session]:
    """The sessions of a user that have not ended, the newest first."""
    web, now = site().config.web, world().clock()
    live = [s for s in account.sessions if s.is_live(now, web.session_idle_s, web.session_s)]
    return live[::-1]


def _agent() -> str:
    """The browser's name for itself."""
    return plain_line(request.user_agent.string)
