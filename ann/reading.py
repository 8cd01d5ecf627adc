"""Reads the sequence for the entries that csq's words do not name: what its codons become."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ann.alleles import Alleles
from ann.compounds import value
from ann.described import Allele, CodingEntry, Describer, Words, corrected
from ann.entries import Entries, Kinds
from ann.fasta import MappedFasta
from ann.hgvs import Change, reverse_complement
from ann.indels import Indels, indels_of, moved, names, spans
from ann.models import NearbyModels
from ann.table import Ints, Mask


class Read(NamedTuple):
    """The names that were read in the sequence, for these `entries`; the `kinds` of all entries."""

    entries: Ints
    coding: list[bytes]
    protein: list[bytes]
    codons: list[str]
    kinds: Ints
    corrected: list[int]


class SequenceReading:
    """Reads one reference's sequence."""

    def __init__(self, describer: Describer, models: NearbyModels, fasta: MappedFasta) -> None:
        self.describer, self.models, self.fasta = describer, models, fasta

    def changes(self, alleles: Alleles) -> dict[int, str]:
        """The change of the contig of each allele that is no single base, behind `g.` or `m.`."""
        found: dict[int, str] = {}
        indels = indels_of(alleles)
        for contig, of_contig in _by_contig(indels, alleles):
            forward = np.zeros(len(of_contig.alleles), np.bool_)
            there, is_known = moved(of_contig, self.fasta, contig, forward)
            there = there.picked(is_known)
            places = spans(there, self.fasta, contig, forward[is_known])
            found |= zip(there.alleles.tolist(), names(*places), strict=True)
        for n in np.flatnonzero(alleles.is_described).tolist():
            if n not in found:
                found[n] = self.describer.change(allele_of(alleles, n)) or ""
        return found

    def read(
        self, pending: Ints, entries: Entries, alleles: Alleles, kinds: Kinds, transcripts: Ints
    ) -> Read:
        """Name these entries; `transcripts` are the models' numbers of all entries, or -1."""
        codes, wrong = entries.kinds.copy(), []
        coding, protein, codons = [], [], []
        found = self._indels(pending, entries, alleles, kinds, transcripts)
        for n in pending.tolist():
            kind = kinds[codes[n]]
            words = found.get(n) or self._entry(n, entries, alleles, kinds)
            coding.append(f"c.{words.coding}".encode() if words.coding else b"")
            protein.append((words.protein or "").encode())
            codons.append(words.codons)
            if words.consequence != kind.consequence:
                codes[n] = kinds.code(kind._replace(consequence=words.consequence))
                wrong.append(n)
        return Read(pending, coding, protein, codons, codes, wrong)

    def _entry(self, n: int, entries: Entries, alleles: Alleles, kinds: Kinds) -> Words:
        kind, is_compound = kinds[entries.kinds[n]], entries.is_compound[n]
        text = alleles.chunk.text
        peptides, bases = (
            value(text, places, n).decode() if is_compound else ""
            for places in (entries.residues, entries.bases)
        )
        entry = CodingEntry(kind.transcript or "", kind.consequence, peptides, bases)
        return self.describer.entry(allele_of(alleles, int(entries.alleles[n])), entry)

    def _indels(
        self, pending: Ints, entries: Entries, alleles: Alleles, kinds: Kinds, transcripts: Ints
    ) -> dict[int, Words]:
        """The words for insertions and deletions within one part of a coding sequence."""
        indels = indels_of(alleles)
        rows = np.full(len(alleles), -1)
        rows[indels.alleles] = np.arange(len(indels.alleles))
        usual = (rows[entries.alleles[pending]] >= 0) & (transcripts[pending] >= 0)
        which = pending[usual & ~entries.is_compound[pending]]
        wanted = indels.picked(rows[entries.alleles[which]])._replace(alleles=which)
        found: dict[int, Words] = {}
        for contig, of_contig in _by_contig(wanted, alleles, entries.alleles[which]):
            numbers = transcripts[of_contig.alleles]
            found |= self._named(of_contig, contig, numbers, kinds, entries)
        return found

    def _named(
        self, indels: Indels, contig: str, transcripts: Ints, kinds: Kinds, entries: Entries
    ) -> Iterator[tuple[int, Words]]:
        is_reverse = self.models.is_reverse[transcripts]
        there, is_known = moved(indels, self.fasta, contig, is_reverse)
        places = spans(there, self.fasta, contig, is_reverse)
        firsts, _ = self.models.coding_numbers(transcripts, places.firsts)
        lasts, _ = self.models.coding_numbers(transcripts, places.lasts)
        begins, ends, is_within = self._coding(there, transcripts)
        is_known &= is_within & (firsts > 0) & (lasts > 0)
        listed = names(np.minimum(firsts, lasts), np.maximum(firsts, lasts), places.words)
        new = there.texts()
        for n in np.flatnonzero(is_known).tolist():
            entry = int(there.alleles[n])
            kind = kinds[entries.kinds[entry]]
            transcript = self.describer.transcript(kind.transcript or "")
            if transcript:
                bases = reverse_complement(new[n]) if is_reverse[n] else new[n]
                change = Change(int(begins[n]), int(ends[n]), bases)
                protein = transcript.coding.describe(change)
                yield entry, Words(listed[n], protein, corrected(kind.consequence, protein))

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


def allele_of(alleles: Alleles, n: int) -> Allele:
    """One allele, in capitals."""
    ref, alt = alleles.ref(n).decode().upper(), alleles.alt(n).decode().upper()
    return Allele(alleles.contig(n), int(alleles.pos[n]), ref, alt)


def _by_contig(
    indels: Indels, alleles: Alleles, owners: Ints | None = None
) -> Iterator[tuple[str, Indels]]:
    """The indels of each contig; `owners` are their alleles, if `indels.alleles` are not."""
    owners = indels.alleles if owners is None else owners
    codes = alleles.contigs.codes[alleles.records[owners]]
    for code in np.unique(codes).tolist():
        yield alleles.contigs.texts[code], indels.picked(codes == code)
