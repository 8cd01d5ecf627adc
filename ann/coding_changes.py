"""Small changes within one part of a coding sequence, many at once: their names, the proteins."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ann.codons import NUMBERS
from ann.described import Model
from ann.fasta import MappedFasta
from ann.indels import Indels, Spans, in_direction, moved, names, spans
from ann.models import NearbyModels
from ann.naming import COMPLEMENT
from ann.protein_texts import protein_texts
from ann.proteins import START_LOST, UNPREDICTABLE, CodingChanges, predicted
from ann.spliced import Spliced
from ann.table import Bytes, Ints, Mask
from ann.texts import Objects, objects

MOST_BASES = 1 << 19
"""Coding sequences are read for so many bases at a time, each whole."""
NEW_BASES = 8
"""The width of their rows in CodingChanges."""
C_DOT = b"c."


class Located(NamedTuple):
    """Changes of coding sequences: the entries that they are of, and their names.

    The transcripts in `changes` are the models' numbers.
    """

    entries: Ints
    names: Objects
    changes: CodingChanges

    @classmethod
    def joined(cls, parts: Sequence["Located"]) -> "Located":
        """The changes of these parts in the order of their entries."""
        entries, names = (np.concatenate([part[n] for part in parts]) for n in range(2))
        changes = zip(*(part.changes for part in parts), strict=True)
        order = np.argsort(entries)
        columns = (np.concatenate(column)[order] for column in changes)
        return cls(entries[order], names[order], CodingChanges(*columns))


class Proteins(NamedTuple):
    """The proteins that changes predict, where they are known; which have their start for sure."""

    is_known: Mask
    names: Objects
    has_start: Mask


class SmallChanges:
    """Looks at the coding sequences of one reference."""

    def __init__(self, models: NearbyModels, fasta: MappedFasta) -> None:
        self.models, self.fasta = models, fasta

    def of_indels(self, indels: Indels, contig: str, transcripts: Ints) -> Located:
        """Those of a contig's indels within a part of a CDS; their `alleles` are entries here."""
        is_reverse = self.models.is_reverse[transcripts]
        there, is_known = moved(indels, self.fasta, contig, is_reverse)
        places = spans(there, self.fasta, contig, is_reverse)
        one, _ = self.models.coding_numbers(transcripts, places.firsts)
        other, _ = self.models.coding_numbers(transcripts, places.lasts)
        begins, ends, is_within = self._coding(there, transcripts)
        which = np.flatnonzero(is_known & is_within & (one > 0) & (other > 0))
        firsts, lasts = np.minimum(one, other), np.maximum(one, other)
        changes = CodingChanges(
            transcripts[which],
            begins[which],
            ends[which],
            np.where(there.is_deletion, 0, there.sizes)[which],
            NUMBERS[in_direction(there, is_reverse)[which]],
        )
        named = names(C_DOT, Spans(firsts[which], lasts[which], places.words[which]))
        return Located(there.alleles[which], named, changes)

    def _coding(self, indels: Indels, transcripts: Ints) -> tuple[Ints, Ints, Mask]:
        """The bases of the coding sequence that change, from 0; whether one part holds them."""
        is_deletion = indels.is_deletion
        firsts = np.where(is_deletion, indels.starts + 1, indels.starts)
        lasts = np.where(is_deletion, indels.ends, indels.starts + 1)
        one, part = self.models.coding_numbers(transcripts, firsts)
        other, other_part = self.models.coding_numbers(transcripts, lasts)
        begins = np.minimum(one, other) - np.where(is_deletion, 1, 0)
        ends = np.where(is_deletion, np.maximum(one, other), begins)
        return begins, ends, (part >= 0) & (part == other_part) & (np.minimum(one, other) > 0)

    def of_bases(self, entries: Ints, pos: Ints, alts: Bytes, transcripts: Ints) -> Located:
        """Those of some single bases that lie in a CDS; `ann.naming` has their names."""
        numbers, _ = self.models.coding_numbers(transcripts, pos)
        which = np.flatnonzero(numbers > 0)
        transcripts, numbers, alts = transcripts[which], numbers[which], alts[which]
        new = np.zeros((len(which), NEW_BASES), np.uint8)
        new[:, 0] = NUMBERS[np.where(self.models.is_reverse[transcripts], COMPLEMENT[alts], alts)]
        ones = np.ones_like(numbers)
        changes = CodingChanges(transcripts, numbers - 1, numbers, ones, new)
        return Located(entries[which], objects([b""] * len(which)), changes)

    def proteins(self, changes: CodingChanges) -> Proteins:
        """Predict what these make of the proteins, for some transcripts at a time."""
        numbers, rows = np.unique(changes.transcripts, return_inverse=True)
        listed = list(self.models.coding.values())
        models = [listed[number] for number in numbers.tolist()]
        is_known, has_start = (np.zeros(len(rows), np.bool_) for _ in range(2))
        names = objects([b""] * len(rows))
        for batch in _batches(models):
            which = np.flatnonzero((rows >= batch.start) & (rows < batch.stop))
            spliced = Spliced(models[batch.start : batch.stop], self.fasta)
            part = changes.picked(which)._replace(transcripts=rows[which] - batch.start)
            found = predicted(part, spliced)
            is_known[which], names[which] = found.is_known, protein_texts(found)
            has_start[which] = (found.kinds != START_LOST) & (found.kinds != UNPREDICTABLE)
        return Proteins(is_known, names, has_start)


def _batches(models: list[Model]) -> Iterator[range]:
    """Runs of models of one genetic code, with not many more than MOST_BASES bases."""
    first, bases = 0, 0
    for n, model in enumerate(models):
        size = sum(stop - start + 1 for start, stop in model[4])
        if n > first and (bases + size > MOST_BASES or model[2] != models[first][2]):
            yield range(first, n)
            first, bases = n, 0
        bases += size
    if models:
        yield range(first, len(models))
