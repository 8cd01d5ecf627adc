"""A DynamoDB table whose every write is a compare-and-swap on the row's revision."""

import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

MAX_SWAPS = 20
"""Tries of one change against others' writes; more than that is a fault worth a raise."""
DUE_SHARDS = 4
"""Partitions of `due_index`, so that no one partition takes every write."""
GIVEN_UP = DUE_SHARDS
"""The partition of rows whose unfinished work is left to the operator."""

PAGE_ROWS = 100
"""Rows of a page of due ones: each thread of the sweeper holds one (1 MB takes 10)."""

Row = dict[str, Any]


class Conflict(Exception):
    """Another process wrote the row first."""


@dataclass(frozen=True)
class RowPage:
    """Rows of one Query, and the key to go on from (None: that was all)."""

    rows: list[Row]
    next: Row | None


class Table:
    """One table; rows are plain dictionaries with `rev` and `write_token`.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
    """

    def __init__(self, client: Any, name: str, key: str) -> None:
        self.client, self.name, self.key = client, name, key

    def get(self, key: str) -> Row | None:
        """The row, read strongly consistent."""
        reply = self.client.get_item(
            TableName=self.name, Key=_packed({self.key: key}), ConsistentRead=True
        )
        return _unpacked(reply["Item"]) if "Item" in reply else None

    def create(self, row: Row) -> Row:
        """Write a row that must not exist yet; raises Conflict where it does."""
        return self.put({**row, "rev": 1}, f"attribute_not_exists({self.key})", {})

    def swap(self, row: Row) -> Row:
        """Write `row` over the revision it was read at; raises Conflict where that is gone."""
        values = {":rev": row["rev"]}
        return self.put({**row, "rev": row["rev"] + 1}, "rev = :rev", values)

    def change(self, key: str, alter: Callable[[Row], Row]) -> Row:
        """Read, alter and swap, again while others write in between.

        Raises KeyError where there is no such row, and whatever `alter` raises.
        """
        for _ in range(MAX_SWAPS):
            row = self.get(key)
            if row is None:
                raise KeyError(key)
            altered = alter(row)
            if altered == row:
                return row
            try:
                return self.swap(altered)
            except Conflict:
                continue
        raise Conflict(f"{self.name} {key}: {MAX_SWAPS} swaps lost in a row")

    def page(self, index: str, key: str, value: str, options: Row) -> RowPage:
        """One Query of one page of `index`, newest first; `options` are Query's own."""
        query = {
            "KeyConditionExpression": "#k = :v",
            "ExpressionAttributeNames": {"#k": key},
            "ExpressionAttributeValues": _packed({":v": value}),
            "ScanIndexForward": False,
        }
        reply = self.client.query(TableName=self.name, IndexName=index, **query, **options)
        next_key = reply.get("LastEvaluatedKey")
        return RowPage([_unpacked(i) for i in reply["Items"]], next_key and _unpacked(next_key))

    def due(self, now: float) -> Iterator[Row]:
        """Every row of `due_index` whose `due_time` (epoch s) has come, page after page."""
        for shard in range(DUE_SHARDS):
            yield from self._in_shard(shard, "<=", now)

    def waiting(self, after: float) -> Iterator[Row]:
        """Every row of `due_index` whose `due_time` (epoch s) is later than that."""
        for shard in range(DUE_SHARDS):
            yield from self._in_shard(shard, ">", after)

    def given_up(self) -> Iterator[Row]:
        """Every row whose unfinished work is left to the operator."""
        return self._in_shard(GIVEN_UP, ">", 0)

    def scan(self) -> Iterator[Row]:
        """Every row, read strongly consistent, page after page."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        for page in pages:
            yield from (_unpacked(item) for item in page["Items"])

    def _in_shard(self, shard: int, sign: str, time: float) -> Iterator[Row]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName="due_index",
            KeyConditionExpression=f"due_shard = :s AND due_time {sign} :time",
            ExpressionAttributeValues=_packed({":s": shard, ":time": time}),
            PaginationConfig={"PageSize": PAGE_ROWS},
        )
        for page in pages:
            yield from (_unpacked(item) for item in page["Items"])

    def put(self, row: Row, condition: str, values: Row) -> Row:
        """Write a row under a condition; raises Conflict where it does not hold."""
        row = {**row, "write_token": uuid.uuid4().hex}
        given = {"ExpressionAttributeValues": _packed(values)} if values else {}
        try:
            self.client.put_item(
                TableName=self.name, Item=_packed(row), ConditionExpression=condition, **given
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            if not self._is_mine(row):
                raise Conflict(row[self.key]) from None
        return row

    def _is_mine(self, row: Row) -> bool:
        """True if the refused write had succeeded: a lost reply makes the SDK repeat it."""
        stored = self.get(row[self.key])
        return stored is not None and stored.get("write_token") == row["write_token"]


def shard(key: str) -> int:
    """The `due_shard` of a row, the same in every process."""
    return zlib.crc32(key.encode()) % DUE_SHARDS


def _packed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: TypeSerializer().serialize(_plain(v)) for k, v in row.items() if v is not None}


def _plain(value: Any) -> Any:
    """The value as DynamoDB takes it: lists for tuples, Decimals for floats."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return value


def _unpacked(item: Mapping[str, Any]) -> Row:
    return {k: _native(TypeDeserializer().deserialize(v)) for k, v in item.items()}


def _native(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_native(v) for v in value]
    if isinstance(value, dict):
        return {k: _native(v) for k, v in value.items()}
    return value
