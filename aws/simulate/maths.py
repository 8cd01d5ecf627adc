"""CloudWatch metric math for one datapoint: parse an expression, evaluate it, name what it uses.

Syntax, functions and missing data: "Using math expressions with CloudWatch metrics" in the
CloudWatch user guide, under "Basic arithmetic functions", "Comparison and logical operators" and
"Using IF expressions". Known here: + - * /, comparisons, IF, FILL, MAX, MIN, SUM, CEIL, FLOOR and
[lists].
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
    """The value of `expression` at one timestamp; None where it has no datapoint there.

    Of two time series, one that is missing counts as 0; where both are missing, or it divides by
    0, there is no datapoint. Raises ValueError for an unknown function, operator or id.
    """
    return _value(parse(expression), values)


def _value(node: ast.expr, values: Values) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _two(operator.sub, ast.Constant(0), operand, values)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _two(_ARITHMETIC[type(sign)], left, right, values)
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _two(_ARITHMETIC[type(sign)], left, right, values)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return _call(function, arguments, values)
    raise ValueError(f"metric math that is not understood: {ast.unparse(node)!r}")


def _two(
    apply: Callable[[float, float], float], left: ast.expr, right: ast.expr, values: Values
) -> Value:
    """Apply an operator: a time series' missing datapoint is 0 where the other series has one."""
    first, second = _value(left, values), _value(right, values)
    has_datapoint = any(
        value is not None and not _is_scalar(side)
        for side, value in ((left, first), (right, second))
    )
    if not has_datapoint and not (_is_scalar(left) and _is_scalar(right)):
        return None
    divisor = second or 0.0
    if apply is operator.truediv and divisor == 0:
        return None
    return float(apply(first or 0.0, divisor))


@lru_cache(maxsize=1024)
def _is_scalar(node: ast.expr) -> bool:
    """True where no time series is in it: a scalar has a value at each timestamp and makes none."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def _if(condition: Value, yes: ast.expr, no: list[ast.expr], values: Values) -> Value:
    """True and missing is 0; false and missing, or without an alternative, is dropped."""
    if condition is None:
        return None
    if condition:
        return _value(yes, values) or 0.0
    return _value(no[0], values) if no else None


def _call(function: str, arguments: list[ast.expr], values: Values) -> Value:
    match function, arguments:
        case "IF", [condition, yes, *no] if len(no) <= 1:
            return _if(_value(condition, values), yes, no, values)
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
