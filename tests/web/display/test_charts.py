import pytest

from web.display.charts import HEIGHT, WIDTH, bars, columns


def test_bars_are_the_greatest_first_and_the_rest_is_no_bar() -> None:
    made = bars({"a": 5, "b": 6, "c": 2, "d": 5}, most=2)
    assert [(bar.label, bar.count) for bar in made] == [
        ("b", 6),
        ("a", 5),
        ("2 others together", 7),
    ]
    assert [bar.length for bar in made] == [1, pytest.approx(5 / 6), None]


def test_no_counts_make_no_bars() -> None:
    assert bars({}, most=2) == []
    assert columns([], 100) == []


def test_columns_tile_the_contig() -> None:
    made = columns([0, 5, 10], 300)
    assert [(c.start, c.end) for c in made] == [(1, 100), (101, 200), (201, 300)]
    assert (made[2].y, made[2].height) == (0, HEIGHT)
    assert made[1].height == HEIGHT / 2
    assert made[2].x + made[2].width <= WIDTH


def test_columns_of_nothing_stay_flat() -> None:
    assert [c.height for c in columns([0, 0], 10)] == [0, 0]
