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
    "expression", ["flying + 1", "visible / serving", "MAX([flying])", "IF(flying > 1, 1, 2)"]
)
def test_what_is_missing_stays_missing(expression: str) -> None:
    assert evaluate(expression, VALUES) is None


@pytest.mark.parametrize(
    "expression", ["visible +", "unknown + 1", "RATE(visible)", "visible ** 2", "FILL(n)", "'x'"]
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="metric math"):
        evaluate(expression, VALUES)


def test_it_names_the_ids_and_not_the_functions() -> None:
    assert names("IF(serving > 0, FILL(visible, 0), n)") == {"serving", "visible", "n"}
