"""Going premium and going back, with the effect of either on the results."""

import logging
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from aws.rows.accounts import Account
from web.context import site, world
from web.services.payments import is_in
from web.services.provider import ProviderUnavailable
from web.session import account

log = logging.getLogger(__name__)
bp = Blueprint("subscribe", __name__)

HOLDINGS_LIMIT = 500
"""Results looked at for the figures on the page: one Query, whatever the number of jobs."""
NOT_HERE = "Premium is for members here, and you are none of them. Please ask the operators."
DOWN = "The payment service does not answer just now. Nothing was charged; please try again."


@dataclass(frozen=True)
class Holdings:
    """Numbers of a user's newest results, archived and not; `more`: there are older ones."""

    archived: int
    hot: int
    more: bool


@bp.get("/subscribe")
def index() -> str:
    """The plan: the gain of premium for a free user, the state of the results for a premium one."""
    return _page("subscribe.html", is_paying="paid" in request.args)


@bp.post("/subscribe")
def subscribe() -> Response:
    return _change_plan(account(), to_premium=True)


@bp.get("/unsubscribe")
def leaving() -> str:
    """The effect that going back to the free plan would have."""
    return _page("unsubscribe.html")


@bp.post("/unsubscribe")
def unsubscribe() -> Response:
    return _change_plan(account(), to_premium=False)


def _change_plan(user: Account, to_premium: bool) -> Response:
    """Change the role here, or send the user to the provider's page; then show the plan."""
    payments = site().payments
    if to_premium and not _may_subscribe(user):
        abort(403, NOT_HERE)
    try:
        address = (payments.subscribe if to_premium else payments.unsubscribe)(user)
    except ProviderUnavailable as fault:
        log.error("the payment service is down: %s", fault)
        abort(503, DOWN)
    log.info("%s of %s", "subscription" if to_premium else "unsubscription", user.user_id)
    return redirect(address or url_for("subscribe.index"), 303)


def _may_subscribe(user: Account) -> bool:
    return user.is_premium or is_in(site().config.payments.premium_for, user)


def _page(template: str, **more: bool) -> str:
    config = site().config
    return render_template(
        template,
        account=account(),
        holdings=_holdings(account().user_id),
        tiers=config.tiers,
        after_s=config.archive.after_s,
        may_subscribe=_may_subscribe(account()),
        max_day=config.restore.max_day,
        is_paid_elsewhere=site().payments.provider is not None,
        **more,
    )


def _holdings(user_id: str) -> Holdings:
    page = world().jobs.page_of(user_id, HOLDINGS_LIMIT)
    return Holdings(
        archived=sum(job.is_archived for job in page.jobs),
        hot=sum(job.is_hot for job in page.jobs),
        more=page.next is not None,
    )
