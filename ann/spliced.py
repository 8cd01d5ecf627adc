"""Coding sequences one behind the other in one array, translated from every base on.

`ann.transcripts` reads one transcript at a time.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from ann.codons import BASES, CODON, NUMBERS, OTHER
from ann.described import Model
from ann.fasta import CAPITALS, MappedFasta
from ann.genetic_codes import CODONS, STOP, UNKNOWN, genetic_code
from ann.table import Bytes, Ints, Mask
from ann.transcripts import Span, behind_the_cds

RADIX = 5
"""A codon's number has one of five digits for each of its bases."""
PAD = bytes([OTHER]) * 256
"""Behind the last sequence, so that some residues may be looked at from its very end."""
STOP_LETTER, METHIONINE, UNKNOWN_LETTER = (np.uint8(ord(letter)) for letter in (STOP, "M", UNKNOWN))
FORWARD = CAPITALS.translate(NUMBERS.tobytes())
REVERSE = FORWARD.translate(bytes([*range(OTHER)][::-1]) + bytes([OTHER]) * (256 - OTHER))
"""The numbers of bases and of their complements, for each byte of a FASTA."""


class CodonTables(NamedTuple):
    """A genetic code by the numbers of codons: amino acids' letters, and which begin a protein."""

    letters: Bytes
    is_start: Mask


def codon_number(codon: str) -> int:
    one, two, three = (BASES.index(base) for base in codon)
    return (one * RADIX + two) * RADIX + three


@cache
def codon_tables(number: int) -> CodonTables:
    """The tables of NCBI's code of this number."""
    code = genetic_code(number)
    letters, is_start = bytearray(UNKNOWN.encode()) * 256, np.zeros(256, np.bool_)
    for codon in CODONS:
        letters[codon_number(codon)] = ord(code.amino[codon])
    is_start[[codon_number(codon) for codon in code.starts]] = True
    return CodonTables(np.frombuffer(bytes(letters), np.uint8), is_start)


class Spliced:
    """Coding sequences of one genetic code, each with what is transcribed behind it.

    `begins` are the first bases of the first whole codons, `coding_ends` and `ends` where the
    coding sequences and all that is transcribed end. `bases` are numbers; `codons` and `letters`
    are the number and the amino acid of the codon that begins at each base.
    """

    def __init__(self, models: Sequence[Model], fasta: MappedFasta) -> None:
        self.tables = codon_tables(models[0][2])
        texts = [text for model in models for text in _sequences(model, fasta)]
        lengths = np.array([len(text) for text in texts], np.int64).reshape(-1, 2)
        self.ends = np.cumsum(lengths.sum(axis=1))
        self.coding_ends = self.ends - lengths[:, 1]
        phases = np.array([model[3] for model in models], np.int64)
        self.begins = self.coding_ends - lengths[:, 0] + phases
        self.bases: Bytes = np.frombuffer(b"".join([*texts, PAD]), np.uint8)
        self.codons = codon_numbers(self.bases[:-2], self.bases[1:-1], self.bases[2:])
        letters = self.codons.tobytes().translate(self.tables.letters.tobytes())
        self.letters: Bytes = np.frombuffer(letters, np.uint8)
        self._index_stops()

    def _index_stops(self) -> None:
        """Note where stops are: by reading frame, then by codon."""
        is_stop = self.letters == STOP_LETTER
        self.frame_size = len(is_stop) // CODON + 1
        frames = [
            np.flatnonzero(is_stop[frame::CODON]) + frame * self.frame_size
            for frame in range(CODON)
        ]
        self.stops = np.concatenate([*frames, [CODON * self.frame_size]])

    def residues(self, transcripts: Ints, numbers: Ints) -> Bytes:
        """The letters of the reference's amino acids, counted from 0; 0 where there is none.

        What begins a protein is methionine, whatever the codon stands for elsewhere.
        """
        places = self.begins[transcripts] + CODON * numbers
        is_there = (numbers >= 0) & (places + CODON <= self.coding_ends[transcripts])
        places = np.where(is_there, places, 0)
        is_start = (numbers == 0) & self.tables.is_start[self.codons[places]]
        letters = np.where(is_start, METHIONINE, self.letters[places])
        return np.where(is_there, letters, np.uint8(0))

    def next_stops(self, places: Ints, ends: Ints) -> Ints:
        """The first stop from each place on in its own frame, whole before its end; -1: none."""
        codons, frames = np.divmod(places, CODON)
        found = self.stops[np.searchsorted(self.stops, codons + frames * self.frame_size)]
        found = (found - frames * self.frame_size) * CODON + frames
        return np.where(found + CODON <= ends, found, -1)


def codon_numbers(first: Bytes, second: Bytes, third: Bytes) -> Bytes:
    """The numbers of codons of these bases."""
    radix = np.uint8(RADIX)
    found: Bytes = (first * radix + second) * radix + third
    return found


def _sequences(model: Model, fasta: MappedFasta) -> tuple[bytes, bytes]:
    """The coding sequence, and what the exons hold behind it, as numbers of bases."""
    contig, strand, _, _, exons, cds = model
    is_forward, parts = strand != "-", [(start, stop) for start, stop, _ in cds]
    tail = behind_the_cds(is_forward, exons, parts)

    def spliced(spans: Iterable[Span]) -> bytes:
        table = FORWARD if is_forward else REVERSE
        text = b"".join(fasta.text(contig, start - 1, stop, table) for start, stop in spans)
        return text if is_forward else text[::-1]

    return spliced(parts), spliced(tail)
