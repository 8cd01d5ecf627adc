"""Tells the alleles that bcftools csq 1.24 crashes on.

One base, the lowest of a coding sequence, is replaced by several, and REF begins before it: csq is
then left with a reference allele without length.
"""

import gzip
import re
from functools import cache

from ann.references import Reference

PARENT = re.compile(rb"(?:\A|;)Parent=([^;\r\n]+)")
START, END, STRAND, PHASE, ATTRIBUTES = 3, 4, 6, 7, 8
Part = tuple[int, int, bytes, bytes]


class LowestBases:
    """The lowest base of each coding sequence of a reference, read where it is first wanted.

    They come of the file that csq reads: DuckDB is not to be opened in a process that a job forks.
    """

    def __init__(self, reference: Reference) -> None:
        self.genes = reference.path(reference.gff3)
        self._of = cache(self._read)

    def crashes(self, contig: str, pos: int, ref: bytes, alts: bytes) -> bool:
        """Tell if csq crashes on one of these alleles."""
        bases = (grown_base(pos, ref.upper(), alt.upper()) for alt in alts.split(b","))
        return any(base in self._of(contig) for base in bases if base)

    def _read(self, contig: str) -> frozenset[int]:
        parts: dict[bytes, list[Part]] = {}
        begin, opened = f"{contig}\t".encode(), gzip.open if self.genes.suffix == ".gz" else open
        with opened(self.genes, "rb") as lines:
            for line in lines:
                if line.startswith(begin) and b"\tCDS\t" in line:
                    c = line.split(b"\t")
                    parent = PARENT.search(c[ATTRIBUTES])
                    part = int(c[START]), int(c[END]), c[STRAND], c[PHASE]
                    parts.setdefault(parent[1] if parent else line, []).append(part)
        return frozenset(base for coding in parts.values() for base in _lowest(coding))


def _lowest(coding: list[Part]) -> tuple[int, int]:
    """The lowest base of these parts, and that of the lowest whole codon: csq leaves out others."""
    low, _, strand, phase = min(coding)
    size = sum(end - start + 1 for start, end, *_ in coding)
    if strand == b"-":
        first = max(coding)[3]
        return low, low + (size - _number(first)) % 3
    return low, low + _number(phase)


def _number(phase: bytes) -> int:
    return int(phase) if phase in b"012" else 0


def grown_base(pos: int, ref: bytes, alt: bytes) -> int:
    """The place of the one base, behind others of REF, that becomes several; 0 where none does.

    As csq does, bases in common are left out behind first, then in front.
    """
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    kept = len(ref) - 1
    is_grown = kept > 0 and len(alt) > len(ref) and ref[:kept] == alt[:kept]
    return pos + kept if is_grown and ref[kept] != alt[kept] else 0
