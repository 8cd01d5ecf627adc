"""Reads the sequence for the entries that csq's words do not name: what its codons become."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ann.alleles import Alleles
from ann.coding_changes import Located, SmallChanges
from ann.compounds import value
from ann.consequences import START_LOST, with_start_retained
from ann.described import Allele, CodingEntry, Describer, Words
from ann.entries import Entries
from ann.fasta import MappedFasta
from ann.hgvs import FORWARD, REVERSE, copied, shifted, trimmed
from ann.indels import Indels, indels_of, moved, names, spans
from ann.kinds import Kinds
from ann.models import NearbyModels
from ann.table import Ints, Mask
from ann.texts import Objects, objects

MOST_MOVED = 1_000
"""Bases that HGVS moves an allele by into a CDS, at the most: longer repeats do not end there."""


class GenomeNames(NamedTuple):
    """The names of some alleles on their contig, in order; empty for one without a name."""

    alleles: Ints
    names: Objects


class Read(NamedTuple):
    """The names that were read in the sequence, for these `entries`; the `kinds` of all entries."""

    entries: Ints
    coding: Objects
    protein: Objects
    codons: Objects
    kinds: Ints
    corrected: list[int]

    def silence(self, silent: Mask) -> None:
        """Forget the names of these of all entries; their kinds stay."""
        which = silent[self.entries]
        self.coding[which], self.protein[which], self.codons[which] = b"", b"", ""


class SequenceReading:
    """Reads one reference's sequence."""

    def __init__(self, describer: Describer, models: NearbyModels, fasta: MappedFasta) -> None:
        self.describer, self.fasta = describer, fasta
        self.small = SmallChanges(models, fasta)

    def changes(self, alleles: Alleles, prefixes: dict[str, bytes]) -> GenomeNames:
        """The change of the contig of each allele that is no single base, behind its prefix."""
        which, words = [np.zeros(0, np.int64)], [objects([])]
        left = alleles.is_described.copy()
        for contig, indels in _by_contig(indels_of(alleles), alleles):
            forward = np.zeros(len(indels.alleles), np.bool_)
            there, is_known = moved(indels, self.fasta, contig, forward)
            there = there.picked(is_known)
            places = spans(there, self.fasta, contig, forward[is_known])
            which.append(there.alleles)
            words.append(names(prefixes.get(contig, b""), places))
            left[there.alleles] = False
        rest = np.flatnonzero(left)
        others = objects([self._change(n, alleles, prefixes) for n in rest.tolist()])
        owners, texts = np.concatenate([*which, rest]), np.concatenate([*words, others])
        order = np.argsort(owners)
        return GenomeNames(owners[order], texts[order])

    def _change(self, n: int, alleles: Alleles, prefixes: dict[str, bytes]) -> bytes:
        name = self.describer.change(allele_of(alleles, n))
        return prefixes.get(alleles.contig(n), b"") + name.encode() if name else b""

    def read(
        self, pending: Ints, entries: Entries, alleles: Alleles, kinds: Kinds, transcripts: Ints
    ) -> Read:
        """Name these entries; `transcripts` are the models' numbers of all entries, or -1.

        Substitutions may come without a change of the transcript and codons: `ann.naming` and
        `ann.codons` have those.
        """
        small = self._small(pending, entries, alleles, transcripts)
        proteins = self.small.proteins(small.changes)
        known = np.flatnonzero(proteins.is_known)
        done, has_start = small.entries[known], proteins.has_start[known]
        is_left = np.ones(len(transcripts), np.bool_)
        is_left[done] = False
        rest = pending[is_left[pending]]
        words = [self._entry(n, entries, alleles, kinds) for n in rest.tolist()]
        consequences = dict(zip(rest.tolist(), (w.consequence for w in words), strict=True))
        consequences |= _with_start(done[has_start], entries, kinds)
        coding = [f"c.{w.coding}".encode() if w.coding else b"" for w in words]
        protein = [(w.protein or "").encode() for w in words]
        which = np.append(done, rest)
        order = np.argsort(which)
        return Read(
            which[order],
            np.append(small.names[known], objects(coding))[order],
            np.append(proteins.names[known], objects(protein))[order],
            np.append(np.full(len(known), "", np.object_), objects([w.codons for w in words]))[
                order
            ],
            *_corrected(consequences, entries.kinds, kinds),
        )

    def _entry(self, n: int, entries: Entries, alleles: Alleles, kinds: Kinds) -> Words:
        kind, is_compound = kinds[entries.kinds[n]], entries.is_compound[n]
        text = alleles.chunk.text
        peptides, bases = (
            value(text, places, n).decode() if is_compound else ""
            for places in (entries.residues, entries.bases)
        )
        entry = CodingEntry(kind.transcript or "", kind.consequence, peptides, bases)
        return self.describer.entry(allele_of(alleles, int(entries.alleles[n])), entry)

    def touching(self, which: Ints, entries: Entries, alleles: Alleles, transcripts: Ints) -> Mask:
        """Those of these entries whose allele changes the CDS: where it stands or HGVS has it.

        What comes in between two bases does where one part has both.
        """
        models, owners, of = self.small.models, entries.alleles[which], transcripts[which]
        pos, lengths = alleles.pos[owners], alleles.refs.lengths[owners]
        found = models.touched(of, pos - MOST_MOVED, pos + lengths + MOST_MOVED)
        near = np.flatnonzero(found)
        owners, of = owners[near], of[near]
        pairs: Ints = owners * 2 + models.is_reverse[of]
        keys, rows = np.unique(pairs, return_inverse=True)
        reaches = [self._reach(allele_of(alleles, key >> 1), key % 2 > 0) for key in keys.tolist()]
        starts, ends = np.array(reaches, np.int64).reshape(-1, 2)[rows].T
        found[near] = models.touched(of, starts + 1, ends)
        return found

    def _reach(self, allele: Allele, is_reverse: bool) -> tuple[int, int]:
        """The bases that an allele may be said to change: its own, and those of its name."""
        bases, strand = self.describer.bases(allele.contig), REVERSE if is_reverse else FORWARD
        exact = trimmed(*allele[1:])
        there = shifted(exact, bases, strand)
        spans = [exact[:2], there[:2], copied(there, bases, strand) or there[:2]]
        return min(start for start, _ in spans), max(end for _, end in spans)

    def _small(
        self, pending: Ints, entries: Entries, alleles: Alleles, transcripts: Ints
    ) -> Located:
        """The small changes within one part of a coding sequence."""
        simple = pending[(transcripts[pending] >= 0) & ~entries.is_compound[pending]]
        bases = self._bases(simple, entries, alleles, transcripts)
        return Located.joined([bases, *self._indels(simple, entries, alleles, transcripts)])

    def _bases(
        self, simple: Ints, entries: Entries, alleles: Alleles, transcripts: Ints
    ) -> Located:
        owners = entries.alleles[simple]
        is_change = alleles.is_snv[owners] & (alleles.ref_base[owners] != alleles.alt_base[owners])
        which, owners = simple[is_change], owners[is_change]
        alts = alleles.alt_base[owners]
        return self.small.of_bases(which, alleles.pos[owners], alts, transcripts[which])

    def _indels(
        self, simple: Ints, entries: Entries, alleles: Alleles, transcripts: Ints
    ) -> Iterator[Located]:
        indels = indels_of(alleles)
        rows = np.full(len(alleles), -1)
        rows[indels.alleles] = np.arange(len(indels.alleles))
        which = simple[rows[entries.alleles[simple]] >= 0]
        wanted = indels.picked(rows[entries.alleles[which]])._replace(alleles=which)
        for contig, of_contig in _by_contig(wanted, alleles, entries.alleles[which]):
            yield self.small.of_indels(of_contig, contig, transcripts[of_contig.alleles])


def _with_start(which: Ints, entries: Entries, kinds: Kinds) -> dict[int, str]:
    """The consequences of those that csq takes to have lost a start that they have."""
    loses_start = np.array([START_LOST in word for word in kinds.consequences], np.bool_)
    wrong = which[loses_start[kinds.parts()[0]][entries.kinds[which]]].tolist()
    consequences = [kinds[code].consequence for code in entries.kinds[wrong].tolist()]
    return dict(zip(wrong, map(with_start_retained, consequences), strict=True))


def _corrected(consequences: dict[int, str], codes: Ints, kinds: Kinds) -> tuple[Ints, list[int]]:
    """The entries' kinds with these consequences in the place of others; those that changed."""
    found, wrong = codes.copy(), []
    for n, consequence in consequences.items():
        kind = kinds[codes[n]]
        if consequence != kind.consequence:
            found[n] = kinds.code(kind._replace(consequence=consequence))
            wrong.append(n)
    return found, wrong


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
