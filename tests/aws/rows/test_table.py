"""Rows: compare-and-swap, own writes, conflicts, pages."""

import json
from typing import Any

import pytest

from aws.resources import World
from aws.rows.table import DUE_SHARDS, MAX_SWAPS, PAGE_ROWS, Conflict, Row, Table


@pytest.fixture
def table(world: World) -> Table:
    return world.jobs.table


def test_a_row_comes_back_as_it_was_written(table: Table) -> None:
    row = {"job_id": "1", "n": 3, "f": 1.25, "list": ["a"], "map": {"deep": 2}, "none": None}
    table.create(row)
    stored = table.get("1")
    assert stored is not None
    assert stored.pop("write_token")
    assert stored == {"job_id": "1", "n": 3, "f": 1.25, "list": ["a"], "map": {"deep": 2}, "rev": 1}


def test_what_is_not_there_is_none_and_cannot_be_changed(table: Table) -> None:
    assert table.get("nothing") is None
    with pytest.raises(KeyError):
        table.change("nothing", lambda row: row)


def test_a_row_is_created_once(table: Table) -> None:
    table.create({"job_id": "1"})
    with pytest.raises(Conflict):
        table.create({"job_id": "1"})


def test_rows_that_are_due_come_in_pages_that_take_little_memory(table: Table) -> None:
    for number in range(PAGE_ROWS + 5):
        table.create({"job_id": str(number), "due_shard": 1, "due_time": 5})
    asked: list[int] = []
    events = table.client.meta.events
    events.register("before-call.dynamodb.Query", lambda params, **_: asked.append(limit(params)))
    assert len(list(table.due(10))) == PAGE_ROWS + 5
    assert set(asked) == {PAGE_ROWS}
    assert len(asked) == DUE_SHARDS + 1


def limit(params: dict[str, Any]) -> int:
    return int(json.loads(params["body"]).get("Limit", 0))


def test_a_swap_over_a_newer_revision_is_refused(table: Table) -> None:
    read = table.create({"job_id": "1", "n": 0})
    table.swap({**read, "n": 1})
    with pytest.raises(Conflict):
        table.swap({**read, "n": 2})
    assert (table.get("1") or {})["n"] == 1


def test_a_change_is_made_again_over_what_another_wrote_meanwhile(table: Table) -> None:
    table.create({"job_id": "1", "n": 0})
    meanwhile = iter([True])

    def alter(row: Row) -> Row:
        if next(meanwhile, False):
            table.change("1", lambda other: {**other, "n": other["n"] + 10})
        return {**row, "n": row["n"] + 1}

    assert table.change("1", alter)["n"] == 11


def test_a_change_that_changes_nothing_writes_nothing(table: Table) -> None:
    before = table.create({"job_id": "1"})
    assert table.change("1", lambda row: row)["rev"] == before["rev"]


def test_a_row_that_is_always_taken_away_is_given_up(table: Table) -> None:
    table.create({"job_id": "1", "n": 0})
    tries = []

    def alter(row: Row) -> Row:
        tries.append(row)
        table.swap({**row, "n": row["n"] + 1})
        return {**row, "n": -1}

    with pytest.raises(Conflict, match="in a row"):
        table.change("1", alter)
    assert len(tries) == MAX_SWAPS
