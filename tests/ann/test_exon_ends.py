"""Alleles at the ends of coding exons, where csq often names no bases, on both strands.

What it says without bases holds for all of a record's alleles: each is compared here with the same
allele in a record of its own.
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

UTR_BASES, MOST_MOVED = 10, 8
CODING = {n for first, last in (*FORWARD, *BACKWARD) for n in range(first, last + 1)}
OTHER = {"A": "C", "C": "T", "G": "A", "T": "G"}
NAMES = """
SELECT coalesce([c.hgvs_c FOR c IN consequences IF c.hgvs_c IS NOT NULL], []),
    coalesce([c.hgvs_p FOR c IN consequences IF c.hgvs_p IS NOT NULL], []),
    coalesce([c.consequence FOR c IN consequences IF c.transcript IS NOT NULL], [])
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


def touches(start: int, stop: int, new: str) -> bool:
    """Tell if the CDS changes where these bases become `new`, there or moved 3'."""
    step = 1 if start < BACKWARD[0][0] - 2 * UTR_BASES else -1
    whole = SEQUENCE[: start - 1] + new + SEQUENCE[stop - 1 :]
    size = stop - start
    steps = 1 if new and size else MOST_MOVED
    for place in range(start, start + step * steps, step):
        now = SEQUENCE[: place - 1] + whole[place - 1 :][: len(new)] + SEQUENCE[place - 1 + size :]
        changed = range(place, place + size) if size else (place - 1, place)
        if now == whole and (any if size else all)(n in CODING for n in changed):
            return True
    return False


def around(end: int) -> Record:
    """Single bases on either side of the end of a part of the CDS; indels up to it, over it and
    beside it."""
    pos, alts = end - 5, dict[str, bool]()
    ref = SEQUENCE[pos - 1 : end + 5]

    def put(start: int, stop: int, new: str) -> None:
        alt = ref[: start - pos] + new + ref[stop - pos :]
        alts[alt] = touches(start, stop, new) or alts.get(alt, False)

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


class Said(NamedTuple):
    """All there is of an allele in transcripts: its names, the proteins, the consequences."""

    coding: list[str]
    protein: list[str]
    terms: list[str]


def said_of(outcome: Outcome) -> list[Said]:
    """What a job says of each allele."""
    assert outcome.error is None
    with duckdb.connect() as db:
        return [Said(*row) for row in db.execute(NAMES, [str(outcome.variants)]).fetchall()]


@pytest.mark.parametrize("size", [2, 3, 100])
def test_each_allele_at_an_exons_end_is_named_as_in_a_record_of_its_own(
    adding: Adding, annotate: Annotate, folder: Path, size: int
) -> None:
    """That is: once if it changes the CDS, else not at all, whatever words csq has for it; of some
    csq says nothing."""
    adding(genes())
    ends = [place for part in (*FORWARD, *BACKWARD) for place in part]
    looked_at = [*map(around, ends), *map(one_base, (31, 32, 151))]
    parts = [part for record in looked_at for part in record.parts(size)]
    records = sorted(parts, key=lambda record: record.pos)
    alleles = [(record, alt, touches) for record in records for alt, touches in record.alts.items()]
    whole = said_of(annotate(vcf(*(record.line() for record in records)), references=folder))
    lines = [Record(r.pos, r.ref, {alt: touches}).line() for r, alt, touches in alleles]
    own = said_of(annotate(vcf(*lines), references=folder))
    for allele, of_whole, of_own in zip(alleles, whole, own, strict=True):
        assert of_whole[:2] == of_own[:2] or not of_own.terms, allele
        expected = allele[-1] and bool(of_own.terms)
        assert (len(of_own.coding), len(of_own.protein)) == (expected, expected), allele
        assert len(of_whole.coding) <= allele[-1], allele


UNKNOWN = ["p.?"]
CASES = {
    "41 ACG A": ("splice_donor_variant", ["c.12_12+1del"], UNKNOWN),
    "139 ACG A": ("splice_donor_variant&coding_sequence_variant", ["c.12_12+1del"], UNKNOWN),
    "42 C CC": ("splice_donor_variant", ["c.12dup"], UNKNOWN),
    "63 AGC A": ("splice_acceptor_variant&coding_sequence_variant", ["c.13-1_13del"], UNKNOWN),
    "117 AGC A": ("splice_acceptor_variant", ["c.13-1_13del"], UNKNOWN),
    "118 G GG": ("splice_acceptor_variant", ["c.13dup"], ["p.(Leu5ProfsTer?)"]),
    "29 GGA G": ("coding_sequence_variant", ["c.-1_1del"], UNKNOWN),
    "104 TTGTTA TT": ("coding_sequence_variant", ["c.22_*1del"], UNKNOWN),
    "41 ACGTA AGGA": ("splice_donor_variant&feature_truncation", ["c.12_12+2delinsGG"], UNKNOWN),
    "117 AGCTGA ACAG": (
        "splice_acceptor_variant&feature_truncation",
        ["c.13-4_13delinsCTG"],
        UNKNOWN,
    ),
    "28 AGGAT ATAA": ("start_lost&feature_truncation", ["c.-2_2delinsTAA"], UNKNOWN),
    "146 TGGCC TGTG": ("start_lost&feature_truncation", ["c.3_5delinsCA"], ["p.(Met1?)"]),
    "42 CG C": ("splice_donor_variant", [], []),
    "139 AC A": ("splice_donor_variant", [], []),
    "78 TGA TATT": ("feature_elongation", [], []),
    "102 CATTG CCAG": ("feature_truncation", [], []),
    "29 GG G": ("start_retained_variant", [], []),
    "152 TG T": ("start_retained_variant", [], []),
    "76 ATTGA A": ("stop_lost", [], []),
}
"""Records of one allele: csq's words, the names."""


def test_the_coding_part_decides_on_names_not_the_words_that_csq_has(
    adding: Adding, annotate: Annotate, folder: Path
) -> None:
    """Of a splice site it may speak where bases of the CDS go; and of a start or a stop beside."""
    adding(genes())
    lines = sorted(CASES, key=lambda line: int(line.split()[0]))
    cells = (line.split() for line in lines)
    records = (f"c1 {pos} . {ref} {alt} . . ." for pos, ref, alt in cells)
    found = said_of(annotate(vcf(*records), references=folder))
    named = {
        line: ("+".join(said.terms), said.coding, said.protein)
        for line, said in zip(lines, found, strict=True)
    }
    assert named == CASES


def test_a_protein_is_predicted_only_beside_a_name_of_the_coding_change(
    adding: Adding, annotate: Annotate, folder: Path
) -> None:
    """A change that reaches beyond the transcript has no name there: these exons are all CDS."""
    adding(ENSEMBL)
    ends = [place for part in (*FORWARD, *BACKWARD) for place in part]
    spans = sorted({(end - n, end + m) for end in ends for n in range(5) for m in range(5)})
    lines = [f"c1 {a} . {SEQUENCE[a - 1 : b]} {SEQUENCE[a - 1]} . . ." for a, b in spans if a < b]
    said = said_of(annotate(vcf(*lines), references=folder))
    assert any(allele.coding for allele in said)
    for line, allele in zip(lines, said, strict=True):
        assert len(allele.protein) == len(allele.coding), line
