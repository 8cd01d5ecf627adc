"""The payment seam: with no provider subscribing is immediate, with Stripe its webhook decides."""

import importlib
import logging
from dataclasses import dataclass
from typing import Protocol

from aws.config import ConfigError
from aws.outbox import announce_role
from aws.resources import World
from aws.rows.accounts import Account
from aws.secrets import Secrets

log = logging.getLogger(__name__)


class InvalidNotice(Exception):
    """A notice that the provider did not sign."""


class ProviderUnavailable(Exception):
    """The provider did not answer."""


@dataclass(frozen=True)
class SubscriptionStatus:
    """What a provider knows of one user: whether the plan is paid for just now."""

    user_id: str
    is_paid: bool
    customer: str | None


class PaymentProvider(Protocol):
    """A provider: its own pages to pay and to cancel at, and signed notices of what came of it."""

    origins: tuple[str, ...]

    def checkout(self, account: Account) -> str:
        """The address of a page to pay at. Raises TillDown."""

    def portal(self, account: Account) -> str:
        """The address of a page to cancel at. Raises TillDown."""

    def standing(self, body: bytes, signature: str) -> SubscriptionStatus | None:
        """Where the user of a notice stands by now; None: it is of no interest.

        Raises BadNotice, or TillDown.
        """


class Payments:
    """Changes roles, through a till where there is one."""

    def __init__(self, world: World, till: PaymentProvider | None) -> None:
        self.world, self.till = world, till
        self.origins = till.origins if till else ()

    @classmethod
    def of(cls, world: World, secrets: Secrets) -> "Payments":
        """Raises ConfigError where the chosen provider lacks its keys or its library."""
        if world.config.payments.provider == "none":
            return cls(world, None)
        try:
            module = importlib.import_module("web.services.stripe")
        except ImportError:
            raise ConfigError(
                "[payments] provider is stripe, but its library is missing: pip install stripe"
            ) from None
        return cls(world, module.StripeProvider.of(world.config, secrets))

    def subscribe(self, account: Account) -> str | None:
        """Make the user premium; where that is to be paid for, the address to go to instead."""
        if self.till and not account.is_premium:
            return self.till.checkout(account)
        self.settle(SubscriptionStatus(account.user_id, True, None))
        return None

    def unsubscribe(self, account: Account) -> str | None:
        """Make the user free; where a provider holds the subscription, the address to go to."""
        if self.till and account.customer:
            return self.till.portal(account)
        self.settle(SubscriptionStatus(account.user_id, False, None))
        return None

    def settle(self, standing: SubscriptionStatus) -> None:
        """Write the role, then announce it; the sweeper repeats what is lost in between."""
        accounts = self.world.accounts
        if standing.is_paid:
            account = accounts.subscribe(standing.user_id, standing.customer)
        else:
            account = accounts.unsubscribe(standing.user_id)
        if account.pending_role_change is not None:
            self._announce(standing.user_id)

    def _announce(self, user_id: str) -> None:
        """A role that is written is not undone because telling of it failed."""
        try:
            announce_role(self.world, user_id)
        except Exception:
            log.exception("the role of %s waits for the sweeper", user_id)
