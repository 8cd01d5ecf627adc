"""Insertions and deletions of a few bases, moved 3' and named all at once.

`ann.hgvs` does the same for one change at a time, whatever it is.
"""

from typing import NamedTuple

import numpy as np

from ann.alleles import DELETION, INSERTION, Alleles
from ann.fasta import MappedFasta
from ann.hgvs import reverse_complement
from ann.table import Bytes, Ints, Mask, Segments
from ann.texts import cells

MOST_BASES = 7
"""Beside the base before them, these fit into a word."""
LOOK = 32
"""Bases looked at on either side; what could be moved farther is left out."""


class Indels(NamedTuple):
    """Bases `starts` to `ends` of a contig (from 0, end excluded) that become `new`.

    `alleles` says whose each is; `sizes` are the numbers of bases that come or go; `new` is rows of
    bytes, whose first `sizes` bytes count where something comes.
    """

    alleles: Ints
    is_deletion: Mask
    starts: Ints
    ends: Ints
    sizes: Ints
    new: Bytes

    def picked(self, which: Ints | Mask) -> "Indels":
        """These of them, by numbers or by a mask, in that order."""
        return Indels(
            self.alleles[which],
            self.is_deletion[which],
            self.starts[which],
            self.ends[which],
            self.sizes[which],
            self.new[which],
        )

    def texts(self) -> list[str]:
        """The new bases of each, as text."""
        rows, width = self.new.tobytes().decode("ascii"), self.new.shape[1]
        ends = np.arange(len(self.sizes)) * width + np.where(self.is_deletion, 0, self.sizes)
        return [rows[n * width : end] for n, end in enumerate(ends.tolist())]


def indels_of(alleles: Alleles) -> Indels:
    """Those of the alleles that keep one base and gain or lose some behind it."""
    types = alleles.types
    sizes = np.maximum(alleles.refs.lengths, alleles.alts.lengths) - 1
    usual = alleles.is_described & (sizes <= MOST_BASES)
    which = np.flatnonzero(usual & ((types == DELETION) | (types == INSERTION)))
    is_deletion = types[which] == DELETION
    starts, sizes = alleles.pos[which], sizes[which]
    places = Segments(alleles.alts.starts[which] + 1, np.where(is_deletion, 0, sizes))
    new = cells(alleles.rows, places, 8)
    new &= np.where(new, np.uint8(0xDF), np.uint8(0))
    return Indels(which, is_deletion, starts, starts + np.where(is_deletion, sizes, 0), sizes, new)


def moved(indels: Indels, fasta: MappedFasta, contig: str, is_reverse: Mask) -> tuple[Indels, Mask]:
    """These as far 3' as they go, on the strand wanted; and those of which that is known."""
    steps = np.where(is_reverse, -1, 1)[:, None] * np.arange(LOOK)
    heads = np.where(is_reverse, indels.starts - 1, indels.ends)[:, None] + steps
    tails = np.where(is_reverse, indels.ends - 1, indels.starts)[:, None] + steps
    length = fasta.places[contig][0]
    is_inside = (indels.starts > LOOK * 2) & (indels.ends < length - LOOK * 2)
    ahead = fasta.at(contig, np.clip(heads, 0, length - 1))
    turn = np.arange(LOOK) % indels.sizes[:, None]
    turn = np.where(is_reverse[:, None], indels.sizes[:, None] - 1 - turn, turn)
    pattern = np.where(
        indels.is_deletion[:, None],
        fasta.at(contig, np.clip(tails, 0, length - 1)),
        np.take_along_axis(indels.new, turn, axis=1),
    )
    differs = ahead != pattern
    by = np.where(is_reverse, -1, 1) * differs.argmax(axis=1)
    places = (np.arange(indels.new.shape[1]) + by[:, None]) % indels.sizes[:, None]
    new = np.take_along_axis(indels.new, places, axis=1)
    found = indels._replace(starts=indels.starts + by, ends=indels.ends + by, new=new)
    return found, is_inside & differs.any(axis=1)


class Spans(NamedTuple):
    """The first and the last base that a name has (from 1), and what comes behind them."""

    firsts: Ints
    lasts: Ints
    words: list[str]


def spans(indels: Indels, fasta: MappedFasta, contig: str, is_reverse: Mask) -> Spans:
    """The names of what `moved` gave back, but for how bases are counted."""
    starts, sizes = indels.starts, indels.sizes
    copied = np.where(is_reverse, starts, starts - sizes)
    offsets = np.arange(indels.new.shape[1])
    before = fasta.at(contig, copied[:, None] + offsets)
    is_copy = ((before == indels.new) | (offsets >= sizes[:, None])).all(axis=1)
    is_dup = ~indels.is_deletion & is_copy
    is_whole = indels.is_deletion | is_dup
    firsts = np.where(is_dup, copied + 1, np.where(is_whole, starts + 1, starts))
    lasts = np.where(is_whole, firsts + sizes - 1, starts + 1)
    words = [
        "del" if deletion else "dup" if dup else f"ins{reverse_complement(new) if rev else new}"
        for deletion, dup, rev, new in zip(
            indels.is_deletion.tolist(),
            is_dup.tolist(),
            is_reverse.tolist(),
            indels.texts(),
            strict=True,
        )
    ]
    return Spans(firsts, lasts, words)


def names(firsts: Ints, lasts: Ints, words: list[str]) -> list[str]:
    """The names of these, first base first."""
    rows = zip(firsts.tolist(), lasts.tolist(), words, strict=True)
    return [f"{a}{word}" if a == b else f"{a}_{b}{word}" for a, b, word in rows]
