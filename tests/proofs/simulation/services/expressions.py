"""DynamoDB's condition expressions, as far as GAS uses them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

Item = Mapping[str, Any]
"""An item in DynamoDB's JSON: each value under the letter of its type."""
COMPARE = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TERM = re.compile(
    r"\s*(?:(?P<test>attribute_exists|attribute_not_exists)\s*\(\s*(?P<of>[\w#]+)\s*\)"
    r"|(?P<left>[\w#]+)\s*(?P<sign><>|<=|>=|=|<|>)\s*(?P<right>:\w+))\s*"
)
JOINT = re.compile(r"\s+(AND|OR)\s+")
DESERIALIZER = TypeDeserializer()


@cache
def _parsed(expression: str) -> tuple[str, tuple[re.Match[str], ...]]:
    """The one joint of an expression, and its terms; anything richer is refused loudly."""
    parts = JOINT.split(expression.strip())
    joints = {joint for joint in parts[1::2]}
    terms = [TERM.fullmatch(part) for part in parts[::2]]
    if len(joints) > 1 or None in terms:
        raise NotImplementedError(f"the simulation does not know {expression!r} yet")
    return next(iter(joints), "AND"), tuple(term for term in terms if term)


def plain(value: Any) -> Any:
    """A value of DynamoDB's JSON as Python has it; None where there is none."""
    if value is None:
        return None
    ((kind, raw),) = value.items()
    if kind == "S":
        return raw
    return Decimal(raw) if kind == "N" else DESERIALIZER.deserialize(value)


def holds(
    expression: str, item: Item, values: Item | None, names: Mapping[str, str] | None = None
) -> bool:
    """True if the expression holds for the item; {} stands for no item."""
    joint, terms = _parsed(expression)
    results = (_term(term, item, values or {}, names or {}) for term in terms)
    return all(results) if joint == "AND" else any(results)


def _term(term: re.Match[str], item: Item, values: Item, names: Mapping[str, str]) -> bool:
    if term["test"]:
        return (names.get(term["of"], term["of"]) in item) is (term["test"] == "attribute_exists")
    left, right = item.get(names.get(term["left"], term["left"])), values[term["right"]]
    if left is None or left.keys() != right.keys():
        return False
    return bool(COMPARE[term["sign"]](plain(left), plain(right)))
