"""DynamoDB: tables whose secondary indexes may lag behind."""
# ruff: noqa: N803 (parameters have the names that AWS gives them)

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.proofs.simulation.scheduler import Scheduler
from tests.proofs.simulation.services.answers import Reply, ServiceError
from tests.proofs.simulation.services.expressions import Item, holds, plain

SORTED_BY = {"user_id_index": "submit_time", "due_index": "due_time"}
"""The sort key of each secondary index (aws/provision.py creates them)."""
PAGE = 3
"""Items of one page, so that every reader has to read on."""

Written = Callable[[str, str, Item | None, Item | None], None]
"""Called at each write: table, key, item before, item after."""


@dataclass
class SimulatedTable:
    """A table's items, and their versions, each with the time that it was written."""

    items: dict[str, Item] = field(default_factory=dict)
    versions: dict[str, list[tuple[float, Item | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    written_time: float = 0.0

    def as_of(self, when: float) -> list[Item]:
        """The items that there were at a time."""
        if when >= self.written_time:
            return list(self.items.values())
        past = (
            next((item for time, item in reversed(versions) if time <= when), None)
            for versions in self.versions.values()
        )
        return [item for item in past if item is not None]


class DynamoDb:
    """The operations of DynamoDB; `lag_s` is how far the next read of an index lags behind."""

    def __init__(
        self, scheduler: Scheduler, lag_s: Callable[[str], float], written: Written
    ) -> None:
        self.scheduler, self.lag_s, self.written = scheduler, lag_s, written
        self.tables: dict[str, SimulatedTable] = defaultdict(SimulatedTable)

    def get_item(self, TableName: str, Key: Item, **_: Any) -> Reply:
        item = self.tables[TableName].items.get(_key(Key))
        return {"Item": item} if item is not None else {}

    def put_item(
        self,
        TableName: str,
        Item: Item,
        ConditionExpression: str = "",
        ExpressionAttributeValues: Item | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        **_: Any,
    ) -> Reply:
        key = _key({name: Item[name] for name in ("job_id", "user_id") if name in Item})
        before = self.tables[TableName].items.get(key)
        values, names = ExpressionAttributeValues, ExpressionAttributeNames
        if ConditionExpression and not holds(ConditionExpression, before or {}, values, names):
            raise ServiceError("ConditionalCheckFailedException")
        self._write(TableName, key, before, Item)
        return {}

    def delete_item(self, TableName: str, Key: Item, **_: Any) -> Reply:
        key = _key(Key)
        self._write(TableName, key, self.tables[TableName].items.get(key), None)
        return {}

    def _write(self, name: str, key: str, before: Item | None, after: Item | None) -> None:
        table = self.tables[name]
        if after is None:
            table.items.pop(key, None)
        else:
            table.items[key] = after
        table.versions[key].append((self.scheduler.now, after))
        table.written_time = self.scheduler.now
        self.written(name, key, before, after)

    def scan(
        self, TableName: str, ExclusiveStartKey: Item | None = None, Limit: int = PAGE, **_: Any
    ) -> Reply:
        items = [item for _, item in sorted(self.tables[TableName].items.items())]
        return _page(items, ExclusiveStartKey, Limit, ())

    def query(
        self,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        IndexName: str = "",
        ExpressionAttributeNames: dict[str, str] | None = None,
        ScanIndexForward: bool = True,
        ExclusiveStartKey: Item | None = None,
        Limit: int = PAGE,
        **_: Any,
    ) -> Reply:
        sort = SORTED_BY[IndexName]
        table = self.tables[TableName]
        found = [
            item
            for item in table.as_of(self.scheduler.now - self.lag_s(f"{TableName} {IndexName}"))
            if sort in item
            and holds(
                KeyConditionExpression, item, ExpressionAttributeValues, ExpressionAttributeNames
            )
        ]
        found.sort(key=lambda item: (plain(item[sort]), _key(item)), reverse=not ScanIndexForward)
        return _page(found, ExclusiveStartKey, min(Limit, PAGE), (sort,))


def _key(key: Item) -> str:
    """A job's id, or a user's where there is no job."""
    return str((key.get("job_id") or key["user_id"])["S"])


def _page(items: list[Item], start: Item | None, limit: int, also: tuple[str, ...]) -> Reply:
    """A page of items, from after `start` on: by its place in the order, though it be gone."""
    begin = 0
    if start is not None:
        ids = [_key(item) for item in items]
        begin = ids.index(_key(start)) + 1 if _key(start) in ids else 0
    page = items[begin : begin + limit]
    reply: Reply = {"Items": page, "Count": len(page)}
    if begin + limit < len(items):
        names = {"job_id", "user_id", "due_shard", *also}
        reply["LastEvaluatedKey"] = {n: v for n, v in page[-1].items() if n in names}
    return reply
