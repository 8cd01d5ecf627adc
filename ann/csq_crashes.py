"""Tells the alleles that bcftools csq 1.24 crashes on.

One base, the lowest of a coding sequence, is replaced by several, and REF begins before it: csq is
then left with a reference allele without length.
"""

import gzip
import os
import re
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from ann.references import Reference

PARENT = re.compile(rb"(?:\A|;)Parent=([^;\r\n]+)")
START, END, STRAND, PHASE, ATTRIBUTES = 3, 4, 6, 7, 8
Part = tuple[int, int, bytes, bytes]


class CodingEnds(NamedTuple):
    """A coding sequence: its lowest part, its highest, and the bases of all of them."""

    low: Part
    high: Part
    size: int

    def lowest(self) -> tuple[int, int]:
        """The lowest base, and that of the lowest whole codon: csq leaves out others."""
        low, _, strand, phase = self.low
        if strand == b"-":
            return low, low + (self.size - _number(self.high[3])) % 3
        return low, low + _number(phase)


class LowestBases:
    """The lowest base of each coding sequence of a reference, read when one is first wanted.

    They come of the file that csq reads: DuckDB is not to be opened in a process that a job forks.
    """

    def __init__(self, reference: Reference) -> None:
        self.genes = reference.path(reference.gff3)

    def crashes(self, contig: str, pos: int, ref: bytes, alts: bytes) -> bool:
        """Tell if csq crashes on one of these alleles."""
        bases = (grown_base(pos, ref.upper(), alt.upper()) for alt in alts.split(b","))
        return any(base in self._of_contigs.get(contig.encode(), ()) for base in bases if base)

    @cached_property
    def _of_contigs(self) -> dict[bytes, set[int]]:
        found: dict[bytes, set[int]] = defaultdict(set)
        for (contig, _), coding in self._codings().items():
            found[contig].update(coding.lowest())
        return dict(found)

    def _codings(self) -> dict[tuple[bytes, bytes], CodingEnds]:
        """Every coding sequence, by contig and transcript."""
        found: dict[tuple[bytes, bytes], CodingEnds] = {}
        with (gzip.open if self.genes.suffix == ".gz" else open)(self.genes, "rb") as lines:
            for line in lines:
                if b"\tCDS\t" in line and not line.startswith(b"#"):
                    c = line.split(b"\t")
                    part = int(c[START]), int(c[END]), c[STRAND], c[PHASE]
                    parent = PARENT.search(c[ATTRIBUTES])
                    name = c[0], parent[1] if parent else line
                    low, high, size = found.get(name, (part, part, 0))
                    size += part[1] - part[0] + 1
                    found[name] = CodingEnds(min(low, part), max(high, part), size)
        return found


def _number(phase: bytes) -> int:
    return int(phase) if phase in b"012" else 0


def grown_base(pos: int, ref: bytes, alt: bytes) -> int:
    """The place of the one base, behind others of REF, that becomes several; 0 where none does.

    As csq does, bases in common are left out behind first, then in front.
    """
    shared = len(os.path.commonprefix([ref[::-1], alt[::-1]]))
    ref, alt = ref[: len(ref) - shared], alt[: len(alt) - shared]
    kept = len(ref) - 1
    is_grown = kept > 0 and len(alt) > len(ref) and ref[:kept] == alt[:kept]
    return pos + kept if is_grown and ref[kept] != alt[kept] else 0
