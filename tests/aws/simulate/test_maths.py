"""Metric math, as far as policies use it."""

import pytest

from aws.simulate.maths import evaluate, names

VALUES = {"visible": 12.0, "serving": 0.0, "flying": None, "n": 4.0}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("visible / n - 1", 2),
        ("IF(serving > 0, serving, 1)", 1),
        ("FILL(flying, 0) + n", 4),
        ("MAX([n, visible, flying])", 12),
        ("MIN([n, visible])", 4),
        ("SUM([n, visible])", 16),
        ("CEIL(visible / 5)", 3),
        ("FLOOR(-visible / 5)", -3),
        ("n == 4", 1),
    ],
)
def test_it_computes(expression: str, value: float) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    "expression",
    [
        "flying + 1",
        "-flying",
        "CEIL(flying / 2)",
        "flying >= 0",
        "flying + flying",
        "visible / serving",
        "visible / flying",
        "MAX([flying])",
        "IF(flying > 1, 1, 2)",
        "IF(n < 0, visible)",
        "IF(n < 0, 1, flying)",
    ],
)
def test_what_has_no_datapoint_stays_without(expression: str) -> None:
    assert evaluate(expression, VALUES) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("n - flying", 4),
        ("flying - n", -4),
        ("flying * n", 0),
        ("n > flying", 1),
        ("IF(n > 0, flying)", 0),
        ("(flying >= 0) * (n >= 0)", 0),
        ("(visible >= 0) * (n >= 0)", 1),
    ],
)
def test_a_missing_datapoint_is_0_where_the_other_series_has_one(
    expression: str, value: float
) -> None:
    """ "Missing values in a time series are treated as 0"; likewise in comparisons and in IF."""
    assert evaluate(expression, VALUES) == value


def test_if_drops_and_keeps_as_in_the_guide() -> None:
    """Its tables for IF(metric1, metric2, metric3) and with scalars."""
    one, two = (1.0, 1.0, 0.0, 0.0, None), (30.0, None, 0.0, 0.0, 30.0)
    three = (0.0, 0.0, 20.0, None, 20.0)
    rows = [{"a": a, "b": b, "c": c} for a, b, c in zip(one, two, three, strict=True)]
    for expression, values in (
        ("IF(a, b, c)", [30, 0, 20, None, None]),
        ("IF(a, 5, c)", [5, 5, 20, None, None]),
        ("IF(a, b, 5)", [30, 0, 5, 5, None]),
        ("IF(a, b)", [30, 0, None, None, None]),
    ):
        assert [evaluate(expression, row) for row in rows] == values


@pytest.mark.parametrize(
    "expression", ["visible +", "unknown + 1", "RATE(visible)", "visible ** 2", "FILL(n)", "'x'"]
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="metric math"):
        evaluate(expression, VALUES)


def test_it_names_the_ids_and_not_the_functions() -> None:
    assert names("IF(serving > 0, FILL(visible, 0), n)") == {"serving", "visible", "n"}
