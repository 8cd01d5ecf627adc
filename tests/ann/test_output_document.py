"""docs/output.md, held to the code: every tag, every column, every consequence."""

import re
from pathlib import Path

import duckdb
import pytest

from ann.consequences import SEVERITY
from ann.header import OURS
from ann.references import Reference
from tests.ann.conftest import Annotate, records_of, vcf

DOCUMENT = Path(__file__).parents[2] / "docs" / "output.md"
RECORDS = ["MT 73 . A G . . .", "MT 3309 . A G . . .", "MT 4469 . A G . . .", "MT 8993 . T G . . ."]


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    parted = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[1:] if "---" not in line]
    return [[cell.strip().strip("`") for cell in cells] for cells in parted]


def test_every_consequence_is_there_in_order() -> None:
    assert rows_of("Consequences") == [[w, t, i] for w, (t, i) in SEVERITY.items()]


def test_every_tag_of_ours_is_there() -> None:
    told = {cells[0]: cells[1] for cells in rows_of("INFO tags")}
    assert told.items() >= {tag: number for tag, number, _ in OURS}.items()
    others = {"BCSQ", "a source's own", "the user's tag"}
    assert set(told) == {*others, *(tag for tag, _, _ in OURS)}


@pytest.fixture
def columns(annotate: Annotate) -> dict[str, str]:
    """The table's columns and their types."""
    outcome = annotate(vcf(*RECORDS))
    with duckdb.connect() as db:
        found = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(outcome.variants)])
        return {row[0]: row[1] for row in found.fetchall()}


def test_every_column_is_there_in_order(columns: dict[str, str], rcrs: Reference) -> None:
    told = [(cells[0], cells[1]) for cells in rows_of("Columns of variants.parquet")]
    known = {f"{source.name}_{f.column}" for source in rcrs.known for f in source.fields}
    assert known <= set(columns)
    own = [(n, "STRUCT[]" if "STRUCT" in t else t) for n, t in columns.items() if n not in known]
    assert own == [(name, kind) for name, kind in told if name not in ("SOURCE_FIELD", "own_TAG")]


def test_every_field_of_a_consequence_is_there_in_order(columns: dict[str, str]) -> None:
    (cells,) = (cells for cells in rows_of("Columns of variants.parquet") if "STRUCT[]" in cells)
    told = re.sub(r" \(.*?\)", "", cells[2]).partition(": ")[2].split(", ")
    assert re.findall(r"(\w+) VARCHAR", columns["consequences"]) == told


def test_every_tag_of_a_result_is_declared_or_told(annotate: Annotate, rcrs: Reference) -> None:
    told = {cells[0] for cells in rows_of("INFO tags")}
    told |= {f.tag for source in rcrs.known for f in source.fields}
    for fields in records_of(annotate(vcf(*RECORDS))):
        assert {item.partition("=")[0] for item in fields[7].split(";")} <= told
