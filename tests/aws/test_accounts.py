"""Accounts: logins, roles, and changes of role that are unfinished business."""

import pytest

from aws.accounts import Role
from aws.resources import World
from tests import scene
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
    account = scene.user(world)
    first = world.accounts.subscribe(account.user_id)
    assert world.accounts.subscribe(account.user_id) == first
    assert first.todo == 1


def test_only_the_latest_change_can_be_called_done(world: World) -> None:
    account = scene.user(world)
    first = world.accounts.subscribe(account.user_id)
    second = world.accounts.unsubscribe(account.user_id)
    assert world.accounts.done(account.user_id, first.todo or 0).todo == second.todo
    assert world.accounts.done(account.user_id, second.todo or 0).todo is None


def test_an_unfinished_change_falls_due_and_a_finished_one_does_not(
    world: World, clock: Clock
) -> None:
    account = world.accounts.subscribe(scene.user(world).user_id)
    clock.advance(scene.LATE_S)
    assert [due.user_id for due in world.accounts.due()] == [account.user_id]
    world.accounts.done(account.user_id, account.todo or 0)
    assert list(world.accounts.due()) == []
