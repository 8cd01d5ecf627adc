"""The operators' tool for one account: sessions ended, the account closed and opened again."""

import sys
from collections.abc import Callable

import pytest

from aws import account_admin
from aws.resources import World
from aws.rows.accounts import ClosedAccount
from tests import builders

Run = Callable[..., str]


@pytest.fixture
def gas(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `./gas account WORDS` in this world; returns what it prints."""
    monkeypatch.setenv("GAS_GAS_PREFIX", world.config.gas.prefix)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["gas account", *words])
        account_admin.main()
        return capsys.readouterr().out

    return run


def test_an_operator_ends_a_users_sessions(world: World, gas: Run) -> None:
    user_id = builders.user(world).user_id
    for number in range(2):
        world.accounts.begin_session(user_id, str(number), "")
    assert gas("show", user_id) == f"{user_id} free_user open, 2 session(s) not ended\n"
    assert "0 session(s)" in gas("sign-out", user_id)
    assert world.accounts.begin_session(user_id, "2", "").sessions[-1].ended_time is None


def test_closing_an_account_ends_its_sessions_and_lets_nobody_in(world: World, gas: Run) -> None:
    user_id = builders.user(world).user_id
    world.accounts.begin_session(user_id, "1", "")
    assert gas("close", user_id) == f"{user_id} free_user closed, 0 session(s) not ended\n"
    world.accounts.sign_in(user_id, "Ada", "ada@example.org", "")
    with pytest.raises(ClosedAccount):
        world.accounts.begin_session(user_id, "2", "")
    gas("open", user_id)
    assert world.accounts.begin_session(user_id, "2", "").sessions


def test_an_unknown_user_is_told_of_in_one_line(gas: Run) -> None:
    with pytest.raises(SystemExit, match="gas: there is no account nobody"):
        gas("close", "nobody")
