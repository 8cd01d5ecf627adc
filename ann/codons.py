"""The codons that substitutions change, as VEP writes them (Codons): aTg/aCg.

https://www.ensembl.org/info/docs/tools/vep/vep_formats.html#output. The bases are the transcript's,
those of the variant in capitals.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from ann.checked import Runs
from ann.fasta import MappedFasta
from ann.models import NearbyModels
from ann.naming import CodingBases
from ann.table import Ints, Mask

CODON = 3
BASES = "ACGT"
TRIPLES = len(BASES) ** CODON
OTHER = len(BASES)
NUMBERS = np.full(256, OTHER, np.uint8)
"""Bases by number, so that 3 less a number is the complement's; OTHER is what is none of them."""
NUMBERS[list(BASES.encode())] = range(len(BASES))
TELLING = np.full(256, TRIPLES, np.uint8)
"""The same, in either case of letters; with what is no base no codon has a number below TRIPLES."""
TELLING[list(BASES.encode() + BASES.lower().encode())] = [*range(len(BASES))] * 2
HIGH, MID = 16, 4
PLACES = np.array([HIGH, MID, 1])
"""The weights of a codon's bases in the number of the codon."""
MOST_PARTS_AWAY = 2
"""A codon's bases lie in as many parts of a CDS beside that of one of them, at the most."""
DENSE = 64
"""Bases of a stretch for each codon in it, up to which all of the stretch is read."""
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
    found = np.zeros(len(bases.parts), np.int64)
    numbers, parts = bases.changes.numbers[rows], bases.parts[rows]
    within = (numbers - 1) % CODON
    is_reverse = models.is_reverse[bases.transcripts[rows]]
    lows = bases.pos[rows] - np.where(is_reverse, CODON - 1 - within, within)
    is_whole = models.holds(parts, lows, lows + CODON - 1)
    old = np.full(len(rows), TRIPLES)
    codes = contigs.codes[rows]
    for code in np.unique(codes).tolist():
        contig, own = contigs.texts[code], codes == code
        whole, split = own & is_whole, np.flatnonzero(own & ~is_whole)
        old[whole] = _whole(lows[whole], is_reverse[whole], contig, fasta)
        firsts = (numbers - within)[split]
        places = _places(parts[split], firsts[:, None] + np.arange(CODON), models)
        old[split] = _of_bases(places, is_reverse[split], contig, fasta)
    new = NUMBERS[bases.changes.new[rows]].astype(np.int64)
    is_known = (old >= 0) & (old < TRIPLES) & (new < len(BASES))
    found[rows] = np.where(is_known, (old * CODON + within) * len(BASES) + new + 1, 0)
    return Codons(found, WORDS)


def _whole(lows: Ints, is_reverse: Mask, contig: str, fasta: MappedFasta) -> Ints:
    """The numbers of codons that lie in one piece from these places on."""
    if not len(lows):
        return lows
    first, last = int(lows.min()), int(lows.max()) + CODON - 1
    if last - first > DENSE * len(lows):
        forward = np.where(is_reverse, CODON - 1, 0)[:, None]
        places = lows[:, None] + np.abs(forward - np.arange(CODON))
        return _of_bases(places, is_reverse, contig, fasta)
    text = fasta.text(contig, first - 1, last, TELLING.tobytes())
    one = np.frombuffer(text, np.uint8).astype(np.int16)
    before, amid, behind = one[:-2], one[1:-1], one[2:]
    at = lows - first
    ahead = before * HIGH + amid * MID + behind
    back = TRIPLES - 1 - (before + amid * MID + behind * HIGH)
    found: Ints = np.where(is_reverse, back[at], ahead[at])
    return found


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


def _of_bases(places: Ints, is_reverse: Mask, contig: str, fasta: MappedFasta) -> Ints:
    """The numbers of codons whose bases are at these places, in the transcript's direction."""
    numbers = TELLING[fasta.at(contig, np.maximum(places, 1) - 1)]
    codons = np.where(places > 0, numbers, TRIPLES) @ PLACES
    found: Ints = np.where(is_reverse, TRIPLES - 1 - codons, codons)
    return found
