"""Reads the bases of a reference's FASTA, a contig at a time mapped into memory."""

from pathlib import Path

import numpy as np

from ann.references import Reference
from ann.table import Bytes, Ints

UPPER = np.uint8(0xDF)
"""A letter's byte and this is the byte of its capital."""


class MappedFasta:
    """The reference's bases, a contig at a time mapped into memory."""

    def __init__(self, reference: Reference) -> None:
        self.path = reference.path(reference.fasta)
        self.places = _fasta_index(Path(f"{self.path}.fai"))
        self.name = ""
        self.bases: Bytes = np.empty(0, np.uint8)

    def at(self, contig: str, offsets: Ints) -> Bytes:
        """The bases at these offsets of a contig, counted from 0, in upper case."""
        _, offset, line_bases, line_bytes = self.places[contig]
        if contig != self.name:
            length = self.places[contig][0]
            size = max(1, length + (length // max(1, line_bases)) * (line_bytes - line_bases))
            left = self.path.stat().st_size - offset
            self.bases = np.memmap(self.path, np.uint8, "r", offset, (min(size, left),))
            self.name = contig
        lines = offsets // line_bases
        found: Bytes = np.asarray(self.bases[offsets + lines * (line_bytes - line_bases)]) & UPPER
        return found

    def text(self, contig: str, start: int, end: int) -> bytes:
        return self.at(contig, np.arange(start, end)).tobytes()


def _fasta_index(path: Path) -> dict[str, tuple[int, int, int, int]]:
    """Length, offset, bases a line and bytes a line of each sequence (samtools-faidx(5))."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in rows}
