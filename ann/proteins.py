"""The proteins that many small changes of coding sequences predict, all at once.

The rules are those of `ann.protein`, to which is left what a window of residues does not show.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ann.codons import CODON
from ann.in_frame import DELETION_INSERTION, MOST, SUBSTITUTION, Replaced, residue_changes
from ann.spliced import METHIONINE, STOP_LETTER, UNKNOWN_LETTER, Spliced, codon_numbers
from ann.table import Bytes, Ints, Mask, along

FIRST_WINDOW, WINDOW = 4, 32
"""Residues that are looked at, from the first codon that changes on, at first and then."""
HEAD = 3
"""The first of them that the new bases may be part of."""
UNPREDICTABLE, START_LOST, SAME, EXTENSION, FRAMESHIFT = range(5, 10)
"""Beside the kinds of `ann.in_frame`."""


class CodingChanges(NamedTuple):
    """Bases `starts` to `ends` of coding sequences become the first `sizes` of `new`.

    Bases count from 0, the A of the first whole codon; `transcripts` are numbers in a `Spliced`.
    Seven bases go or come at the most; `new` are rows of eight, by their numbers.
    """

    transcripts: Ints
    starts: Ints
    ends: Ints
    sizes: Ints
    new: Bytes

    def picked(self, which: Ints) -> "CodingChanges":
        transcripts, starts, ends, sizes, new = self
        return CodingChanges(
            transcripts[which], starts[which], ends[which], sizes[which], new[which]
        )


class ProteinChanges(NamedTuple):
    """The names of changes, in parts: residues are letters, 0 for none; numbers count from 1.

    `kinds` say what becomes of the residues from `first` to `last`; `stops` counts residues up to
    the new stop, 0 where none is in sight. Where not `is_known` the rest means nothing.
    """

    is_known: Mask
    kinds: Ints
    first: Bytes
    first_numbers: Ints
    last: Bytes
    last_numbers: Ints
    new: Bytes
    stops: Ints

    def put(self, which: Ints, other: "ProteinChanges") -> None:
        """Put others in the place of these."""
        columns: list[tuple[NDArray[Any], NDArray[Any]]] = list(zip(self, other, strict=True))
        for column, values in columns:
            column[which] = values


def predicted(changes: CodingChanges, spliced: Spliced) -> ProteinChanges:
    """Compare the proteins before and after each of these changes."""
    found = _predicted(changes, spliced, FIRST_WINDOW)
    left = np.flatnonzero(~found.is_known)
    if len(left):
        found.put(left, _predicted(changes.picked(left), spliced, WINDOW))
    return found


def _predicted(changes: CodingChanges, spliced: Spliced, window: int) -> ProteinChanges:
    two = _TwoProteins(changes, spliced, window)
    kinds, is_known = two.kinds(), two.are_known()
    is_whole = (kinds == SAME) | (kinds == START_LOST)
    starts = two.first + np.where(is_whole, 0, two.at)
    sizes, stops = np.ones_like(starts), np.zeros_like(starts)
    new = np.zeros((len(kinds), MOST), np.uint8)
    new[:, 0] = two.new_one
    shifts = np.flatnonzero((kinds == FRAMESHIFT) | (kinds == EXTENSION))
    stops[shifts] = two.stops(shifts)
    stops += (kinds == FRAMESHIFT) & (stops > 0)
    in_frame = np.flatnonzero(kinds == DELETION_INSERTION)
    found = residue_changes(two.replaced(in_frame), spliced, window)
    is_known[in_frame] &= found.is_known
    kinds[in_frame], starts[in_frame], sizes[in_frame] = found.kinds, found.starts, found.sizes
    new[in_frame] = found.new
    first, last = (
        spliced.residues(changes.transcripts, numbers) for numbers in (starts, starts + sizes - 1)
    )
    first, last = (np.where(letters == 0, UNKNOWN_LETTER, letters) for letters in (first, last))
    first[kinds == START_LOST] = METHIONINE
    return ProteinChanges(is_known, kinds, first, starts + 1, last, starts + sizes, new, stops)


class _TwoProteins:
    """The proteins before and after each change, from the first codon that it touches.

    `at` is the residue, counted from there, where they differ first or end alike.
    """

    def __init__(self, changes: CodingChanges, spliced: Spliced, size: int) -> None:
        transcripts, starts, ends, sizes, _ = changes
        self.changes, self.spliced = changes, spliced
        self.first = starts // CODON
        self.origin = spliced.begins[transcripts] + CODON * self.first
        self.grown = sizes - (ends - starts)
        self.n_new_bases = spliced.ends[transcripts] - self.origin + self.grown
        is_within = (ends > starts) | (starts % CODON > 0)
        self.touched = np.where(is_within, -(-ends // CODON) - self.first, 0)
        self.head = self._head()
        codons = self.head[:, 0]
        self.is_lost = (codons != spliced.codons[self.origin]) & ~spliced.tables.is_start[codons]
        self.is_lost &= self.first == 0
        window = np.arange(size)
        self.old = spliced.residues(transcripts[:, None], self.first[:, None] + window)
        self.new = self._new(window)
        is_end = (self.old == STOP_LETTER) | (self.old == 0)
        self.is_seen = (self.old != self.new) | is_end
        self.at = self.is_seen.argmax(axis=1)
        rows = np.arange(len(starts))
        self.old_one, self.new_one = self.old[rows, self.at], self.new[rows, self.at]

    def _head(self) -> Bytes:
        """The numbers of the first codons, as they become."""
        _, starts, _, sizes, new = self.changes
        columns = np.arange(CODON * HEAD)
        come = columns - (starts - CODON * self.first)[:, None]
        kept = np.where(come < 0, columns, columns - self.grown[:, None])
        bases = np.where(
            (come >= 0) & (come < sizes[:, None]),
            along(new, np.minimum(np.maximum(come, 0), new.shape[1] - 1)),
            self.spliced.bases[self.origin[:, None] + kept],
        )
        return codon_numbers(*(bases[:, n::CODON] for n in range(CODON)))

    def _new(self, window: Ints) -> Bytes:
        """The residues as they become; 0 behind the last whole codon."""
        places = self.origin[:, None] + CODON * window - self.grown[:, None]
        letters: Bytes = self.spliced.letters[places]
        letters[:, :HEAD] = self.spliced.tables.letters[self.head]
        letters[CODON * (window + 1) > self.n_new_bases[:, None]] = 0
        letters[self.first == 0, 0] = METHIONINE
        return letters

    def kinds(self) -> Ints:
        """The kind of each, the last that fits; DELETION_INSERTION for all that is in frame."""
        old, new = self.old_one, self.new_one
        touched = np.arange(HEAD) < self.touched[:, None]
        takes_stop = ((self.old[:, :HEAD] == STOP_LETTER) & touched).any(axis=1)
        kinds = np.full(len(old), DELETION_INSERTION)
        for which, kind in (
            ((self.grown % CODON != 0) | takes_stop, FRAMESHIFT),
            (new == STOP_LETTER, SUBSTITUTION),
            (old == STOP_LETTER, EXTENSION),
            ((old == 0) | (new == 0), UNPREDICTABLE),
            (old == new, SAME),
            (self.is_lost, START_LOST),
        ):
            kinds[which] = kind
        return kinds

    def are_known(self) -> Mask:
        """Tell which end within the window, and begin with bases that are known."""
        letters = self.spliced.tables.letters
        is_odd = (self.old[:, 0] == 0) | (self.n_new_bases < CODON)
        is_odd |= self.spliced.letters[self.origin] == UNKNOWN_LETTER
        is_odd |= letters[self.head[:, 0]] == UNKNOWN_LETTER
        found: Mask = (self.is_seen.any(axis=1) | self.is_lost) & ~(is_odd & (self.first == 0))
        return found

    def stops(self, which: Ints) -> Ints:
        """The number of residues from `at` to the new stop; 0 where none is in sight."""
        at, grown, origin = self.at[which], self.grown[which], self.origin[which]
        ends = self.spliced.ends[self.changes.transcripts[which]]
        places = origin + CODON * np.maximum(at + 1, HEAD) - grown
        found = self.spliced.next_stops(places, ends)
        counts = np.where(found < 0, 0, (found + grown - origin) // CODON - at)
        is_near = (self.new[which, :HEAD] == STOP_LETTER) & (np.arange(HEAD) > at[:, None])
        return np.where(is_near.any(axis=1), is_near.argmax(axis=1) - at, counts)

    def replaced(self, which: Ints) -> Replaced:
        """The residues that the touched codons stood for, and those that they become."""
        touched = self.touched[which]
        return Replaced(
            self.changes.transcripts[which],
            self.first[which],
            self.old[which, :HEAD],
            touched,
            self.new[which, :HEAD],
            touched + self.grown[which] // CODON,
        )
