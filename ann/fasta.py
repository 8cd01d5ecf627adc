"""Reads the bases of a reference's FASTA, a contig at a time mapped into memory."""

from pathlib import Path

import numpy as np

from ann.references import Reference
from ann.table import Bytes, Ints

LINE_END = b"\r\n"
UPPER = np.uint8(0xDF)
"""A letter's byte and this is the byte of its capital."""
CAPITALS = bytes(n & 0xDF for n in range(256))


class MappedFasta:
    """The reference's bases, a contig at a time mapped into memory."""

    def __init__(self, reference: Reference) -> None:
        self.path = reference.path(reference.fasta)
        self.places = _fasta_index(Path(f"{self.path}.fai"))
        self.name = ""
        self.bases: Bytes = np.empty(0, np.uint8)

    def at(self, contig: str, offsets: Ints) -> Bytes:
        """The bases at these offsets of a contig, counted from 0, in upper case."""
        _, _, line_bases, line_bytes = self.places[contig]
        lines = offsets // line_bases
        found: Bytes = self._mapped(contig)[offsets + lines * (line_bytes - line_bases)] & UPPER
        return found

    def text(self, contig: str, start: int, end: int, table: bytes = CAPITALS) -> bytes:
        """The bases from `start` to `end`, counted from 0, as a table of all bytes has them."""
        _, _, line_bases, line_bytes = self.places[contig]
        more = line_bytes - line_bases
        first, last = start + start // line_bases * more, end + end // line_bases * more
        return self._mapped(contig)[first:last].tobytes().translate(table, LINE_END)

    def _mapped(self, contig: str) -> Bytes:
        if contig != self.name:
            length, offset, line_bases, line_bytes = self.places[contig]
            size = max(1, length + (length // max(1, line_bases)) * (line_bytes - line_bases))
            left = self.path.stat().st_size - offset
            mapped = np.memmap(self.path, np.uint8, "r", offset, (min(size, left),))
            self.bases, self.name = np.asarray(mapped), contig
        return self.bases


def _fasta_index(path: Path) -> dict[str, tuple[int, int, int, int]]:
    """Length, offset, bases a line and bytes a line of each sequence (samtools-faidx(5))."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in rows}
