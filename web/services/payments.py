"""Subscriptions: immediate without a payment provider; with one, its signed notices decide."""

import logging

from aws.config import ConfigError
from aws.outbox import announce_role
from aws.resources import World
from aws.rows.accounts import Account
from aws.secrets import Secrets
from web import audit
from web.services.provider import PaymentProvider

log = logging.getLogger(__name__)
MAX_LOOKS = 5
"""The lookups for one notice, each after a write that the one before called for."""


class UnknownUser(Exception):
    """A notice about somebody who has no account here."""


def is_in(people: str, account: Account) -> bool:
    """True if a list of `[payments] premium_for` has the account; an empty one has everybody.

    Entries are user ids, mail addresses, and domains, which have all below them.
    """
    address = account.email.casefold()
    domain = address.rpartition("@")[2]
    entries = people.casefold().replace(",", " ").split()
    return not entries or any(
        entry in (account.user_id, address, domain) or domain.endswith(f".{entry}")
        for entry in entries
    )


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
            payer = _payer(self.provider, account)
            if payer is None:
                return self.provider.checkout(account)
            self._change(account.user_id, True, payer)
            return None
        self._change(account.user_id, True)
        return None

    def unsubscribe(self, account: Account) -> str | None:
        """Make the user free; where a provider holds the subscription, the address to go to."""
        if self.provider and account.customer:
            return self.provider.portal(account)
        self._change(account.user_id, False)
        return None

    def notified(self, provider: PaymentProvider, body: bytes, signature: str) -> None:
        """Have the role follow what the provider knows now of the subject of a notice.

        The notice itself decides nothing, so the same one again, or an old one, changes nothing.
        What is known is looked up again after the write: another notice may have come in between.
        Raises InvalidNotice, ProviderUnavailable, or UnknownUser.
        """
        notice = provider.notice(body, signature)
        if notice is None:
            return
        for _ in range(MAX_LOOKS):
            account = self._account(notice.user_id)
            payer = _payer(provider, account, notice.customer)
            if payer == (account.customer if account.is_premium else None):
                return
            self._change(account.user_id, payer is not None, payer)
        log.warning("the subscription of %s changes faster than it can be followed", notice.user_id)

    def _account(self, user_id: str) -> Account:
        try:
            return self.world.accounts.get(user_id)
        except KeyError:
            raise UnknownUser(user_id) from None

    def _change(self, user_id: str, premium: bool, customer: str | None = None) -> None:
        """Write the role, then announce it; the sweeper repeats an announcement that was lost."""
        accounts = self.world.accounts
        before = accounts.get(user_id)
        if premium:
            account = accounts.subscribe(user_id, customer)
        else:
            account = accounts.unsubscribe(user_id)
        if account.role_changes != before.role_changes:
            audit.record("role_change", user=user_id, role=account.role, customer=customer)
        if account.pending_role_change is not None:
            self._announce(user_id)

    def _announce(self, user_id: str) -> None:
        """Announce the role; a failure is logged only, for the role is written and stays."""
        try:
            announce_role(self.world, user_id)
        except Exception:
            log.exception("the role of %s waits for the sweeper", user_id)


def _payer(provider: PaymentProvider, account: Account, customer: str | None = None) -> str | None:
    """The customer who pays for this account: its own, or that of a notice."""
    customers = [c for c in dict.fromkeys((account.customer, customer)) if c]
    return provider.payer(account.user_id, customers) if customers else None


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
