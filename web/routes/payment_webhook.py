"""The webhook that the payment provider calls when a subscription has changed."""

from flask import Blueprint, abort, request

from web import audit
from web.context import site
from web.security import csrf
from web.services.payments import UnknownUser
from web.services.provider import InvalidNotice, ProviderUnavailable

bp = Blueprint("payments", __name__)
csrf.exempt(bp)  # The provider has no session; it signs its notices.


@bp.post("/payments/notice")
def webhook() -> tuple[str, int]:
    """Apply a notice; the same one again, or an old one, changes nothing.

    An answer other than 2xx makes the provider send it again later.
    """
    payments = site().payments
    if payments.provider is None:
        abort(404)
    try:
        signature = request.headers.get("Stripe-Signature", "")
        payments.notified(payments.provider, request.get_data(), signature)
    except InvalidNotice as fault:
        audit.record("notice_refused", reason=str(fault))
        abort(400, "This notice bears no valid signature.")
    except ProviderUnavailable:
        abort(503)
    except UnknownUser:
        abort(404, "This notice is about nobody who has an account here.")
    return "", 204
