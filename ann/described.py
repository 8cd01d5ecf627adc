"""Describes the alleles that need the sequence: all but plain single bases.

Insertions, deletions and other changes are normalised, so that known variants are found, and named
where HGVS wants them; a start or a stop codon that changes is read anew.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
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
Model = tuple[str, str, int, int, list[tuple[int, int]], list[tuple[int, int, int]]]
"""Contig, strand, genetic code, phase, exons and parts of the CDS of a transcript."""


class Allele(NamedTuple):
    """An allele by its number in the chunk; `contig` is the reference's name."""

    number: int
    contig: str
    pos: int
    ref: str
    alt: str


class Entry(NamedTuple):
    """A consequence of an allele in a coding transcript, by its number among the allele's.

    `codons` is csq's change of amino acids where other alleles of the haplotype have part in it.
    """

    number: int
    transcript: str
    consequence: str
    codons: str | None


class Described(NamedTuple):
    """An allele, normalised where known variants are to be found, and its change on the genome."""

    pos: int
    ref: str
    alt: str
    change: str | None


class Describer:
    """Reads a reference's bases as far as they are needed; `models` are of coding transcripts."""

    def __init__(self, reference: Reference) -> None:
        self.models: dict[str, Model] = {}
        self.is_normalising = bool(reference.known)
        self.fasta = pysam.FastaFile(str(reference.path(reference.fasta)))
        self.bases = lru_cache(CONTIGS_HELD)(lambda contig: BasesWindow(self.fasta, contig))
        self.transcript = lru_cache(TRANSCRIPTS_HELD)(self._transcript)

    def close(self) -> None:
        self.fasta.close()

    def allele(self, allele: Allele) -> Described:
        bases = self.bases(allele.contig)
        at, ref, alt = allele.pos, allele.ref, allele.alt
        if self.is_normalising:
            at, ref, alt = normalise(_ByNumber(bases), at, ref, alt)
        change = shifted(trimmed(allele.pos, allele.ref, allele.alt), bases, FORWARD)
        name = dna_change(change, bases, FORWARD, lambda p: _within(p, len(bases)))
        return Described(at, ref, alt, name)

    def entry(self, allele: Allele, entry: Entry) -> tuple[str | None, str | None, str]:
        """The change of the transcript (behind `c.`), the protein, the consequence corrected."""
        transcript = self.transcript(entry.transcript)
        if transcript is None:
            return None, None, entry.consequence
        exact = trimmed(allele.pos, allele.ref, allele.alt)
        change = shifted(exact, transcript.bases, transcript.strand)
        name = dna_change(change, transcript.bases, transcript.strand, transcript.name)
        if entry.codons:
            protein = _of_peptides(transcript, entry)
        else:
            protein = _protein(transcript, [change, exact])
        consequence = entry.consequence
        if START_LOST in consequence and protein not in (PROTEIN_START_LOST, UNPREDICTABLE):
            consequence = with_start_retained(consequence)
        return name, protein, consequence

    def _transcript(self, name: str) -> Transcript | None:
        found = self.models.get(name)
        if found is None:
            return None
        contig, strand, code, phase, exons, cds = found
        parts = [CodingPart(*part) for part in cds]
        return Transcript(strand, code, phase, exons, parts, self.bases(contig))


def _protein(transcript: Transcript, changes: Iterable[Change]) -> str:
    """The protein that the first of these changes makes which lies within the CDS."""
    for change in changes:
        coding = transcript.coding_change(change)
        if coding:
            return transcript.coding.describe(coding)
    return UNPREDICTABLE


def _of_peptides(transcript: Transcript, entry: Entry) -> str:
    """The protein that csq translated: 340R>340N, 17N; it writes long ones in short (93IS..105)."""
    before, _, after = (entry.codons or "").partition(">")
    number = before.rstrip("ACDEFGHIKLMNPQRSTVWYX*")
    old, new = before[len(number) :], after.lstrip("0123456789")
    if not number.isdecimal() or "." in after or "frameshift" in entry.consequence:
        return UNPREDICTABLE
    if not after or old == new:
        return f"p.({THREE[old[0]]}{number}=)"
    return f"p.({residues_changed(int(number) - 1, old, new, transcript.coding)})"


def _within(pos: int, length: int) -> str | None:
    return str(pos) if 0 < pos <= length else None


class _ByNumber:
    """Bases by their number, as `ann.normalise` takes them."""

    def __init__(self, bases: BasesWindow) -> None:
        self.bases = bases

    def __getitem__(self, number: int) -> str:
        return self.bases[number : number + 1]


def write_alleles(describer: Describer, alleles: Iterable[Allele], out: Path) -> None:
    """A line for each: number, normalised place and alleles, change on the genome."""
    with out.open("w", encoding="ascii") as stream:
        for allele in alleles:
            pos, ref, alt, change = describer.allele(allele)
            stream.write(f"{allele.number}\t{pos}\t{ref}\t{alt}\t{change or ''}\n")


def write_entries(describer: Describer, entries: Iterable[tuple[Allele, Entry]], out: Path) -> None:
    """A line for each: the two numbers, change of the transcript, protein, consequence."""
    with out.open("w", encoding="utf-8") as stream:
        for allele, entry in entries:
            change, protein, consequence = describer.entry(allele, entry)
            numbers = f"{allele.number}\t{entry.number}"
            words = f"c.{change}" if change else ""
            stream.write(f"{numbers}\t{words}\t{protein or ''}\t{consequence}\n")
