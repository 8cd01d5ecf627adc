"""The alleles of some of a job's records, as arrays: a row for each alternative allele."""

import re
from functools import cached_property

import numpy as np

from ann.checked import Runs
from ann.chunks import Chunk
from ann.table import ALT, REF, Ints, Mask, Segments, changes, letters, ragged

COMMA, UPPER = ord(","), np.uint8(0xDF)
BASE = letters(b"ACGTNacgtn")
PLAIN = re.compile(rb"[ACGTNacgtn]*")
SNV, MNV, INSERTION, DELETION, INDEL, SYMBOLIC, SAME = range(7)
TYPES = ("SNV", "MNV", "insertion", "deletion", "indel", "symbolic", "reference")
"""The Sequence Ontology's SNV (SO:0001483), MNV (SO:0002007), insertion, deletion, indel."""


class Alleles:
    """`records` and `numbers` say whose allele each is; `pos` counts from 1.

    `is_snv` holds for one base that becomes another, or itself; `is_described` for what is named
    by the sequence. `refs` and `alts` are places in the rows' text.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.chunk, self.rows = chunk, chunk.rows
        self.records, self.numbers, self.alts = _exploded(chunk)
        self.is_multi = np.bincount(self.records, minlength=len(self.rows))[self.records] > 1
        starts, lengths = self.rows.segments(REF)
        self.refs = Segments(starts[self.records], lengths[self.records])
        self.pos = chunk.checked.pos[self.records]
        self.is_clean = (chunk.checked.status == 0)[self.records]
        self.ref_base = self.rows.data[self.refs.starts]
        self.alt_base = self.rows.data[self.alts.starts]
        are_single = (self.refs.lengths == 1) & (self.alts.lengths == 1)
        self.is_snv = are_single & BASE[self.ref_base] & BASE[self.alt_base]
        self.ref_base, self.alt_base = self.ref_base & UPPER, self.alt_base & UPPER
        self.types = np.zeros(len(self.records), np.int64)
        self.types[self.is_snv & (self.ref_base == self.alt_base)] = SAME
        self.is_plain = self.is_snv.copy()
        """REF and ALT are bases throughout."""
        self.is_described = np.zeros(len(self.records), np.bool_)
        for allele in self._of_other_lengths(np.flatnonzero(~self.is_snv)).tolist():
            self._look_at(allele)

    def __len__(self) -> int:
        return len(self.records)

    def _of_other_lengths(self, which: Ints) -> Ints:
        """Look at those that are bases throughout, of which some come or go; the others."""
        ref, alt = (Segments(s.starts[which], s.lengths[which]) for s in (self.refs, self.alts))
        is_plain = self._are_bases(alt)
        is_usual = is_plain & (ref.lengths != alt.lengths)
        is_same = (self.ref_base == self.alt_base)[which]
        types = np.where(is_same & (ref.lengths == 1), INSERTION, INDEL)
        types = np.where(is_same & (alt.lengths == 1), DELETION, types)
        is_plain &= self._are_bases(ref)
        usual = which[is_usual]
        self.types[usual], self.is_plain[usual] = types[is_usual], is_plain[is_usual]
        self.is_described[usual] = self.is_plain[usual] & self.is_clean[usual]
        left: Ints = which[~is_usual]
        return left

    def _are_bases(self, segments: Segments) -> Mask:
        """Those of some texts that are made of bases throughout."""
        is_base = BASE[self.rows.data[ragged(segments)]]
        found = segments.lengths > 0
        found[np.repeat(np.arange(len(found)), segments.lengths)[~is_base]] = False
        return found

    def _look_at(self, allele: int) -> None:
        ref, alt = self.ref(allele), self.alt(allele)
        self.types[allele], is_plain = kind_of(ref, alt)
        self.is_plain[allele] = is_plain and PLAIN.fullmatch(ref) is not None
        self.is_described[allele] = (
            self.is_plain[allele]
            and self.is_clean[allele]
            and not len(ref) == len(alt) == 1
            and self.types[allele] != SAME
        )

    def ref(self, allele: int) -> bytes:
        start, length = self.refs.starts[allele], self.refs.lengths[allele]
        return self.rows.text[start : start + length]

    def alt(self, allele: int) -> bytes:
        start, length = self.alts.starts[allele], self.alts.lengths[allele]
        return self.rows.text[start : start + length]

    def of_record(self, first: int) -> range:
        """All alleles of the record whose first this is."""
        stop = np.searchsorted(self.records, self.records[first], "right")
        return range(first, int(stop))

    def contig(self, allele: int) -> str:
        """The contig under the reference's name; empty where it has none."""
        code = int(self.contigs.codes[self.records[allele]])
        return self.contigs.texts[code]

    @cached_property
    def first_of_record(self) -> Ints:
        """The number of each record's first allele."""
        return np.flatnonzero(self.numbers == 1)

    @property
    def names(self) -> Runs:
        """The contigs under the file's own names."""
        return self.chunk.checked.names

    @property
    def contigs(self) -> Runs:
        """The contigs under the reference's names; empty where it has none."""
        return self.chunk.checked.contigs

    def runs(self, column: int) -> Runs:
        """A column's texts, and the code of each record's."""
        firsts = changes(self.rows, column)
        texts = [self.rows.cell(n, column).decode() for n in firsts.tolist()]
        return Runs.of(texts, np.diff(np.append(firsts, len(self.rows))))


def kind_of(ref: bytes, alt: bytes) -> tuple[int, bool]:
    """The type of an allele that is no plain SNV, and whether it is made of bases."""
    is_plain = PLAIN.fullmatch(alt) is not None
    old, new = ref.upper(), alt.upper()
    if alt in (b".", b"*") or old == new:
        return SAME, is_plain
    if not is_plain:
        return SYMBOLIC, False
    if len(ref) == len(alt):
        return (SNV if len(ref) == 1 else MNV), True
    if len(ref) == 1 and new[:1] == old:
        return INSERTION, True
    return (DELETION if len(alt) == 1 and old[:1] == new else INDEL), True


def _exploded(chunk: Chunk) -> tuple[Ints, Ints, Segments]:
    """The record of each allele, its number there from 1, and its place in the rows' text."""
    rows = chunk.rows
    alts = rows.segments(ALT)
    records, ones = np.arange(len(rows)), np.ones(len(rows), np.int64)
    may_have = np.flatnonzero(alts.lengths >= len(b"A,C"))
    offsets = ragged(Segments(alts.starts[may_have], alts.lengths[may_have]))
    commas = offsets[rows.data[offsets] == COMMA]
    if not len(commas):
        return records, ones, alts
    owners = np.searchsorted(alts.starts, commas, "right") - 1
    counts = ones + np.bincount(owners, minlength=len(rows))
    starts = np.sort(np.concatenate([alts.starts, commas + 1]))
    ends = np.sort(np.concatenate([alts.starts + alts.lengths, commas]))
    firsts = np.cumsum(counts) - counts
    numbers = np.arange(len(starts)) - np.repeat(firsts, counts) + 1
    return np.repeat(records, counts), numbers, Segments(starts, ends - starts)
