"""Accounts: logins, roles, and changes of role that are still pending."""

import pytest

from aws.resources import World
from aws.rows.accounts import Role
from tests import builders, daemons
from tests.conftest import Clock


def test_a_second_login_refreshes_the_name_and_keeps_the_role(world: World) -> None:
    world.accounts.sign_in("u", "Ada", "ada@example.org", "")
    world.accounts.subscribe("u")
    again = world.accounts.sign_in("u", "Ada L.", "lovelace@example.org", "Analytical")
    assert (again.name, again.email, again.role) == (
        "Ada L.",
        "lovelace@example.org",
        Role.PREMIUM,
    )


def test_an_unknown_user_is_a_key_error(world: World) -> None:
    with pytest.raises(KeyError):
        world.accounts.get("nobody")


def test_the_same_role_again_is_no_change(world: World) -> None:
    account = builders.user(world)
    first = world.accounts.subscribe(account.user_id)
    assert world.accounts.subscribe(account.user_id) == first
    assert first.pending_role_change == 1


def test_only_the_latest_change_can_be_cleared(world: World) -> None:
    account = builders.user(world)
    first = world.accounts.subscribe(account.user_id)
    second = world.accounts.unsubscribe(account.user_id)
    assert (
        world.accounts.clear_role_change(
            account.user_id, first.pending_role_change or 0
        ).pending_role_change
        == second.pending_role_change
    )
    assert (
        world.accounts.clear_role_change(
            account.user_id, second.pending_role_change or 0
        ).pending_role_change
        is None
    )


def test_a_pending_change_falls_due_and_a_cleared_one_does_not(world: World, clock: Clock) -> None:
    account = world.accounts.subscribe(builders.user(world).user_id)
    clock.advance(daemons.LATE_S)
    assert list(world.accounts.due()) == [account.user_id]
    world.accounts.clear_role_change(account.user_id, account.pending_role_change or 0)
    assert list(world.accounts.due()) == []
