"""Pieces become one Parquet file, row for row."""

from pathlib import Path

import duckdb
import pytest

from ann.parquet_pieces import join_pieces

ROWS = """SELECT i AS row, 'name ' || i % 97 AS name, i * 0.5 AS qual, i % 3 = 0 AS flag,
    CASE WHEN i % 5 THEN [i % 7, i] END AS list,
    [{'gene': 'g' || i % 11, 'c': 'c.' || i}] AS structs FROM range(?, ?) t(i)"""


@pytest.mark.parametrize("bounds", [[0, 10], [0, 5000], [0, 5000, 5001, 20000], [0, 0, 3000]])
def test_rows_come_out_in_the_order_of_the_pieces(tmp_path: Path, bounds: list[int]) -> None:
    pieces: list[Path] = []
    db = duckdb.connect()
    for first, last in zip(bounds, bounds[1:], strict=False):
        pieces.append(tmp_path / f"{len(pieces)}.parquet")
        options = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048"
        db.execute(f"COPY ({ROWS}) TO '{pieces[-1]}' ({options})", [first, last])
    join_pieces(pieces, tmp_path / "whole.parquet")
    whole = f"read_parquet('{tmp_path}/whole.parquet')"
    wanted = db.execute(ROWS, [bounds[0], bounds[-1]]).fetchall()
    assert db.execute(f"FROM {whole}").fetchall() == wanted
    if len(wanted) > 1:
        found = db.execute(f"FROM {whole} WHERE name = 'name 1'").fetchall()
        assert found == [row for row in wanted if row[1] == "name 1"], "bloom filters moved along"
        behind = db.execute(f'FROM {whole} WHERE "row" > ?', [wanted[-2][0]]).fetchall()
        assert behind == wanted[-1:], "and so do the statistics"
    assert not any(piece.exists() for piece in pieces)
