"""The table of variants (variants.parquet, docs/output.md) as text, made when it is wanted.

A leaf, so that site, tools and annotator may use it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from vcf.spreadsheet import harmless

ROWS_AT_A_TIME = 20_000
ENTRY = ("consequence", "gene", "transcript", "biotype", "strand", "hgvs_c", "hgvs_p", "codons")
"""What a cell tells of each of an allele's consequences, joined by |; older tables lack codons."""


def tsv_lines(parquet: Path) -> Iterator[str]:
    """A line of the columns' names, then a line for each row, in file order.

    Items of a list are joined by `;`, and no cell is a formula to a spreadsheet.
    """
    with duckdb.connect(config={"threads": 1}) as db:
        db.execute("SELECT * FROM read_parquet(?) LIMIT 0", [str(parquet)])
        yield "\t".join(column[0] for column in db.description or ()) + "\n"
        query = 'SELECT * FROM read_parquet(?) WHERE "row" >= ? AND "row" < ? ORDER BY "row"'
        first = 0
        while rows := db.execute(query, [str(parquet), first, first + ROWS_AT_A_TIME]).fetchall():
            yield from ("\t".join(map(_cell, row)) + "\n" for row in rows)
            first += ROWS_AT_A_TIME


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return harmless(";".join(map(_item, value)))
    return harmless(value) if isinstance(value, str) else str(value)


def _item(value: Any) -> str:
    """An item of a list: a word, or one of the consequences."""
    if isinstance(value, dict):
        return "|".join(value.get(name) or "" for name in ENTRY)
    return str(value)
