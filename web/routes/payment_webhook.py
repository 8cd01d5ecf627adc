"""Where the payment provider tells what has become of a subscription."""

from flask import Blueprint, abort, request

from web.context import site
from web.security import csrf
from web.services.payments import InvalidNotice, ProviderUnavailable

bp = Blueprint("payments", __name__)


@bp.post("/payments/notice")
@csrf.exempt
def webhook() -> tuple[str, int]:
    """What the provider tells us; the same notice again, or an old one, changes nothing.

    An answer other than 2xx makes the provider tell it again later.
    """
    payments = site().payments
    if payments.till is None:
        abort(404)
    try:
        standing = payments.till.standing(
            request.get_data(), request.headers.get("Stripe-Signature", "")
        )
        if standing:
            payments.settle(standing)
    except InvalidNotice:
        abort(400, "This notice bears no valid signature.")
    except ProviderUnavailable:
        abort(503)
    except KeyError:
        abort(404, "This notice is about nobody who has an account here.")
    return "", 204
