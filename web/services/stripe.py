"""Stripe as the payment provider: hosted Checkout, the customer portal, and signed notices.

https://docs.stripe.com/billing/subscriptions/build-subscriptions
"""

import json
import os
from collections.abc import Callable
from typing import Any

import stripe

from aws.config import Config, ConfigError
from aws.rows.accounts import Account
from aws.secrets import Secrets
from web.services.provider import InvalidNotice, ProviderUnavailable, SubscriptionStatus

PAID = ("active", "trialing", "past_due")
"""past_due: Stripe is still trying to collect, and cancels when it gives up."""
NOTICES = (
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
)
RETRIES = 2
TIMEOUT_S = 10
SIGNATURE_AGE_S = 300


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
        return str(_call(self._stripe.v1.checkout.sessions.create, session)["url"])

    def portal(self, account: Account) -> str:
        """https://docs.stripe.com/api/customer_portal/sessions/create"""
        session = {"customer": account.customer, "return_url": f"{self.base_url}/profile"}
        return str(_call(self._stripe.v1.billing_portal.sessions.create, session)["url"])

    def subscription(self, body: bytes, signature: str) -> SubscriptionStatus | None:
        """The subscription is read anew, so the order and the number of notices do not matter."""
        notice = self._verified(body, signature)
        if notice["type"] not in NOTICES:
            return None
        subject = notice["data"]["object"]
        is_session = subject["object"] == "checkout.session"
        subscription_id = subject["subscription"] if is_session else subject["id"]
        if not subscription_id:
            return None
        found = _call(self._stripe.v1.subscriptions.retrieve, subscription_id).to_dict()
        user_id = found["metadata"].get("user_id")
        if not user_id:
            return None
        return SubscriptionStatus(user_id, found["status"] in PAID, found["customer"])

    def _verified(self, body: bytes, signature: str) -> dict[str, Any]:
        """The notice, if Stripe signed it within the last five minutes."""
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, self._webhook_key, tolerance=SIGNATURE_AGE_S
            )
            notice: dict[str, Any] = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError) as fault:
            raise InvalidNotice(str(fault)) from None
        return notice


def _call(request: Callable[[Any], Any], argument: Any) -> Any:
    """Stripe's answer. Raises ProviderUnavailable."""
    try:
        return request(argument)
    except stripe.StripeError as fault:
        raise ProviderUnavailable(type(fault).__name__) from None
