"""A payment provider's interface: pages to pay and to cancel at, and signed notices."""

from dataclasses import dataclass
from typing import Protocol

from aws.rows.accounts import Account


class InvalidNotice(Exception):
    """A notice that the provider did not sign."""


class ProviderUnavailable(Exception):
    """The provider did not answer."""


@dataclass(frozen=True)
class SubscriptionStatus:
    """One user's subscription at the provider: paid for just now or not, and the customer's id."""

    user_id: str
    is_paid: bool
    customer: str | None


class PaymentProvider(Protocol):
    """A provider; `origins` are the sites that a form may lead to, for the security policy."""

    origins: tuple[str, ...]

    def checkout(self, account: Account) -> str:
        """The address of a page to pay at. Raises ProviderUnavailable."""

    def portal(self, account: Account) -> str:
        """The address of a page to cancel at. Raises ProviderUnavailable."""

    def subscription(self, body: bytes, signature: str) -> SubscriptionStatus | None:
        """The present status of the subscription that a notice is about; None: it is about none.

        Raises InvalidNotice, or ProviderUnavailable.
        """
