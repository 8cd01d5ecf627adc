"""Stripe as the payment provider: hosted Checkout, the customer portal, and signed notices.

https://docs.stripe.com/billing/subscriptions/build-subscriptions
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import stripe

from aws.config import Config, ConfigError
from aws.rows.accounts import Account
from aws.secrets import Secrets
from web.services.provider import InvalidNotice, ProviderUnavailable, SubscriptionNotice

PAID = ("active", "trialing", "past_due")
"""past_due: Stripe is still trying to collect, and cancels when it gives up."""
NOTICES = (
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)
RETRIES = 1
TIMEOUT_S = 4
"""Of each try: the page that Stripe is waited for answers within 10 s."""
SIGNATURE_AGE_S = 300
DAY_S = 24 * 3600
MOST = 100
"""Subscriptions of one customer that are looked at: as many as Stripe lists at once."""


class StripeProvider:
    """One Stripe account and the price that premium has in it."""

    origins: tuple[str, ...] = ("https://checkout.stripe.com", "https://billing.stripe.com")

    def __init__(self, key: str, webhook_key: str, price: str, base_url: str) -> None:
        self.price, self.base_url, self._webhook_key = price, base_url, webhook_key
        endpoint = os.environ.get("STRIPE_API_BASE")
        self._stripe = stripe.StripeClient(
            key,
            base_addresses={"api": endpoint} if endpoint else {},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        )

    @classmethod
    def of(cls, config: Config, secrets: Secrets) -> "StripeProvider":
        """Raises ConfigError where a key is missing."""
        if not (secrets.stripe_key and secrets.stripe_webhook_key and config.payments.price):
            raise ConfigError(
                "stripe needs stripe_key and stripe_webhook_key in the secret, and [payments] price"
            )
        return cls(
            secrets.stripe_key,
            secrets.stripe_webhook_key,
            config.payments.price,
            config.gas.base_url,
        )

    def checkout(self, account: Account) -> str:
        """https://docs.stripe.com/api/checkout/sessions/create"""
        buyer = (
            {"customer": account.customer}
            if account.customer
            else {"customer_email": account.email}
        )
        session = {
            "mode": "subscription",
            "line_items": [{"price": self.price, "quantity": 1}],
            "client_reference_id": account.user_id,
            "subscription_data": {"metadata": {"user_id": account.user_id}},
            "success_url": f"{self.base_url}/subscribe?paid=1",
            "cancel_url": f"{self.base_url}/subscribe",
            **buyer,
        }
        return str(
            _call(self._stripe.v1.checkout.sessions.create, session, _once(account, session))["url"]
        )

    def portal(self, account: Account) -> str:
        """https://docs.stripe.com/api/customer_portal/sessions/create"""
        session = {"customer": account.customer, "return_url": f"{self.base_url}/profile"}
        return str(_call(self._stripe.v1.billing_portal.sessions.create, session)["url"])

    def notice(self, body: bytes, signature: str) -> SubscriptionNotice | None:
        """The subscription is read anew: a notice tells only where to look."""
        notice = self._verified(body, signature)
        subscription_id = _subscription_id(notice)
        if not subscription_id:
            return None
        found = _call(self._stripe.v1.subscriptions.retrieve, subscription_id).to_dict()
        user_id = found["metadata"].get("user_id")
        return SubscriptionNotice(user_id, found["customer"]) if user_id else None

    def payer(self, user_id: str, customers: Iterable[str]) -> str | None:
        """https://docs.stripe.com/api/subscriptions/list; cancelled ones are not among them."""
        for customer in customers:
            query = {"customer": customer, "price": self.price, "limit": MOST}
            reply = _call(self._stripe.v1.subscriptions.list, query).to_dict()
            if any(self._is_premium(each, user_id, customer) for each in reply["data"]):
                return customer
        return None

    def _is_premium(self, subscription: dict[str, Any], user_id: str, customer: str) -> bool:
        """Paid for by this customer for this user, at the price of premium."""
        prices = {item["price"]["id"] for item in subscription["items"]["data"]}
        owner = subscription["metadata"].get("user_id"), subscription["customer"]
        is_theirs = owner == (user_id, customer) and self.price in prices
        return is_theirs and subscription["status"] in PAID

    def _verified(self, body: bytes, signature: str) -> dict[str, Any]:
        """The notice, if Stripe signed it within the last five minutes."""
        if not signature.isascii():  # hmac compares no other text
            raise InvalidNotice("the signature is not ASCII")
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, self._webhook_key, tolerance=SIGNATURE_AGE_S
            )
            notice = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError) as fault:
            raise InvalidNotice(str(fault)) from None
        if not isinstance(notice, dict):
            raise InvalidNotice("a notice is an object")
        return notice


def _subscription_id(notice: dict[str, Any]) -> str | None:
    """The subscription that a notice is about. Raises InvalidNotice."""
    try:
        if notice["type"] not in NOTICES:
            return None
        subject = notice["data"]["object"]
        is_session = subject["object"] == "checkout.session"
        found = subject["subscription"] if is_session else subject["id"]
    except (KeyError, TypeError):
        raise InvalidNotice("the notice names no subscription") from None
    return str(found) if found else None


def _once(account: Account, session: dict[str, Any]) -> dict[str, str]:
    """One open checkout for each change of role, so that two clicks lead to one payment.

    Stripe answers a key that it knows with what it answered before, for a day.
    https://docs.stripe.com/api/idempotent_requests
    """
    digest = hashlib.sha256(json.dumps(session, sort_keys=True).encode()).hexdigest()
    day = int(time.time() // DAY_S)
    return {"idempotency_key": f"{account.user_id}-{account.role_changes}-{day}-{digest[:16]}"}


def _call(request: Callable[..., Any], *arguments: Any) -> Any:
    """Stripe's answer. Raises ProviderUnavailable."""
    try:
        return request(*arguments)
    except stripe.StripeError as fault:
        raise ProviderUnavailable(type(fault).__name__) from None
