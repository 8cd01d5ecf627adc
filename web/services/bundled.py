"""The genome that comes with GAS, as far as the site itself needs it: an example, and rsIDs."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from vcf.pasted import Variant

NAME = "rCRS"
FOLDER = Path(__file__).parents[2] / "ann/references" / NAME
EXAMPLE = FOLDER / "example.vcf"
DBSNP = FOLDER / "known/dbsnp.parquet"


def variants_of(rsid: str) -> Iterator[Variant]:
    """The alleles that dbSNP lists under an rsID (in lower case); none for an unknown one."""
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "SELECT chrom, pos, ref, alt FROM read_parquet(?) WHERE rsid = ? ORDER BY pos, alt",
            [str(DBSNP), rsid],
        ).fetchall()
    yield from (Variant(*row) for row in found)
