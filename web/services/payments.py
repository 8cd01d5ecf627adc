"""Subscriptions: immediate without a payment provider; with one, its signed notices decide."""

import logging

from aws.config import ConfigError
from aws.outbox import announce_role
from aws.resources import World
from aws.rows.accounts import Account
from aws.secrets import Secrets
from web.services.provider import PaymentProvider, SubscriptionStatus

log = logging.getLogger(__name__)


class Payments:
    """Changes roles, through a provider where there is one."""

    def __init__(self, world: World, provider: PaymentProvider | None) -> None:
        self.world, self.provider = world, provider
        self.origins = provider.origins if provider else ()

    @classmethod
    def of(cls, world: World, secrets: Secrets) -> "Payments":
        """Raises ConfigError where the chosen provider lacks its keys or its library."""
        return cls(world, _provider(world, secrets))

    def subscribe(self, account: Account) -> str | None:
        """Make the user premium; where that is to be paid for, the address to go to instead."""
        if self.provider and not account.is_premium:
            return self.provider.checkout(account)
        self.apply(SubscriptionStatus(account.user_id, True, None))
        return None

    def unsubscribe(self, account: Account) -> str | None:
        """Make the user free; where a provider holds the subscription, the address to go to."""
        if self.provider and account.customer:
            return self.provider.portal(account)
        self.apply(SubscriptionStatus(account.user_id, False, None))
        return None

    def apply(self, status: SubscriptionStatus) -> None:
        """Write the role, then announce it; the sweeper repeats an announcement that was lost."""
        accounts = self.world.accounts
        if status.is_paid:
            account = accounts.subscribe(status.user_id, status.customer)
        else:
            account = accounts.unsubscribe(status.user_id)
        if account.pending_role_change is not None:
            self._announce(status.user_id)

    def _announce(self, user_id: str) -> None:
        """Announce the role; a failure is logged only, for the role is written and stays."""
        try:
            announce_role(self.world, user_id)
        except Exception:
            log.exception("the role of %s waits for the sweeper", user_id)


def _provider(world: World, secrets: Secrets) -> PaymentProvider | None:
    """The configured provider. Its library is an optional extra, loaded only where chosen."""
    if world.config.payments.provider == "none":
        return None
    try:
        from web.services.stripe import StripeProvider
    except ImportError:
        raise ConfigError(
            "[payments] provider is stripe, but its library is missing: pip install stripe"
        ) from None
    return StripeProvider.of(world.config, secrets)
