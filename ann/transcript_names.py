"""HGVS names of what a chunk's entries do to transcripts and proteins."""

from typing import NamedTuple

import numpy as np

from ann.alleles import Alleles
from ann.checked import Runs
from ann.codons import Codons, codons_of
from ann.entries import Entries
from ann.kinds import Kinds, is_at_an_end
from ann.models import KEY_BITS, NearbyModels
from ann.naming import (
    NameTexts,
    coding_bases,
    names_of_bases,
    names_of_residues,
    residues,
)
from ann.reading import SequenceReading
from ann.table import Bytes, Ints, Mask
from ann.texts import padded

CODING, PROTEIN = b";GAS_HGVSC=", b";GAS_HGVSP="
NEXT = b","
C_DOT = np.frombuffer(b"c.", np.uint8).reshape(1, 2)


class TranscriptNames(NamedTuple):
    """The names for each entry; the entries' kinds, and which of them were `corrected`."""

    kinds: Ints
    coding: NameTexts
    protein: NameTexts
    codons: Codons
    corrected: list[int]


class KindColumns(NamedTuple):
    """The kinds as columns, by their codes: `transcripts` are the models' numbers, -1: none."""

    has_strand: Mask
    is_at_an_end: Mask
    ranks: Ints
    transcripts: Ints

    @classmethod
    def of(cls, kinds: Kinds, models: NearbyModels) -> "KindColumns":
        """The columns of these kinds; a transcript without a model has the number -1."""
        consequences, loci = kinds.parts()
        numbers = [models.numbers.get(locus.transcript or "", -1) for locus in kinds.loci]
        return cls(
            np.array([locus.strand is not None for locus in kinds.loci], np.bool_)[loci],
            np.array([is_at_an_end(word) for word in kinds.consequences], np.bool_)[consequences],
            np.array([meaning.rank for meaning in kinds.meanings()], np.int64)[consequences],
            np.array(numbers, np.int64)[loci],
        )


def names_on_transcripts(
    entries: Entries, alleles: Alleles, kinds: Kinds, models: NearbyModels, reading: SequenceReading
) -> TranscriptNames:
    """Name every entry: by csq's words where one base changes one codon, else by the sequence."""
    columns, owners = KindColumns.of(kinds, models), entries.alleles
    is_same = alleles.ref_base == alleles.alt_base
    is_snv, has_strand = alleles.is_snv[owners], columns.has_strand[entries.kinds]
    transcripts = columns.transcripts[entries.kinds]
    plain = has_strand & alleles.is_plain[owners]
    speakers, silent = _wordless(plain, entries, alleles, columns, reading)
    pending = plain & (~is_snv | entries.is_compound | columns.is_at_an_end[entries.kinds])
    pending |= speakers & ~has_strand
    read = reading.read(np.flatnonzero(pending), entries, alleles, kinds, transcripts)
    read.silence(silent)
    bases = coding_bases(
        transcripts,
        alleles.pos[owners],
        alleles.ref_base[owners],
        alleles.alt_base[owners],
        is_snv & has_strand & ~(entries.is_compound | silent | is_same[owners]),
        models,
    )
    found = residues(alleles.chunk.text, entries.residues)
    is_told = is_snv & ~pending & (entries.residues.lengths > 0) & found.is_known
    records = alleles.records[owners]
    changes, contigs = bases.changes, Runs(alleles.contigs.texts, alleles.contigs.codes[records])
    rest = np.flatnonzero(~changes.which[read.entries])
    others = read.entries[rest]
    names, codons = read.coding[rest].tolist(), read.codons[rest].tolist()
    coding = _Leads(CODING, kinds, entries.kinds, records, changes.which, others, names)
    proteins = read.protein.tolist()
    protein = _Leads(PROTEIN, kinds, entries.kinds, records, is_told, read.entries, proteins)
    return TranscriptNames(
        read.kinds,
        coding.with_read(names_of_bases(coding.rows(), C_DOT, changes)),
        protein.with_read(names_of_residues(protein.rows(), found, is_told)),
        codons_of(bases, contigs, models, reading.fasta).with_read(others, codons),
        read.corrected,
    )


def _wordless(
    plain: Mask,
    entries: Entries,
    alleles: Alleles,
    columns: KindColumns,
    reading: SequenceReading,
) -> tuple[Mask, Mask]:
    """The entries without bases: those that name their allele, and the others.

    `plain` have a strand and an allele of bases throughout. csq does not tell of which of a
    record's alleles entries without bases are, nor, at the end of an exon, whether bases of the
    CDS go. They name one that changes the CDS and has no entry with bases in the transcript; of
    several such entries the one with a strand does, then the most severe.
    """
    owners, transcripts = entries.alleles, columns.transcripts[entries.kinds]
    wordless = (transcripts >= 0) & (entries.bases.lengths == 0)
    wordless &= plain | (~columns.has_strand[entries.kinds] & alleles.is_described[owners])
    found = np.zeros(len(owners), np.bool_)
    shared = np.flatnonzero(wordless)
    shared = shared[reading.touching(shared, entries, alleles, transcripts)]
    is_owner = np.zeros(len(alleles), np.bool_)
    is_owner[owners[shared]] = True
    named = np.flatnonzero(is_owner[owners] & (entries.bases.lengths > 0))
    places = owners << KEY_BITS | transcripts
    shared = shared[~np.isin(places[shared], places[named])]
    kinds = entries.kinds[shared]
    shared = shared[np.lexsort((columns.ranks[kinds], ~columns.has_strand[kinds]))]
    found[shared[np.unique(places[shared], return_index=True)[1]]] = True
    return found, wordless & ~found


class _Leads:
    """The text before each name under one tag of INFO: the tag or a comma, then the transcript.

    `which` are the entries that are named all at once, `read` those that were read, with their
    `names`, some of which are empty.
    """

    def __init__(
        self,
        tag: bytes,
        kinds: Kinds,
        codes: Ints,
        records: Ints,
        which: Mask,
        read: Ints,
        names: list[bytes],
    ) -> None:
        transcripts = [(locus.transcript or "").encode() for locus in kinds.loci]
        self.texts = [b"%s%s:" % (lead, name) for lead in (tag, NEXT) for name in transcripts]
        self.read, self.names = read, names
        has_name = which.copy()
        has_name[read] = [bool(name) for name in names]
        named = np.flatnonzero(has_name)
        self.codes = kinds.parts()[1][codes]
        is_later = np.append([False], records[named][1:] == records[named][:-1])[: len(named)]
        self.codes[named] += np.where(is_later, len(transcripts), 0)

    def rows(self) -> Bytes:
        """The text before each name, as rows of bytes."""
        found: Bytes = padded(self.texts)[self.codes]
        return found

    def with_read(self, names: NameTexts) -> NameTexts:
        """The names, with those that were read."""
        leads = [self.texts[code] for code in self.codes[self.read].tolist()]
        info = [
            lead + name.replace(b"=", b"%3D") if name else b""
            for lead, name in zip(leads, self.names, strict=True)
        ]
        return names.replaced(self.read, self.names, info)
