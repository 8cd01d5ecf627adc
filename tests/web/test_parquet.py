"""The tables that these tests make are those that the annotator writes."""

from pathlib import Path

import duckdb

from ann.references import BUNDLED, load
from ann.variants import annotate_variants
from tests.web import parquet
from web.services.view import FACETS, GENOTYPES, SEARCHED


def schema(path: Path) -> dict[str, str]:
    with duckdb.connect() as db:
        found = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return {row[0]: row[1] for row in found}


def test_they_have_the_annotators_columns_in_its_order(tmp_path: Path) -> None:
    records, csq = tmp_path / "checked", tmp_path / "csq.vcf"
    records.write_bytes(b"")
    csq.write_bytes(b"##fileformat=VCFv4.2\n")
    reference = load(BUNDLED / "rCRS")
    found = annotate_variants(
        records, lambda: [csq], reference, tmp_path, memory_mb=256, take=lambda *_: None
    )
    written = schema(found.parquet)
    usual = {**parquet.COLUMNS, **parquet.GENOTYPES}
    assert {name: written[name] for name in usual} == usual
    names = [name for name in written if name in usual]
    assert names == list(usual)
    assert names.index("n_called") == len(parquet.COLUMNS)
    assert {*FACETS, *SEARCHED, *GENOTYPES} <= written.keys()
    made = schema(parquet.write(tmp_path / "made", [parquet.variant(0)]))
    assert {name: made[name] for name in usual} == usual
