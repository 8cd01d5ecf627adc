"""Insertions and deletions of a few bases, moved 3' and named all at once.

`ann.hgvs` does the same for one change at a time, whatever it is.
"""

from typing import NamedTuple

import numpy as np

from ann.alleles import DELETION, INSERTION, Alleles
from ann.fasta import MappedFasta
from ann.naming import COMPLEMENT
from ann.table import Bytes, Ints, Mask, Segments, along
from ann.texts import Objects, cells, compacted, digits, marks, padded, side_by_side, some_digits

MOST_BASES = 7
"""Beside the base before them, these fit into a word."""
FIRST_LOOK, LOOK = 8, 32
"""Bases looked at on either side, at first and then; what could be moved farther is left out."""
WORDS = padded([b"del", b"dup", b"ins"])
DEL, DUP, INS = range(3)


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


def moved(
    indels: Indels, fasta: MappedFasta, contig: str, is_reverse: Mask, look: int = FIRST_LOOK
) -> tuple[Indels, Mask]:
    """These as far 3' as they go, on the strand wanted; and those of which that is known."""
    by, is_known = _steps(indels, fasta, contig, is_reverse, look)
    places = (np.arange(indels.new.shape[1]) + by[:, None]) % indels.sizes[:, None]
    new = along(indels.new, places)
    found = indels._replace(starts=indels.starts + by, ends=indels.ends + by, new=new)
    return found, is_known


def _steps(
    indels: Indels, fasta: MappedFasta, contig: str, is_reverse: Mask, look: int
) -> tuple[Ints, Mask]:
    """The bases that each is to be moved by, to the right; whether so many as are looked at do."""
    steps = np.where(is_reverse, -1, 1)[:, None] * np.arange(look)
    heads = np.where(is_reverse, indels.starts - 1, indels.ends)[:, None] + steps
    tails = np.where(is_reverse, indels.ends - 1, indels.starts)[:, None] + steps
    length = fasta.places[contig][0]
    ahead = fasta.at(contig, np.minimum(np.maximum(heads, 0), length - 1))
    turn = np.arange(look) % indels.sizes[:, None]
    turn = np.where(is_reverse[:, None], indels.sizes[:, None] - 1 - turn, turn)
    pattern = np.where(
        indels.is_deletion[:, None],
        fasta.at(contig, np.minimum(np.maximum(tails, 0), length - 1)),
        along(indels.new, turn),
    )
    differs = ahead != pattern
    by, is_known = differs.argmax(axis=1), differs.any(axis=1)
    is_known &= (indels.starts > LOOK * 2) & (indels.ends < length - LOOK * 2)
    by = np.where(is_reverse, -by, by)
    left = np.flatnonzero(~is_known)
    if look < LOOK and len(left):
        found = _steps(indels.picked(left), fasta, contig, is_reverse[left], LOOK)
        by[left], is_known[left] = found
    return by, is_known


class Spans(NamedTuple):
    """The first and the last base that a name has (from 1), and what comes behind them.

    `words` are rows of bytes, with zeros for blanks.
    """

    firsts: Ints
    lasts: Ints
    words: Bytes


def spans(indels: Indels, fasta: MappedFasta, contig: str, is_reverse: Mask) -> Spans:
    """The names of what `moved` gave back, but for how bases are counted."""
    starts, sizes = indels.starts, indels.sizes
    copied = np.where(is_reverse, starts, starts - sizes)
    offsets = np.arange(indels.new.shape[1])
    before = fasta.at(contig, copied[:, None] + offsets)
    is_there = sizes[:, None] > offsets
    is_dup = ~indels.is_deletion & ((before == indels.new) | ~is_there).all(axis=1)
    is_whole = indels.is_deletion | is_dup
    firsts = np.where(is_dup, copied + 1, np.where(is_whole, starts + 1, starts))
    lasts = np.where(is_whole, firsts + sizes - 1, starts + 1)
    new = np.where(is_there & ~is_whole[:, None], in_direction(indels, is_reverse), np.uint8(0))
    words = WORDS[np.where(indels.is_deletion, DEL, np.where(is_dup, DUP, INS))]
    return Spans(firsts, lasts, np.concatenate([words, new], axis=1))


def in_direction(indels: Indels, is_reverse: Mask) -> Bytes:
    """The new bases as each strand has them; behind the first `sizes` of a row is anything."""
    offsets, sizes = np.arange(indels.new.shape[1]), indels.sizes[:, None]
    turned = COMPLEMENT[along(indels.new, (sizes - 1 - offsets) % sizes)]
    return np.where(is_reverse[:, None], turned, indels.new)


def names(prefix: bytes, spans: Spans) -> Objects:
    """The names of these behind a prefix, the first base first."""
    is_span = spans.lasts > spans.firsts
    columns = [
        np.frombuffer(prefix, np.uint8).reshape(1, -1),
        digits(spans.firsts),
        marks(is_span, b"_"),
        some_digits(spans.lasts, is_span),
        spans.words,
    ]
    return compacted(side_by_side(len(is_span), columns)).apart()
