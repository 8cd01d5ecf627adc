"""Consequences that the alleles of several records have together.

csq tells such a one at one of the records, and refers to it from the others: @POS.
"""

from typing import NamedTuple

import numpy as np

from ann.alleles import Alleles
from ann.entries import ELSEWHERE, Entries, named_change
from ann.kinds import Kind, Kinds
from ann.table import Segments, TextArray


class Compound(NamedTuple):
    """A consequence; `bases` names the alleles that make it, `residues` says what they change."""

    kind: Kind
    residues: bytes
    bases: bytes


class Compounds:
    """The compound consequences by contig and position: of the last contig, and of a chunk's."""

    def __init__(self) -> None:
        self.contig = ""
        self.known: dict[str, dict[int, dict[Compound, None]]] = {}

    def resolved(self, entries: Entries, alleles: Alleles, kinds: Kinds) -> Entries:
        """The entries, with what another record tells in the place of a reference to it."""
        self._take(entries, alleles, kinds)
        is_elsewhere = np.array([word[:1] == ELSEWHERE for word in kinds.consequences], np.bool_)
        if not is_elsewhere.any():
            return entries
        left = is_elsewhere[kinds.parts()[0]][entries.kinds]
        found = [
            (int(entries.alleles[n]), int(entries.numbers[n]), compound)
            for n in np.flatnonzero(left).tolist()
            for compound in self._of(entries, n, alleles, kinds)
        ]
        return _joined(entries.picked(~left), found, alleles, kinds)

    def _take(self, entries: Entries, alleles: Alleles, kinds: Kinds) -> None:
        text = alleles.chunk.text
        self.known = {self.contig: self.known.get(self.contig, {})}
        for n in np.flatnonzero(entries.is_compound).tolist():
            allele = int(entries.alleles[n])
            self.contig = alleles.contig(allele)
            compound = Compound(
                kinds[entries.kinds[n]],
                value(text, entries.residues, n),
                value(text, entries.bases, n),
            )
            of_contig = self.known.setdefault(self.contig, {})
            of_contig.setdefault(int(alleles.pos[allele]), {})[compound] = None

    def _of(self, entries: Entries, n: int, alleles: Alleles, kinds: Kinds) -> list[Compound]:
        allele = int(entries.alleles[n])
        pos = kinds[entries.kinds[n]].consequence.removeprefix(ELSEWHERE)
        of_contig = self.known.get(alleles.contig(allele), {})
        there = of_contig.get(int(pos) if pos.isdecimal() else 0, {})
        own = named_change(alleles, allele)
        return [c for c in there if own in c.bases.upper().split(b"+")]


def value(text: TextArray, places: Segments, n: int) -> bytes:
    start = places.starts[n]
    return text.text[start : start + places.lengths[n]]


def _joined(
    entries: Entries, found: list[tuple[int, int, Compound]], alleles: Alleles, kinds: Kinds
) -> Entries:
    """Entries and compounds by allele; the compounds' texts are put behind csq's."""
    size = len(alleles.chunk.text.text)
    residues: list[tuple[int, int]] = []
    bases: list[tuple[int, int]] = []
    parts = []
    for _, _, compound in found:
        for text, places in ((compound.residues, residues), (compound.bases, bases)):
            places.append((size, len(text)))
            parts.append(text)
            size += len(text)
    alleles.chunk = alleles.chunk._replace(
        text=TextArray(b"".join([alleles.chunk.text.text, *parts]))
    )
    added = Entries(
        np.array([allele for allele, _, _ in found], np.int64),
        np.array([number for _, number, _ in found], np.int64),
        np.array([kinds.code(compound.kind) for _, _, compound in found], np.int64),
        Segments(*np.array(residues, np.int64).reshape(-1, 2).T),
        Segments(*np.array(bases, np.int64).reshape(-1, 2).T),
        np.ones(len(found), np.bool_),
    )
    return entries.with_more(added)
