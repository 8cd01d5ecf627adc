"""Records with several alleles at the ends of coding exons, where csq often names no bases.

What it says without bases holds for all of a record's alleles: each is compared here with the same
allele in a record of its own, on both strands.
"""

import re
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from ann.task import Outcome
from tests.ann.added import Adding
from tests.ann.conftest import Annotate, vcf
from tests.ann.gene_models import BACKWARD, ENSEMBL, FORWARD, SEQUENCE

UTR_BASES = 10
OTHER = {"A": "C", "C": "T", "G": "A", "T": "G"}
NAMES = """
SELECT coalesce([c.hgvs_c FOR c IN consequences IF c.hgvs_c IS NOT NULL], []),
    coalesce([c.hgvs_p FOR c IN consequences IF c.hgvs_p IS NOT NULL], [])
FROM read_parquet(?) ORDER BY row
"""


class Record(NamedTuple):
    """A record on c1: `alts` say which of its alleles change the CDS."""

    pos: int
    ref: str
    alts: dict[str, bool]

    def line(self) -> str:
        return f"c1 {self.pos} . {self.ref} {','.join(self.alts)} . . ."

    def parts(self, size: int) -> list["Record"]:
        """Records of so many of its alleles each, neighbours last."""
        alts, step = list(self.alts.items()), -(-len(self.alts) // size)
        return [self._replace(alts=dict(alts[n::step])) for n in range(step)]


def genes() -> str:
    """The small genome's genes; the outer exons go on beyond the CDS."""
    text = ENSEMBL
    for (first, _), (_, last) in (FORWARD, BACKWARD):
        for kind in ("gene", "mRNA", "exon"):
            text = re.sub(rf"({kind}\t){first}\t", rf"\g<1>{first - UTR_BASES}\t", text)
            text = re.sub(rf"({kind}\t\d+\t){last}\t", rf"\g<1>{last + UTR_BASES}\t", text)
    return text


def around(end: int) -> Record:
    """Single bases on either side of the end of a part of the CDS; indels up to it, over it and
    beside it."""
    pos, coding = end - 5, {n for a, b in (*FORWARD, *BACKWARD) for n in range(a, b + 1)}
    ref, alts = SEQUENCE[pos - 1 : end + 5], dict[str, bool]()

    def put(start: int, stop: int, new: str) -> None:
        alt = ref[: start - pos] + new + ref[stop - pos :]
        changed = range(start, stop) if stop > start else (start - 1, start)
        touches = (any if stop > start else all)(n in coding for n in changed)
        alts[alt] = touches or alts.get(alt, False)

    for n in range(end - 3, end + 4):
        put(n, n + 1, OTHER[SEQUENCE[n - 1]])
        for size in (1, 2, 3):
            put(n, n + size, "")
    for n in (end - 3, end + 4):
        put(n, n, "CAG")
    return Record(pos, ref, alts)


def one_base(pos: int) -> Record:
    """A base of a start codon that becomes another, or several."""
    base = SEQUENCE[pos - 1]
    return Record(pos, base, dict.fromkeys([OTHER[base], base + "AC", base + "TG"], True))


def names(outcome: Outcome) -> list[tuple[list[str], list[str]]]:
    """The names on transcripts and those of proteins of each allele."""
    assert outcome.error is None
    with duckdb.connect() as db:
        return db.execute(NAMES, [str(outcome.variants)]).fetchall()


@pytest.mark.parametrize("size", [2, 3, 100])
def test_each_allele_at_an_exons_end_is_named_as_in_a_record_of_its_own(
    adding: Adding, annotate: Annotate, folder: Path, size: int
) -> None:
    """csq may say of a lone allele that no codon changes where bases of the CDS do: it is named
    where another allele of its record has csq say that some change."""
    adding(genes())
    ends = [place for part in (*FORWARD, *BACKWARD) for place in part]
    looked_at = [*map(around, ends), *map(one_base, (31, 32, 151))]
    parts = [part for record in looked_at for part in record.parts(size)]
    records = sorted(parts, key=lambda record: record.pos)
    alleles = [(record, alt, touches) for record in records for alt, touches in record.alts.items()]
    whole = names(annotate(vcf(*(record.line() for record in records)), references=folder))
    lines = [Record(r.pos, r.ref, {alt: touches}).line() for r, alt, touches in alleles]
    own = names(annotate(vcf(*lines), references=folder))
    for allele, (coding, protein), (own_coding, own_protein) in zip(
        alleles, whole, own, strict=True
    ):
        if allele[-1] and own_coding:
            assert (coding, protein) == (own_coding, own_protein), allele
        else:
            assert len(coding) <= allele[-1], allele
