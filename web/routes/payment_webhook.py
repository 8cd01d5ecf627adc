"""The webhook that the payment provider calls when a subscription has changed."""

from flask import Blueprint, abort, request

from web.context import site
from web.security import csrf
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
        status = payments.provider.subscription(
            request.get_data(), request.headers.get("Stripe-Signature", "")
        )
        if status:
            payments.apply(status)
    except InvalidNotice:
        abort(400, "This notice bears no valid signature.")
    except ProviderUnavailable:
        abort(503)
    except KeyError:
        abort(404, "This notice is about nobody who has an account here.")
    return "", 204
