"""The genome that comes with GAS, as far as the site needs it: an example, genes, rsIDs."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import duckdb

from vcf.pasted import Variant
from web.display.circle import Gene

NAME = "rCRS"
FOLDER = Path(__file__).parents[2] / "ann/references" / NAME
EXAMPLE = FOLDER / "example.vcf"
DBSNP = FOLDER / "known/dbsnp.parquet"


@cache
def genes() -> tuple[Gene, ...]:
    """Its genes, in their order."""
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "SELECT gene, min(start), max(stop), any_value(strand), any_value(gene_biotype) "
            "FROM read_parquet(?) GROUP BY gene ORDER BY 2",
            [str(FOLDER / "genes.parquet")],
        ).fetchall()
    return tuple(Gene(*row) for row in found)


def variants_of(rsids: Iterable[str]) -> dict[str, list[Variant]]:
    """The alleles that dbSNP lists under each of these rsIDs (in lower case), those it knows."""
    if not (wanted := list(rsids)):
        return {}
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "SELECT rsid, chrom, pos, ref, alt FROM read_parquet(?) "
            "WHERE rsid IN (SELECT unnest(?)) ORDER BY pos, alt",
            [str(DBSNP), wanted],
        ).fetchall()
    variants = defaultdict(list)
    for rsid, *place in found:
        variants[rsid].append(Variant(*place))
    return dict(variants)
