"""The table of variants as text: every row and column, nothing that a spreadsheet runs."""

from pathlib import Path

import duckdb
import pytest

from vcf import variants_tsv
from vcf.variants_tsv import tsv_lines

ROWS = """SELECT i AS "row", CASE i WHEN 0 THEN '=HYPERLINK("x")' ELSE 'rs' || i END AS id,
    CASE WHEN i > 0 THEN i / 4 END AS qual, ['a', 'b'] AS genes,
    [{'gene': 'G', 'transcript': NULL, 'biotype': 'rRNA', 'strand': '-', 'consequence': 'x',
      'impact': 'LOW', 'hgvs_c': 'c.1A>G', 'hgvs_p': NULL, 'codons': 'Atg/Gtg'}] AS consequences,
    CASE WHEN i = 1 THEN 'tab' || chr(9) || 'line' || chr(10) || 'end' END AS note
FROM range(?) t(i)"""


def made(folder: Path, rows: int) -> Path:
    path = folder / "v.parquet"
    with duckdb.connect() as db:
        db.execute(f"COPY ({ROWS}) TO '{path}' (FORMAT parquet)", [rows])
    return path


def test_each_row_is_a_line(tmp_path: Path) -> None:
    lines = [line.rstrip("\n").split("\t") for line in tsv_lines(made(tmp_path, 2))]
    assert lines == [
        ["row", "id", "qual", "genes", "consequences", "note"],
        ["0", """'=HYPERLINK("x")""", "", "a;b", "x|G||rRNA|-|c.1A>G||Atg/Gtg", ""],
        ["1", "rs1", "0.25", "a;b", "x|G||rRNA|-|c.1A>G||Atg/Gtg", "tab line end"],
    ]


def test_a_table_of_an_earlier_release_lacks_the_codons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "ROWS", ROWS.replace(", 'codons': 'Atg/Gtg'", ""))
    assert "x|G||rRNA|-|c.1A>G||\t" in list(tsv_lines(made(tmp_path, 2)))[1]


def test_many_rows_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants_tsv, "ROWS_AT_A_TIME", 7)
    numbers = [line.split("\t")[0] for line in tsv_lines(made(tmp_path, 50))]
    assert numbers == ["row", *map(str, range(50))]


def test_no_rows_leave_the_names_of_the_columns(tmp_path: Path) -> None:
    assert len(list(tsv_lines(made(tmp_path, 0)))) == 1
