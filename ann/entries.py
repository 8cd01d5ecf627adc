"""The entries of BCSQ as arrays: a row for each consequence of each allele."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ann.alleles import Alleles
from ann.chunks import LED
from ann.consequences import NON_CODING_EXON, SEVERITY
from ann.kinds import Kinds
from ann.table import Ints, Mask, Segments, TextArray

BOUNDARY = re.compile(
    (
        ",(?=@|[*]?(?:"
        + "|".join(w for w in SEVERITY if w != NON_CODING_EXON)
        + ")(?:[&][A-Za-z0-9_&]+)?[|])"
    ).encode()
)
"""Entries of BCSQ are parted by commas that a consequence or a reference (@) follows: gene names
may hold commas of their own (yeast's DUR1,2)."""
MARK, PIPE = 1, ord("|")
KIND_FIELDS, RESIDUES, DNA = 5, 5, 6
COMPOUND = re.compile(rb"[+][0-9]")
"""In the changed bases of several records; a strand's + has no number behind it."""
ELSEWHERE = "@"
"""The beginning of an entry that stands at another record."""
ADDED = 1_000_000
"""The number of an entry that csq does not have."""


class Entries(NamedTuple):
    """Entries by allele; `numbers` count within the record, from 1.

    `residues` and `bases` are places in csq's text, without length where an entry has none;
    `is_compound` says that the alleles of several records make the change together.
    """

    alleles: Ints
    numbers: Ints
    kinds: Ints
    residues: Segments
    bases: Segments
    is_compound: Mask

    def picked(self, which: Ints | Mask) -> "Entries":
        """These of the entries, by numbers or by a mask, in that order."""
        residues, bases = (
            Segments(s.starts[which], s.lengths[which]) for s in (self.residues, self.bases)
        )
        return Entries(
            self.alleles[which],
            self.numbers[which],
            self.kinds[which],
            residues,
            bases,
            self.is_compound[which],
        )

    @classmethod
    def added(cls, alleles: Ints, kinds: Ints) -> "Entries":
        """Entries that csq does not have; they name no bases."""
        nothing = Segments(np.zeros_like(alleles), np.zeros_like(alleles))
        numbers = np.full(len(alleles), ADDED)
        return cls(alleles, numbers, kinds, nothing, nothing, np.zeros(len(alleles), np.bool_))

    def with_more(self, other: "Entries") -> "Entries":
        """Both, by allele and number."""
        residues, bases = (
            Segments(np.append(a.starts, b.starts), np.append(a.lengths, b.lengths))
            for a, b in ((self.residues, other.residues), (self.bases, other.bases))
        )
        all_of = Entries(
            np.append(self.alleles, other.alleles),
            np.append(self.numbers, other.numbers),
            np.append(self.kinds, other.kinds),
            residues,
            bases,
            np.append(self.is_compound, other.is_compound),
        )
        return all_of.picked(np.lexsort((all_of.numbers, all_of.alleles)))


def entries_of(alleles: Alleles, kinds: Kinds) -> Entries:
    """The entries of each allele. One that names no bases holds for all of a record's."""
    text = alleles.chunk.text
    records, places = _parted(alleles)
    pipes = np.flatnonzero(text.data == PIPE)
    firsts = np.searchsorted(pipes, places.starts)
    ends = places.starts + places.lengths
    counts = np.searchsorted(pipes, ends) - firsts

    def field(number: int) -> Segments:
        starts = _ends(pipes, firsts, counts, ends, number) + 1
        stops = _ends(pipes, firsts, counts, ends, number + 1)
        return Segments(starts, np.where(counts >= number, stops - starts, 0))

    kind_ends = _ends(pipes, firsts, counts, ends, KIND_FIELDS)
    words = Segments(places.starts, _ends(pipes, firsts, counts, ends, 1) - places.starts)
    behind = np.minimum(words.starts + words.lengths + 1, kind_ends)
    codes = kinds.of_texts(text, words, Segments(behind, kind_ends - behind))
    numbers = np.arange(len(records)) - np.searchsorted(records, records) + 1
    bases = field(DNA)
    is_compound = _has_plus(text, bases)
    owners = alleles.first_of_record[records] if len(records) else records
    entries = Entries(owners, numbers, codes, field(RESIDUES), bases, is_compound)
    return _of_several(entries, alleles) if alleles.is_multi.any() else entries


def _parted(alleles: Alleles) -> tuple[Ints, Segments]:
    """The record and the place of each entry, by record."""
    text, (starts, lengths) = alleles.chunk.text, alleles.chunk.bcsq
    records = np.flatnonzero(lengths)
    starts, ends = starts[records] + len(LED), (starts + lengths)[records]
    marks = np.zeros(0, np.int64)
    if b"," in text.text:
        marked = np.frombuffer(BOUNDARY.sub(bytes([MARK]), text.text), np.uint8)
        marks = np.flatnonzero(marked == MARK)
    order = np.argsort(starts, kind="stable")
    entry_starts = np.sort(np.concatenate([starts, marks + 1]))
    entry_ends = np.sort(np.concatenate([ends, marks]))
    owners = records[order][np.searchsorted(starts[order], entry_starts, "right") - 1]
    by_record = np.argsort(owners, kind="stable")
    entry_starts, entry_ends = entry_starts[by_record], entry_ends[by_record]
    return owners[by_record], Segments(entry_starts, entry_ends - entry_starts)


def _ends(pipes: Ints, firsts: Ints, counts: Ints, ends: Ints, number: int) -> Ints:
    """The ends of the fields with this number (from 1), or of the entries."""
    if not len(pipes):
        return ends
    at = np.minimum(firsts + number - 1, len(pipes) - 1)
    return np.where(counts >= number, pipes[at], ends)


def _has_plus(text: TextArray, bases: Segments) -> Mask:
    found = np.zeros(len(bases.starts), np.bool_)
    if COMPOUND.search(text.text):
        spans = zip(bases.starts.tolist(), bases.lengths.tolist(), strict=True)
        found[:] = [b"+" in text.text[start : start + length] for start, length in spans]
    return found


def _of_several(entries: Entries, alleles: Alleles) -> Entries:
    """The entries of records with several alleles, each for those whose bases it names."""
    text, bases = alleles.chunk.text.text, entries.bases
    picked: list[int] = []
    owners: list[int] = []
    record, of_record, named = -1, range(0), dict[bytes, list[int]]()
    for number, first in enumerate(entries.alleles.tolist()):
        if first != record:
            record, of_record = first, alleles.of_record(first)
            named = _by_change(alleles, of_record) if len(of_record) > 1 else {}
        start, length = bases.starts[number], bases.lengths[number]
        found: Sequence[int] = of_record
        if named and length:
            words = set(text[start : start + length].upper().split(b"+"))
            found = sorted(n for word in words for n in named.get(word, ()))
        picked += [number] * len(found)
        owners += found
    several = entries.picked(np.array(picked, np.int64))
    several = several._replace(alleles=np.array(owners, np.int64))
    return several.picked(np.lexsort((several.numbers, several.alleles)))


def _by_change(alleles: Alleles, of_record: range) -> dict[bytes, list[int]]:
    """The alleles of a record by the names that csq gives them."""
    named: dict[bytes, list[int]] = {}
    for allele in of_record:
        named.setdefault(named_change(alleles, allele), []).append(allele)
    return named


def named_change(alleles: Alleles, allele: int) -> bytes:
    """An allele as csq names it: 85T>G."""
    pos, ref, alt = alleles.pos[allele], alleles.ref(allele), alleles.alt(allele)
    return b"%d%s>%s" % (pos, ref.upper(), alt.upper())
