"""Describes the alleles that need the sequence: all but plain single bases.

Insertions, deletions and other changes are normalised, so that known variants are found, and named
where HGVS wants them; a start or a stop codon that changes is read anew.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import pysam

from ann.consequences import START_LOST, with_start_retained
from ann.hgvs import FORWARD, Change, dna_change, shifted, trimmed
from ann.normalise import normalise
from ann.protein import START_LOST as PROTEIN_START_LOST
from ann.protein import THREE, UNPREDICTABLE, residues_changed
from ann.references import Reference
from ann.transcripts import BasesWindow, CodingPart, Transcript

TRANSCRIPTS_HELD = 512
CONTIGS_HELD = 4
NAMED = re.compile(r"(\d+)([ACGTN]+)>([ACGTN]+)")
Model = tuple[str, str, int, int, list[tuple[int, int]], list[tuple[int, int, int]]]
"""Contig, strand, genetic code, phase, exons and parts of the CDS of a transcript."""


class Allele(NamedTuple):
    """An allele; `contig` is the reference's name."""

    contig: str
    pos: int
    ref: str
    alt: str


class CodingEntry(NamedTuple):
    """A consequence of an allele in a coding transcript.

    Where other alleles of the haplotype have part in it, `residues` is csq's change of amino
    acids, and `bases` names all the alleles: 10G>A+11C>T.
    """

    transcript: str
    consequence: str
    residues: str = ""
    bases: str = ""


class Words(NamedTuple):
    """The words for an entry: its change of the transcript, the protein, its consequence, codons.

    A protein is predicted only of a change that has a name. `codons` are empty where no
    substitution within one codon is all that happens.
    """

    coding: str | None
    protein: str | None
    consequence: str
    codons: str = ""


class Normalised(NamedTuple):
    """An allele as the sources of known variants have it."""

    pos: int
    ref: str
    alt: str


class Describer:
    """Reads a reference's bases as far as they are needed; `models` are of coding transcripts."""

    def __init__(self, reference: Reference) -> None:
        self.models: dict[str, Model] = {}
        self.fasta = pysam.FastaFile(str(reference.path(reference.fasta)))
        self.bases = lru_cache(CONTIGS_HELD)(lambda contig: BasesWindow(self.fasta, contig))
        self.transcript = lru_cache(TRANSCRIPTS_HELD)(self._transcript)

    def close(self) -> None:
        self.fasta.close()

    def normalised(self, allele: Allele) -> Normalised:
        bases = _ByNumber(self.bases(allele.contig))
        return Normalised(*normalise(bases, allele.pos, allele.ref, allele.alt))

    def change(self, allele: Allele) -> str | None:
        """The change of the contig, behind `g.` or `m.`."""
        bases = self.bases(allele.contig)
        change = shifted(trimmed(allele.pos, allele.ref, allele.alt), bases, FORWARD)
        return dna_change(change, bases, FORWARD, lambda p: _within(p, len(bases)))

    def entry(self, allele: Allele, entry: CodingEntry) -> Words:
        """The words for an entry, its consequence corrected; `coding` is what is behind `c.`."""
        transcript = self.transcript(entry.transcript)
        if transcript is None:
            return Words(None, None, entry.consequence)
        exact = trimmed(allele.pos, allele.ref, allele.alt)
        change = shifted(exact, transcript.bases, transcript.strand)
        name = dna_change(change, transcript.bases, transcript.strand, transcript.name)
        if entry.residues:
            protein = _of_peptides(transcript, entry)
        else:
            protein = _protein(transcript, [change, exact])
        codons = _codons(transcript, _changes(entry.bases) if entry.bases else [exact])
        consequence = corrected(entry.consequence, protein)
        return Words(name, protein if name else None, consequence, codons)

    def _transcript(self, name: str) -> Transcript | None:
        found = self.models.get(name)
        if found is None:
            return None
        contig, strand, code, phase, exons, cds = found
        parts = [CodingPart(*part) for part in cds]
        return Transcript(strand, code, phase, exons, parts, self.bases(contig))


def corrected(consequence: str, protein: str) -> str:
    """The consequence, where csq calls lost what is another start codon."""
    if START_LOST in consequence and protein not in (PROTEIN_START_LOST, UNPREDICTABLE):
        return with_start_retained(consequence)
    return consequence


def _protein(transcript: Transcript, changes: Iterable[Change]) -> str:
    """The protein that the first of these changes makes which lies within the CDS."""
    for change in changes:
        coding = transcript.coding_change(change)
        if coding:
            return transcript.coding.describe(coding)
    return UNPREDICTABLE


def _of_peptides(transcript: Transcript, entry: CodingEntry) -> str:
    """The protein that csq translated: 340R>340N, 17N; it writes long ones in short (93IS..105)."""
    before, _, after = entry.residues.partition(">")
    number = before.rstrip("ACDEFGHIKLMNPQRSTVWYX*")
    old, new = before[len(number) :], after.lstrip("0123456789")
    if not number.isdecimal() or "." in after or "frameshift" in entry.consequence:
        return UNPREDICTABLE
    if not after or old == new:
        return f"p.({THREE[old[0]]}{number}=)"
    return f"p.({residues_changed(int(number) - 1, old, new, transcript.coding)})"


def _changes(bases: str) -> list[Change]:
    """The changes that csq names in 10G>A+11C>T; none where one is no change of bases."""
    matches = [NAMED.fullmatch(word) for word in bases.upper().split("+")]
    found = [trimmed(int(match[1]), match[2], match[3]) for match in matches if match]
    return found if len(found) == len(matches) else []


def _codons(transcript: Transcript, changes: list[Change]) -> str:
    coding = [transcript.coding_change(change) for change in changes]
    return transcript.coding.codons([change for change in coding if change]) if all(coding) else ""


def _within(pos: int, length: int) -> str | None:
    return str(pos) if 0 < pos <= length else None


class _ByNumber:
    """Bases by their number, as `ann.normalise` takes them."""

    def __init__(self, bases: BasesWindow) -> None:
        self.bases = bases

    def __getitem__(self, number: int) -> str:
        return self.bases[number : number + 1]
