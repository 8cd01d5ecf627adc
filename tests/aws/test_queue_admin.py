"""The operators' view of the queues, and sending dead letters back."""

import json
import sys
from typing import Any

import pytest

from aws import queue_admin
from aws.events import Queues
from aws.processes import TOPICS
from aws.resources import World
from aws.rows.inventories import Inventories, Progress
from aws.rows.job import MAX_FAILED_MOVES
from tests import builders
from tests.aws.stack.aws_like import element
from tests.aws.stack.edge import Edge, RefusedError
from tests.proofs.faults import meanwhile


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
    queues = {name + end for name in TOPICS for end in ("", "_dlq")}
    assert set(rows) == queues | {"given_up", "inventory"}
    assert rows["thaw_dlq"]["visible"] == 1
    assert "./gas redrive" in gas("queues")  # type: ignore[operator]


def test_dead_letters_go_back_whole(world: World, gas: object) -> None:
    for number in range(12):
        world.queues.send("restore_dlq", json.dumps({"user_id": str(number)}))
    assert gas("redrive", "restore").startswith("12 dead letter(s)")  # type: ignore[operator]
    assert world.queues.depth("restore_dlq").visible == 0
    assert world.queues.depth("restore").visible == 12


def test_letters_on_servers_that_a_short_poll_does_not_ask_go_back_too(
    world: World, gas: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a wait SQS asks a sample of its servers; here the first poll meets an empty one."""
    world.queues.send("restore_dlq", json.dumps({"user_id": "1"}))
    real, polls = Queues.receive, iter(range(100))

    def receive(queues: Queues, queue: str, wait_s: int, visibility_s: int, most: int = 1) -> Any:
        is_sample = wait_s == 0 or next(polls) == 0
        return [] if is_sample else real(queues, queue, wait_s, visibility_s, most)

    monkeypatch.setattr(Queues, "receive", receive)
    assert gas("redrive", "restore") == "1 dead letter(s) sent back to restore; none is left\n"  # type: ignore[operator]


def test_a_redrive_says_what_is_left_and_fails(world: World, gas: object) -> None:
    world.queues.send("restore_dlq", json.dumps({"user_id": "1"}))
    (held,) = world.queues.receive("restore_dlq", 1, 600)
    with pytest.raises(SystemExit, match=r"0 dead letter.*; 1 left"):
        gas("redrive", "restore")  # type: ignore[operator]
    world.queues.delete(held)


def test_what_was_given_up_is_shown_and_tried_again(world: World, gas: object) -> None:
    job = builders.requested(world, builders.user(world))
    for _ in range(MAX_FAILED_MOVES):
        world.jobs.fail_retrieval(job.job_id, archive_id=job.archive_id, fault="damaged")
    rows = {row["name"]: row for row in json.loads(gas("queues", "--json"))}  # type: ignore[operator]
    assert rows["given_up"]["visible"] == 1
    assert "./gas redrive given_up" in gas("queues")  # type: ignore[operator]
    assert gas("redrive", "given_up").startswith("1 row(s)")  # type: ignore[operator]
    after = world.jobs.get(job.job_id)
    assert (after.is_given_up, after.role_check_due) == (False, True)
    assert list(world.jobs.given_up()) == []


def test_what_another_operator_has_tried_again_meanwhile_keeps_no_other_row_back(
    world: World,
) -> None:
    """The index goes on showing such rows for a while."""
    jobs = [builders.requested(world, builders.user(world)) for _ in range(2)]
    for job in jobs * MAX_FAILED_MOVES:
        world.jobs.fail_retrieval(job.job_id, archive_id=job.archive_id, fault="damaged")
    first = next(world.jobs.given_up()).job_id
    with meanwhile(world, lambda: world.jobs.resume(first), operation="GetItem"):
        assert queue_admin.resume(world) == 1
    assert [world.jobs.get(job.job_id).is_given_up for job in jobs] == [False, False]


def test_a_held_inventory_is_shown_and_let_go_on(world: World, gas: object) -> None:
    memory = Inventories(world.accounts.table)
    memory.put(Progress("results", held=True))
    rows = {row["name"]: row for row in json.loads(gas("queues", "--json"))}  # type: ignore[operator]
    assert rows["inventory"]["visible"] == 1
    assert gas("redrive", "inventory") == "1 inventory(s) go on\n"  # type: ignore[operator]
    assert memory.get("results").unbraked


def test_a_stacks_queues_are_found_by_its_name(
    world: World, edge: Edge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"Prefix": world.config.gas.prefix, "Domain": "gas.example.org", "Unread": "x"}
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    edge.answers["DescribeStacks"] = element(
        Stacks=[{"StackName": "production", "StackStatus": "UPDATE_COMPLETE", "Parameters": listed}]
    )
    world.queues.send("thaw_dlq", "{}")
    monkeypatch.setattr(sys, "argv", ["gas", "queues", "--json", "--stack", "production"])
    queue_admin.main()
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["thaw_dlq"]["visible"] == 1
    monkeypatch.setattr(sys, "argv", ["gas", "redrive", "thaw", "--stack", "production"])
    queue_admin.main()
    assert world.queues.depth("thaw_dlq").visible == 0


def test_a_stack_that_is_not_there_is_named_with_its_region(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(form: dict[str, str]) -> str:
        raise RefusedError("ValidationError", "Stack with id nobody does not exist")

    edge.answers["DescribeStacks"] = absent
    monkeypatch.setattr(sys, "argv", ["gas", "queues", "--stack", "nobody"])
    with pytest.raises(SystemExit, match="no stack nobody in us-east-1; GAS_AWS_REGION"):
        queue_admin.main()


def test_without_queues_it_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_GAS_PREFIX", "nobody")
    monkeypatch.setattr(sys, "argv", ["gas", "queues"])
    with pytest.raises(SystemExit, match=r"--stack NAME.*run \./gas provision"):
        queue_admin.main()
