"""The genome that comes with GAS, as far as the site needs it: an example, genes, parts, rsIDs."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb

from vcf.pasted import Variant
from web.display.circle import Gene, NamedPart

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


@cache
def parts() -> tuple[NamedPart, ...]:
    """Its named parts that lie in no other, those that go on beyond the origin in one."""
    document = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))
    length = document["contigs"][0]["length"]
    listed = [NamedPart(r["name"], r["title"], r["start"], r["end"]) for r in document["regions"]]
    outer = [part for part in listed if not any(_holds(other, part) for other in listed)]
    ends = {part.name: part for part in outer if part.stop == length}
    begins = {part.name: part for part in outer if part.start == 1 and part.name in ends}
    over = [replace(ends[name], stop=part.stop) for name, part in begins.items()]
    return (*over, *(part for part in outer if part.name not in begins))


def _holds(part: NamedPart, other: NamedPart) -> bool:
    return part is not other and part.start <= other.start and other.stop <= part.stop


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
