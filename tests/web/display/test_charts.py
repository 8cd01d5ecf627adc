import pytest

from web.display.charts import HEIGHT, WIDTH, bars, columns


def test_bars_are_the_greatest_first_and_the_rest_in_one() -> None:
    made = bars({"a": 1, "b": 6, "c": 2, "d": 1}, most=2)
    assert [(bar.label, bar.count) for bar in made] == [("b", 6), ("c", 2), ("other", 2)]
    assert made[0].length == 1
    assert made[1].length == pytest.approx(1 / 3)


def test_no_counts_make_no_bars() -> None:
    assert bars({}) == []
    assert columns([], 100) == []


def test_columns_tile_the_contig() -> None:
    made = columns([0, 5, 10], 300)
    assert [(c.start, c.end) for c in made] == [(1, 100), (101, 200), (201, 300)]
    assert (made[2].y, made[2].height) == (0, HEIGHT)
    assert made[1].height == HEIGHT / 2
    assert made[2].x + made[2].width <= WIDTH


def test_columns_of_nothing_stay_flat() -> None:
    assert [c.height for c in columns([0, 0], 10)] == [0, 0]
