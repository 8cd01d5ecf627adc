"""The operators' view of the queues, and sending dead letters back."""

import json
import sys

import pytest

from aws import queue_admin
from aws.processes import TOPICS
from aws.resources import World


@pytest.fixture
def gas(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """Runs `./gas WORDS` in this world; returns what it prints."""
    monkeypatch.setenv("GAS_GAS_PREFIX", world.config.gas.prefix)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["gas", *words])
        queue_admin.main()
        return capsys.readouterr().out

    return run


def test_every_queue_and_its_dead_letters_are_shown(world: World, gas: object) -> None:
    world.queues.send("thaw_dlq", "{}")
    rows = {row["name"]: row for row in json.loads(gas("queues", "--json"))}  # type: ignore[operator]
    assert set(rows) == {name + end for name in TOPICS for end in ("", "_dlq")}
    assert rows["thaw_dlq"]["visible"] == 1
    assert "./gas redrive" in gas("queues")  # type: ignore[operator]


def test_dead_letters_go_back_whole(world: World, gas: object) -> None:
    for number in range(12):
        world.queues.send("restore_dlq", json.dumps({"user_id": str(number)}))
    assert gas("redrive", "restore").startswith("12 dead letter(s)")  # type: ignore[operator]
    assert world.queues.depth("restore_dlq").visible == 0
    assert world.queues.depth("restore").visible == 12


def test_without_queues_it_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_GAS_PREFIX", "nobody")
    monkeypatch.setattr(sys, "argv", ["gas", "queues"])
    with pytest.raises(SystemExit, match=r"run \./gas provision"):
        queue_admin.main()
