"""Makes a TBI index of records as they are written, so that the result is not read again.

The format: https://samtools.github.io/hts-specs/tabix.pdf
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ann.bgzf import BLOCK_BYTES, EOF_BLOCK, block
from ann.table import CHROM, REF, Ints, RecordTable, changes

REACH = 1 << 29
"""The first position, counted from 0, that a TBI cannot hold."""
WINDOW_SHIFT = 14
LEVELS = ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1))
"""For each size of bin, the smallest first: its bits, and the number of the first such bin."""
STATISTICS = 37450
"""A bin that holds no records, but where they are and how many."""
VCF_FORMAT, META = 2, ord("#")


@dataclass
class _Contig:
    """The records of a contig, in short: its bins in the order of the file, and its windows.

    Runs of records of one bin have text offsets of their beginnings and ends; a window has that of
    the first record that reaches into it.
    """

    bins: list[Ints] = field(default_factory=list)
    starts: list[Ints] = field(default_factory=list)
    ends: list[Ints] = field(default_factory=list)
    windows: list[Ints] = field(default_factory=list)
    offsets: list[Ints] = field(default_factory=list)
    records: int = 0

    def add(self, begins: Ints, lasts: Ints, starts: Ints, ends: Ints) -> None:
        """Take in records: first and last base (from 0), and text offsets of their lines."""
        bins = _bins(begins, lasts)
        firsts = np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]]))
        self.bins.append(bins[firsts])
        self.starts.append(starts[firsts])
        self.ends.append(ends[np.append(firsts[1:], len(bins)) - 1])
        first, last = begins >> WINDOW_SHIFT, lasts >> WINDOW_SHIFT
        for record in np.flatnonzero(last > first).tolist():
            self.windows.append(np.arange(first[record] + 1, last[record] + 1))
            self.offsets.append(np.full(len(self.windows[-1]), starts[record]))
        windows, records = np.unique(first, return_index=True)
        self.windows.append(windows)
        self.offsets.append(starts[records])
        self.records += len(bins)


class TbiBuilder:
    """Collects records block by block; `can_build` turns False where a TBI, or we, cannot."""

    def __init__(self) -> None:
        self.offset, self.can_build = 0, True
        self.contigs: dict[bytes, _Contig] = {}

    def add(self, table: RecordTable, pos: Ints, written: Ints) -> None:
        """Take in records, where they are, and how many bytes were written for each."""
        if not self.can_build or not len(table):
            return
        begins = pos - 1
        lasts = begins + table.segments(REF).lengths - 1
        self.can_build = bool(begins.min() >= 0 and lasts.max() < REACH)
        if not self.can_build:
            return
        ends = np.cumsum(written) + self.offset
        starts, self.offset = ends - written, int(ends[-1])
        firsts = changes(table, CHROM).tolist()
        for first, stop in zip(firsts, [*firsts[1:], len(table)], strict=True):
            contig = self.contigs.setdefault(table.cell(first, CHROM), _Contig())
            rows = slice(first, stop)
            contig.add(begins[rows], lasts[rows], starts[rows], ends[rows])

    def write(self, path: Path, block_offsets: Ints) -> None:
        """Write the index of a BGZF file whose blocks begin at these offsets."""
        names = b"".join(name + b"\0" for name in self.contigs)
        parts = [b"TBI\1", struct.pack("<i", len(self.contigs))]
        parts.append(struct.pack("<7i", VCF_FORMAT, 1, 2, 0, META, 0, len(names)))
        parts.append(names)
        for contig in self.contigs.values():
            parts += _contig(contig, block_offsets)
        text = b"".join([*parts, struct.pack("<Q", 0)])
        blocks = [block(text[at : at + BLOCK_BYTES]) for at in range(0, len(text), BLOCK_BYTES)]
        path.write_bytes(b"".join([*blocks, EOF_BLOCK]))


def _virtual(offsets: Ints, block_offsets: Ints) -> Ints:
    """Offsets of text as BGZF's virtual offsets: of the block, and within it."""
    found: Ints = (block_offsets[offsets // BLOCK_BYTES] << 16) | offsets % BLOCK_BYTES
    return found


def _contig(contig: _Contig, block_offsets: Ints) -> Iterator[bytes]:
    bins = np.concatenate(contig.bins)
    firsts = np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]]))
    lasts = np.append(firsts[1:], len(bins)) - 1
    starts = _virtual(np.concatenate(contig.starts)[firsts], block_offsets)
    ends = _virtual(np.concatenate(contig.ends)[lasts], block_offsets)
    chunks: dict[int, list[bytes]] = {}
    for number, start, end in zip(bins[firsts], starts, ends, strict=True):
        chunks.setdefault(int(number), []).append(struct.pack("<2Q", start, end))
    chunks[STATISTICS] = [
        struct.pack("<2Q", starts[0], ends[-1]),
        struct.pack("<2Q", contig.records, 0),
    ]
    yield struct.pack("<i", len(chunks))
    for number, pairs in chunks.items():
        yield struct.pack("<Ii", number, len(pairs)) + b"".join(pairs)
    linear = _linear(contig, block_offsets)
    yield struct.pack("<i", len(linear)) + linear.astype("<u8").tobytes()


def _bins(begins: Ints, lasts: Ints) -> Ints:
    """The smallest bin that holds each record whole."""
    bins = np.zeros(len(begins), np.int64)
    for shift, first in reversed(LEVELS):
        fits = begins >> shift == lasts >> shift
        bins[fits] = first + (begins[fits] >> shift)
    return bins


def _linear(contig: _Contig, block_offsets: Ints) -> Ints:
    """For each window of 16 kb the virtual offset of the first record that reaches into it."""
    windows, starts = np.concatenate(contig.windows), np.concatenate(contig.offsets)
    none = np.iinfo(np.int64).max
    offsets = np.full(int(windows.max()) + 1, none)
    np.minimum.at(offsets, windows, starts)
    is_there = offsets != none
    latest = np.maximum.accumulate(np.where(is_there, np.arange(len(offsets)), 0))
    filled: Ints = np.where(offsets[latest] == none, 0, offsets[latest])
    found = _virtual(filled, block_offsets)
    found[~is_there[latest]] = 0
    return found
