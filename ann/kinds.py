"""The kinds of BCSQ's entries: what many of them have in common, each with a code."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

import numpy as np

from ann.consequences import (
    NON_CODING,
    NON_CODING_EXON,
    START_LOST,
    STOP_LOST,
    Meaning,
    meaning,
)
from ann.table import Ints, Segments, TextArray, digests

LOCI_HELD = 4096
MOST_LOCI = 1 << 32
"""Of a chunk: codes of two kinds are made one number."""
Part = TypeVar("Part")
meaning_of = lru_cache(4096)(meaning)


class Kind(NamedTuple):
    """The common part of entries: all but the bases; the fields that an entry lacks are None."""

    consequence: str
    gene: str | None = None
    transcript: str | None = None
    biotype: str | None = None
    strand: str | None = None

    @property
    def meaning(self) -> Meaning:
        return meaning_of(self.consequence)

    @property
    def locus(self) -> "Locus":
        return Locus(*self[1:])

    def in_exon(self) -> "Kind":
        """The same where it is known to be in an RNA gene's exon."""
        is_rna = self.consequence == NON_CODING
        return self._replace(consequence=NON_CODING_EXON) if is_rna else self


def is_at_an_end(consequence: str) -> bool:
    """Tell if the first or the last codon changes, which has to be read anew."""
    return START_LOST in consequence or STOP_LOST in consequence


def of_rna(gene: str, biotype: str) -> Kind:
    """The kind of an entry for a base of an RNA gene's exon."""
    return Kind(NON_CODING_EXON, gene, None, biotype)


class Locus(NamedTuple):
    """The transcript or gene of an entry; the fields that an entry lacks are None."""

    gene: str | None = None
    transcript: str | None = None
    biotype: str | None = None
    strand: str | None = None


class Kinds:
    """The kinds of entries in a chunk, each with a code: a consequence of a locus."""

    def __init__(self) -> None:
        self.consequences: list[str] = []
        self.loci: list[Locus] = []
        self._consequences: dict[str, int] = {}
        self._loci: dict[Locus, int] = {}
        self._pairs: list[int] = []
        self._codes: dict[int, int] = {}

    def __getitem__(self, code: int) -> Kind:
        consequence, locus = divmod(self._pairs[code], MOST_LOCI)
        return Kind(self.consequences[consequence], *self.loci[locus])

    def code(self, kind: Kind) -> int:
        pair = self._consequence(kind.consequence) * MOST_LOCI + self._locus(kind.locus)
        return self._coded([pair])[0]

    def _consequence(self, word: str) -> int:
        return _code_in(self._consequences, self.consequences, word)

    def _locus(self, locus: Locus) -> int:
        return _code_in(self._loci, self.loci, locus)

    def _coded(self, pairs: list[int]) -> list[int]:
        new = [pair for pair in pairs if pair not in self._codes]
        first = len(self._pairs)
        self._codes.update(zip(new, range(first, first + len(new)), strict=True))
        self._pairs += new
        return [self._codes[pair] for pair in pairs]

    def parts(self) -> tuple[Ints, Ints]:
        """The codes of each kind's consequence and locus."""
        consequences, loci = np.divmod(np.array(self._pairs, np.int64), MOST_LOCI)
        return consequences, loci

    def meanings(self) -> list[Meaning]:
        """The meaning of each of the consequences."""
        return [meaning_of(consequence) for consequence in self.consequences]

    def of_texts(self, text: TextArray, consequences: Segments, loci: Segments) -> Ints:
        """The codes of entries by their first field and the four behind it."""
        words, of_words = _parsed(text, consequences, bytes.decode)
        things, of_things = _parsed(text, loci, locus_of)
        word_codes = np.array([self._consequence(word) for word in words], np.int64)
        thing_codes = np.array([self._locus(thing) for thing in things], np.int64)
        pairs = word_codes[of_words] * MOST_LOCI + thing_codes[of_things]
        each, which = np.unique(pairs, return_inverse=True)
        found: Ints = np.array(self._coded(each.tolist()), np.int64)[which]
        return found


def _code_in(codes: dict[Part, int], parts: list[Part], part: Part) -> int:
    code = codes.setdefault(part, len(parts))
    if code == len(parts):
        parts.append(part)
    return code


def _parsed(
    text: TextArray, places: Segments, parse: Callable[[bytes], Part]
) -> tuple[list[Part], Ints]:
    """The parts that these texts make, each once, and which of them each text has."""
    _, firsts, which = np.unique(digests(text, places), return_index=True, return_inverse=True)
    bounds = zip(places.starts[firsts].tolist(), places.lengths[firsts].tolist(), strict=True)
    return [parse(text.text[start : start + length]) for start, length in bounds], which


@lru_cache(LOCI_HELD)
def locus_of(text: bytes) -> Locus:
    """The locus that an entry's fields behind the consequence make."""
    gene, transcript, *rest = (
        [*text.decode().split("|"), None, None, None][:4] if text else [None] * 4
    )
    return Locus(unquote(gene) if gene else gene, transcript or None, *rest)
