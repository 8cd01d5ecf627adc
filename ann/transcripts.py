"""A transcript as HGVS counts on it: its bases' numbers, and its coding sequence."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import pysam

from ann.genetic_codes import genetic_code
from ann.hgvs import FORWARD, REVERSE, Bases, Change, reverse_complement
from ann.protein import Coding

WINDOW_BASES = 1 << 17
Span = tuple[int, int]
"""The first and the last base of a part, counted from 1."""


class BasesWindow:
    """A contig's sequence, upper case, counted from 0, of which a window is held."""

    def __init__(self, fasta: pysam.FastaFile, contig: str) -> None:
        self.fasta, self.contig = fasta, contig
        self.length = fasta.get_reference_length(contig)
        self.start, self.text = 0, ""

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: slice) -> str:
        first = place.start - self.start
        if first < 0 or place.stop - self.start > len(self.text):
            self.start = max(0, place.start - WINDOW_BASES // 4)
            stop = max(place.stop, self.start + WINDOW_BASES)
            self.text = self.fasta.fetch(self.contig, self.start, stop).upper()
            first = place.start - self.start
        return self.text[first : place.stop - self.start]


class CodingPart(NamedTuple):
    """A part of the CDS, counted from 1, ends included; `offset` coding bases stand before it."""

    start: int
    stop: int
    offset: int


class Transcript:
    """A coding transcript of the gene models (`ann.genes`), with its contig's bases.

    Numbers begin at the first whole codon, as csq's do, where a transcript's 5' end is incomplete.
    """

    def __init__(
        self,
        strand: str,
        code: int,
        phase: int,
        exons: Sequence[Span],
        cds: Sequence[CodingPart],
        bases: Bases,
    ) -> None:
        self.strand = REVERSE if strand == "-" else FORWARD
        self.code, self.phase, self.bases = genetic_code(code), phase, bases
        self.exons, self.cds = exons, cds
        self.starts = [part.start for part in cds]
        self.length = sum(part.stop - part.start + 1 for part in cds) - phase

    def part(self, pos: int) -> CodingPart | None:
        """The part of the CDS that holds a base."""
        number = bisect_right(self.starts, pos) - 1
        return self.cds[number] if number >= 0 and pos <= self.cds[number].stop else None

    def number(self, pos: int, part: CodingPart) -> int:
        """A base's place in the coding sequence, counted from 0."""
        within = pos - part.start if self.strand == FORWARD else part.stop - pos
        return part.offset + within - self.phase

    def name(self, pos: int) -> str | None:
        """A base's name behind `c.`; None outside the transcript.

        https://hgvs-nomenclature.org/stable/background/numbering/
        """
        part = self.part(pos)
        if part:
            number = self.number(pos, part)
            return str(number + 1) if number >= 0 else None
        before = [e for e in self.exons if e[0] <= pos]
        if not before or pos > self.exons[-1][1]:
            return None
        if pos <= before[-1][1]:
            return self._untranslated(pos)
        return self._intronic(pos, before[-1][1], self.exons[len(before)][0])

    def _untranslated(self, pos: int) -> str:
        """-1 is the base before the CDS, *1 the one behind it; introns do not count."""
        first, last = self.cds[0].start, self.cds[-1].stop
        low, high = (pos, first - 1) if pos < first else (last + 1, pos)
        spans = [min(high, end) - max(low, start) + 1 for start, end in self.exons]
        is_before = (pos < first) == (self.strand == FORWARD)
        return f"{'-' if is_before else '*'}{sum(s for s in spans if s > 0)}"

    def _intronic(self, pos: int, below: int, above: int) -> str | None:
        """Counted from the nearer exon, from the one before where both are as near."""
        ends = (below, above) if self.strand == FORWARD else (above, below)
        before, behind = abs(pos - ends[0]), abs(ends[1] - pos)
        near, sign, steps = (ends[0], "+", before) if before <= behind else (ends[1], "-", behind)
        name = self.name(near)
        return name and f"{name}{sign}{steps}"

    def coding_change(self, change: Change) -> Change | None:
        """The change on the coding sequence; None where one part of the CDS does not hold it."""
        start, end, new = change
        first, last = (start + 1, end) if end > start else (start, start + 1)
        part = self.part(first)
        if part is None or last > part.stop:
            return None
        if self.strand == REVERSE:
            first, last, new = last, first, reverse_complement(new)
        begin, stop = self.number(first, part), self.number(last, part) + 1
        if begin < 0:
            return None
        return Change(begin, stop, new) if end > start else Change(begin + 1, begin + 1, new)

    @cached_property
    def coding(self) -> Coding:
        """The coding sequence, and what the exons hold behind it."""
        parts = [(part.start, part.stop) for part in self.cds]
        tail = behind_the_cds(self.strand == FORWARD, self.exons, parts)
        return Coding(self._spliced(parts)[self.phase :], self._spliced(tail), self.code)

    def _spliced(self, spans: Sequence[Span]) -> str:
        text = "".join(self.bases[start - 1 : end] for start, end in spans)
        return text if self.strand == FORWARD else reverse_complement(text)


def behind_the_cds(is_forward: bool, exons: Sequence[Span], parts: Sequence[Span]) -> list[Span]:
    """The parts of the exons that are transcribed behind the last codon, as the contig has them."""
    if is_forward:
        last = parts[-1][1]
        return [(max(start, last + 1), stop) for start, stop in exons if stop > last]
    first = parts[0][0]
    return [(start, min(stop, first - 1)) for start, stop in exons if start < first]
