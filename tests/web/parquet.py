"""Tables of variants as the annotator writes them, made of a few cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

STRUCT = (
    "STRUCT(gene VARCHAR, transcript VARCHAR, biotype VARCHAR, strand VARCHAR, "
    "consequence VARCHAR, impact VARCHAR, hgvs_c VARCHAR, hgvs_p VARCHAR, codons VARCHAR)[]"
)
COLUMNS = {
    "row": "BIGINT", "record": "BIGINT", "chrom": "VARCHAR", "pos": "BIGINT", "id": "VARCHAR",
    "ref": "VARCHAR", "alt": "VARCHAR", "type": "VARCHAR", "qual": "DOUBLE", "filter": "VARCHAR",
    "status": "VARCHAR", "consequence": "VARCHAR", "impact": "VARCHAR", "gene": "VARCHAR",
    "transcript": "VARCHAR", "biotype": "VARCHAR", "hgvs_g": "VARCHAR", "hgvs_c": "VARCHAR",
    "hgvs_p": "VARCHAR", "genes": "VARCHAR[]", "terms": "VARCHAR[]", "consequences": STRUCT,
    "regions": "VARCHAR[]", "known_id": "VARCHAR", "af": "DOUBLE", "significance": "VARCHAR",
    "disease": "VARCHAR",
}  # fmt: skip
KNOWN = {"clinvar_variation_id": "INTEGER", "clinvar_significance": "VARCHAR"}
GENOTYPES = {"n_called": "INTEGER", "n_het": "INTEGER", "n_hom": "INTEGER", "gt": "VARCHAR[]"}
SCHEMA = COLUMNS | KNOWN | GENOTYPES
USUAL: dict[str, Any] = {
    "chrom": "MT", "pos": 100, "ref": "A", "alt": "G", "type": "SNV", "filter": "PASS",
    "status": "annotated", "consequence": "missense_variant", "impact": "MODERATE",
    "gene": "MT-ND1", "transcript": "T1", "biotype": "protein_coding",
}  # fmt: skip


def variant(number: int, **cells: Any) -> dict[str, Any]:
    """A row: a usual one, but for these cells."""
    row = {"row": number, "record": number, **USUAL, **cells}
    gene, consequence = row["gene"], row["consequence"]
    row.setdefault("genes", [gene] if gene else None)
    row.setdefault("terms", [consequence] if consequence else None)
    entry = {
        name: row.get(name)
        for name in ("gene", "transcript", "biotype", "consequence", "impact", "hgvs_c", "hgvs_p")
    }
    entry |= {"strand": "+", "codons": cells.get("codons")}
    row.setdefault("consequences", [entry] if consequence else None)
    return row


def unannotated(number: int, reason: str, **cells: Any) -> dict[str, Any]:
    """A row of a record that was set aside."""
    empty = dict.fromkeys(("consequence", "impact", "gene", "transcript", "biotype"))
    return variant(number, **{**empty, "status": reason, **cells})


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The Parquet file of these rows."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in SCHEMA.items())
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE variants ({columns})")
        table = db.table("variants")
        for row in rows:
            table.insert([row.get(name) for name in SCHEMA])
        db.execute(f"COPY variants TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return path
