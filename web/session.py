"""The signed-in user: the session's three facts, and the account, read anew for each request."""

from dataclasses import dataclass

from flask import abort, g, redirect, session, url_for

from aws.rows.accounts import Account
from web.context import world
from web.services.globus import Identity


@dataclass(frozen=True)
class CurrentUser:
    """The facts in the session cookie; the role is not among them, for it would go stale."""

    user_id: str
    name: str
    email: str


def sign_in(identity: Identity) -> None:
    """Begin a session, with nothing left of the one before."""
    world().accounts.sign_in(identity.user_id, identity.name, identity.email, identity.institution)
    session.clear()
    session.permanent = True
    session.update(sub=identity.user_id, name=identity.name, email=identity.email)


def current_user() -> CurrentUser | None:
    """The signed-in user, without a look at the account."""
    if "sub" not in session:
        return None
    return CurrentUser(session["sub"], session.get("name", ""), session.get("email", ""))


def account() -> Account:
    """The account of the signed-in user, read once a request."""
    if "account" not in g:
        try:
            g.account = world().accounts.get(session["sub"])
        except KeyError:
            session.clear()
            abort(redirect(url_for("auth.login")))
    found: Account = g.account
    return found


def user_id() -> str:
    return str(session["sub"])
