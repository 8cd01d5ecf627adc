"""The codons that substitutions change, as VEP writes them (Codons): aTg/aCg.

https://www.ensembl.org/info/docs/tools/vep/vep_formats.html#output. The bases are the transcript's,
those of the variant in capitals.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from ann.alleles import Runs
from ann.fasta import MappedFasta
from ann.models import NearbyModels
from ann.naming import CodingBases
from ann.table import Bytes, Ints

CODON = 3
BASES = "ACGT"
OTHER = len(BASES)
NUMBERS = np.full(256, OTHER, np.uint8)
"""Bases by number, so that 3 less a number is the complement's; OTHER is what is none of them."""
NUMBERS[list(BASES.encode())] = range(len(BASES))
PLACES = np.array([16, 4, 1])
"""The weights of a codon's bases in the number of the codon."""
MOST_PARTS_AWAY = 2
"""A codon's bases lie in as many parts of a CDS beside that of one of them, at the most."""
WORDS = [
    "",
    *(
        f"{old[:n]}{old[n].upper()}{old[n + 1 :]}/{old[:n]}{new}{old[n + 1 :]}"
        for old in map("".join, product(BASES.lower(), repeat=CODON))
        for n in range(CODON)
        for new in BASES
    ),
]
"""The words for every change of one base; the first are those of entries that have no codon."""


class Codons(NamedTuple):
    """Which of the `words` each entry has; the first word is that of entries without a codon."""

    codes: Ints
    words: list[str]

    def with_read(self, entries: Ints, words: Sequence[str]) -> "Codons":
        """The same, but for these entries, which have words of their own, or none."""
        more = dict.fromkeys(filter(None, words))
        numbers = {word: n for n, word in enumerate(more, len(self.words))}
        codes = self.codes.copy()
        codes[entries] = [numbers.get(word, 0) for word in words]
        return Codons(codes, [*self.words, *more])


def codons_of(
    bases: CodingBases, contigs: Runs, models: NearbyModels, fasta: MappedFasta
) -> Codons:
    """The codons of single bases that change; `contigs` has the contig of each."""
    rows = np.flatnonzero(bases.changes.which)
    within = (bases.changes.numbers[rows] - 1) % CODON
    firsts = bases.changes.numbers[rows] - within
    places = _places(bases.parts[rows], firsts[:, None] + np.arange(CODON), models)
    is_reverse = models.is_reverse[bases.transcripts[rows]]
    old = _bases(places, Runs(contigs.texts, contigs.codes[rows]), fasta)
    old = np.where(is_reverse[:, None], OTHER - 1 - old, old)
    new = NUMBERS[bases.changes.new[rows]]
    is_known = (old < OTHER).all(axis=1) & (new < OTHER)
    codes = ((old @ PLACES) * CODON + within) * OTHER + new + 1
    found = np.zeros(len(bases.parts), np.int64)
    found[rows] = np.where(is_known, codes, 0)
    return Codons(found, WORDS)


def _places(parts: Ints, numbers: Ints, models: NearbyModels) -> Ints:
    """The places on the contig of the bases with these numbers, a row for each of the `parts`.

    A base may lie in a part beside; 0 stands for one that the transcript does not have.
    """
    places = models.places(parts[:, None], numbers)
    split = np.flatnonzero((places == 0).any(axis=1))
    for away in (n for n in range(-MOST_PARTS_AWAY, MOST_PARTS_AWAY + 1) if n and len(split)):
        others, is_same = models.parts_beside(parts[split], away)
        found = models.places(others[:, None], numbers[split]) * is_same[:, None]
        places[split] = np.maximum(places[split], found)
    return places


def _bases(places: Ints, contigs: Runs, fasta: MappedFasta) -> Bytes:
    """The numbers of the bases at these places, a row for each of the contigs' codes."""
    found = np.full(places.shape, OTHER, np.uint8)
    for code in np.unique(contigs.codes).tolist():
        rows = contigs.codes == code
        bases = fasta.at(contigs.texts[code], np.maximum(places[rows], 1) - 1)
        found[rows] = np.where(places[rows] > 0, NUMBERS[bases], OTHER)
    return found
