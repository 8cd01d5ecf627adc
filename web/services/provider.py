"""A payment provider's interface: pages to pay and to cancel at, and signed notices."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aws.rows.accounts import Account


class InvalidNotice(Exception):
    """A notice that the provider did not sign, or that is none of its notices."""


class ProviderUnavailable(Exception):
    """The provider did not answer."""


@dataclass(frozen=True)
class SubscriptionNotice:
    """The subject of a notice: whose subscription has changed, and which customer's it is."""

    user_id: str
    customer: str


class PaymentProvider(Protocol):
    """A provider; `origins` are the sites that a form may lead to, for the security policy."""

    origins: tuple[str, ...]

    def checkout(self, account: Account) -> str:
        """The address of a page to pay at. Raises ProviderUnavailable."""

    def portal(self, account: Account) -> str:
        """The address of a page to cancel at. Raises ProviderUnavailable."""

    def notice(self, body: bytes, signature: str) -> SubscriptionNotice | None:
        """The subject of a notice; None where it is about no user's subscription.

        Raises InvalidNotice, or ProviderUnavailable.
        """

    def payer(self, user_id: str, customers: Iterable[str]) -> str | None:
        """Which of the customers pays for the user's premium just now, whatever notices said.

        Raises ProviderUnavailable.
        """
