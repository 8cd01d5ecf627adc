"""Tells the records that bcftools csq may see from those to set aside, and why."""

import re
from collections import Counter
from typing import NamedTuple

import pysam

from ann.records import Header, Record, VCFError
from ann.references import Contig, Reference
from vcf.file_type import shown

MISMATCH_SHARE = 0.2
"""REF bases that disagree with the reference: beyond this share it is another assembly."""
MISMATCHES_EXCUSED = 2
"""So few may be mere slips, unless they are most of the file."""
MISMATCHES_SHOWN = 3
CONTIGS_SHOWN = 6
WINDOW_BASES = 1 << 16
PLAIN_ALTS = re.compile(rb"[ACGTacgt]+(?:,[ACGTacgt]+)*")
BASES = re.compile(rb"[A-Za-z]+")
NO_CONTIG = "contig not in the reference"
OUTSIDE = "position outside the contig"
WRONG_REF = "REF differs from the reference"
SYMBOLIC = "symbolic allele or breakend"
NO_ALLELE = "no alternative sequence (. or *)"
AMBIGUOUS = "ambiguous base (not A, C, G or T)"


class ContigPlacement(NamedTuple):
    """Where a contig of the file belongs; `contig` is None where the reference has none such."""

    rank: int
    contig: Contig | None
    name: bytes


class Bases:
    """The reference's sequence, upper case, read a window at a time."""

    def __init__(self, reference: Reference) -> None:
        self.fasta = pysam.FastaFile(str(reference.path(reference.fasta)))
        self.contig, self.start, self.window = "", 0, b""

    def at(self, contig: str, start: int, end: int) -> bytes:
        """Bases `start` to `end` of a contig, counted from 0, end excluded."""
        first = start - self.start
        if contig != self.contig or first < 0 or end - self.start > len(self.window):
            self.contig, self.start, first = contig, start, 0
            text = self.fasta.fetch(contig, start, max(end, start + WINDOW_BASES))
            self.window = text.upper().encode()
        return self.window[first : first + end - start]


class Screening:
    """One reference's view of a file's records."""

    def __init__(self, reference: Reference, header: Header) -> None:
        self.reference, self.header = reference, header
        self.bases = Bases(reference)
        self.ranks = _ranks(reference)
        self.places: dict[bytes, ContigPlacement] = {}
        self.strange: Counter[bytes] = Counter()
        self.checked = self.mismatched = 0
        self.mismatches: list[str] = []

    def misfits(self, records: list[Record]) -> int:
        """How many of these records do not agree with the reference."""
        faults = (NO_CONTIG, OUTSIDE, WRONG_REF)
        return sum(self.reason(r, self.place(r.contig)) in faults for r in records)

    def place(self, name: bytes) -> ContigPlacement:
        """Where a contig belongs. Raises VCFError for a look-alike of another length."""
        found = self.places.get(name)
        if found is None:
            told = name.decode("utf-8", "replace")
            contig = self.reference.match(told, self.header.contigs.get(told))
            if contig:
                found = ContigPlacement(self.ranks[contig.name], contig, contig.name.encode())
            else:
                found = ContigPlacement(len(self.ranks) + len(self.places), None, name)
            self.places[name] = found
        return found

    def reason(self, record: Record, place: ContigPlacement) -> str | None:
        """Why the record is to be set aside; None: csq may have it."""
        contig = place.contig
        if contig is None:
            self.strange[record.contig] += 1
            return NO_CONTIG
        start = record.pos - 1
        end = start + len(record.ref)
        if start < 0 or end > contig.length:
            return OUTSIDE
        self.checked += 1
        bases = self.bases.at(contig.name, start, end)
        if bases != record.ref.upper():
            self._mismatch(record, bases)
            return WRONG_REF
        return None if PLAIN_ALTS.fullmatch(record.alts) else _odd(record.alts)

    def _mismatch(self, record: Record, bases: bytes) -> None:
        self.mismatched += 1
        if len(self.mismatches) < MISMATCHES_SHOWN:
            self.mismatches.append(
                f"{record.contig.decode()}:{record.pos} has REF {_short(record.ref)} where "
                f"{self.reference.name} has {_short(bases)} (line {record.number})"
            )

    def demand_right_assembly(self) -> None:
        """Raise VCFError where too many REF bases disagree."""
        wrong, checked = self.mismatched, self.checked
        few = wrong <= MISMATCHES_EXCUSED and wrong * 2 <= checked
        if few or wrong <= checked * MISMATCH_SHARE:
            return
        raise VCFError(
            f"This looks like another assembly: REF disagrees with {self.reference.name} in "
            f"{wrong:,} of {checked:,} records, first {'; '.join(self.mismatches)}. Please lift "
            f"the variants over to {self.reference.assembly}, or choose the reference they were "
            "called against."
        )

    def demand_something_known(self, records: int) -> None:
        """Raise VCFError where not one of the records has a contig of the reference."""
        if records and self.strange.total() == records:
            raise VCFError(
                f"None of this file's contigs ({self.strangers()}) is in {self.reference.name}. "
                "Please choose the reference the variants were called against."
            )

    def strangers(self) -> str:
        """The contigs that the reference has not, with their numbers of records."""
        told = [f"{shown(name)}: {n:,}" for name, n in self.strange.most_common(CONTIGS_SHOWN)]
        return ", ".join(told) + (", …" if len(self.strange) > CONTIGS_SHOWN else "")


def _ranks(reference: Reference) -> dict[str, int]:
    """The order of contigs: the reference's, those of one genetic code together."""
    codes = list(dict.fromkeys(c.genetic_code for c in reference.contigs))
    ordered = sorted(reference.contigs, key=lambda c: codes.index(c.genetic_code))
    return {contig.name: rank for rank, contig in enumerate(ordered)}


def _odd(alts: bytes) -> str | None:
    """Why these alleles are not for csq, which takes breakends and ambiguous bases for sequence.

    Beside a plain sequence it leaves <SYMBOLIC>, * and . alone.
    """
    alleles = alts.split(b",")
    if any(b"[" in a or b"]" in a or (b"." in a and a != b".") for a in alleles):
        return SYMBOLIC
    sequences = [a for a in alleles if BASES.fullmatch(a)]
    if not all(PLAIN_ALTS.fullmatch(a) for a in sequences):
        return AMBIGUOUS
    if sequences:
        return None
    return SYMBOLIC if any(a.startswith(b"<") for a in alleles) else NO_ALLELE


def _short(bases: bytes) -> str:
    return bases[:10].decode() + ("…" if len(bases) > 10 else "")
