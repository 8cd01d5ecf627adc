"""CloudWatch metric math for one datapoint: parse an expression, evaluate it, name what it uses.

Syntax and functions: "Using math expressions with CloudWatch metrics" in the CloudWatch user
guide. Known here: + - * /, comparisons, IF, FILL, MAX, MIN, SUM, CEIL, FLOOR and [lists].
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache

Value = float | None
"""None is a missing datapoint."""
Values = Mapping[str, Value]

_ARITHMETIC: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OVER_LISTS: dict[str, Callable[[list[float]], float]] = {"MAX": max, "MIN": min, "SUM": sum}
_OVER_ONE: dict[str, Callable[[float], float]] = {"CEIL": math.ceil, "FLOOR": math.floor}


@lru_cache(maxsize=256)
def parse(expression: str) -> ast.expr:
    """The tree of a metric-math expression; raises ValueError where it is none."""
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as fault:
        raise ValueError(f"not metric math: {expression!r} ({fault.msg})") from None


def names(expression: str) -> set[str]:
    """The ids that an expression uses, its functions left out."""
    tree = parse(expression)
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in calls}


def evaluate(expression: str, values: Values) -> Value:
    """The value of `expression`; missing (None) where what it needs is missing or it divides by 0.

    Raises ValueError for an unknown function, operator or id.
    """
    return _value(parse(expression), values)


def _value(node: ast.expr, values: Values) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _both(operator.sub, 0.0, _value(operand, values))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _both(_ARITHMETIC[type(sign)], _value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _both(_ARITHMETIC[type(sign)], _value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return _call(function, arguments, values)
    raise ValueError(f"metric math that is not understood: {ast.unparse(node)!r}")


def _both(apply: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None or (apply is operator.truediv and right == 0):
        return None
    return float(apply(left, right))


def _call(function: str, arguments: list[ast.expr], values: Values) -> Value:
    match function, arguments:
        case "IF", [condition, yes, no]:
            chosen = _value(condition, values)
            return None if chosen is None else _value(yes if chosen else no, values)
        case "FILL", [series, filler]:
            found = _value(series, values)
            return _value(filler, values) if found is None else found
        case _, [ast.List(elts=items)] if function in _OVER_LISTS:
            present = [v for v in (_value(item, values) for item in items) if v is not None]
            return float(_OVER_LISTS[function](present)) if present else None
        case _, [single] if function in _OVER_ONE:
            found = _value(single, values)
            return None if found is None else float(_OVER_ONE[function](found))
    raise ValueError(f"metric math that is not understood: {function} of {len(arguments)}")
