"""Small changes of coding sequences named all at once, beside the same named one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
import numpy as np
import pysam
from hypothesis import given, settings
from hypothesis import strategies as st

from ann.coding_changes import Located, SmallChanges
from ann.described import Allele, CodingEntry, Describer, Words
from ann.fasta import MappedFasta
from ann.genes import GeneModel, Part, TranscriptModel, write_parquet
from ann.genetic_codes import STOP, genetic_code
from ann.hgvs import reverse_complement
from ann.indels import Indels
from ann.models import NearbyModels
from ann.references import Contig, Reference
from ann.table import Ints

FLANK, SPACE, GENES, CHANGES = 150, 60, 4, 150
CODES = [1, 2, 3, 6, 11, 23]
ALPHABETS = ["ACGT", "ACGT", "AC", "CAG", "ACGTN"]
"""Few letters make repeats, along which changes are moved."""


class World(NamedTuple):
    """A made-up reference, opened both ways."""

    contig: str
    describer: Describer
    models: NearbyModels
    small: SmallChanges


def coding(chance: Random, number: int) -> str:
    """A coding sequence, most often whole, with a repeat now and then."""
    code, letters = genetic_code(number), chance.choice(ALPHABETS)
    stops = [codon for codon, amino in code.amino.items() if amino == STOP]
    codons = ["".join(chance.choices(letters, k=3)) for _ in range(chance.randint(1, 60))]
    if chance.random() < 0.7:
        codons = [codon for codon in codons if codon not in stops]
    if chance.random() < 0.3:
        codons[2:2] = ["CAG"] * chance.randint(2, 50)
    begin = chance.choice([*sorted(code.starts), "ATG", "CTC"])
    return begin + "".join(codons) + chance.choice([*stops, "", "A", "GC"])


def transcript(chance: Random, name: str, first: int, bases: str) -> tuple[TranscriptModel, str]:
    """A transcript of these coding bases whose 5' end on the contig is `first`; its stretch."""
    lead, tail = ("".join(chance.choices("ACGT", k=chance.choice([0, 5, 40]))) for _ in range(2))
    spliced, strand = lead + bases + tail, chance.choice("+-")
    if strand == "-":
        spliced, lead, tail = reverse_complement(spliced), tail, lead
    cuts = sorted(chance.sample(range(1, len(spliced)), min(len(spliced) - 1, chance.randrange(4))))
    exons, cds, text, at = [], [], "", 0
    for cut in [*cuts, len(spliced)]:
        start = first + len(text)
        low, high = max(at, len(lead)), min(cut, len(spliced) - len(tail))
        exons.append(Part(start, start + cut - at - 1))
        if low < high:
            cds.append(Part(start + low - at, start + high - at - 1))
        text, at = text + spliced[at:cut] + "GT" + "T" * chance.randint(5, 30) + "AG", cut
    model = TranscriptModel(name, "protein_coding", first, exons[-1].end, strand, exons, cds)
    if chance.random() < 0.2:
        model.in_direction()[0].phase = chance.randrange(3)
    model.tidy(derive_utrs=True)
    return model, text


@contextmanager
def world(chance: Random) -> Iterator[World]:
    code = chance.choice(CODES)
    contig, genes = "".join(chance.choices("ACGT", k=FLANK)), []
    for n in range(GENES):
        model, text = transcript(chance, f"t{n}", len(contig) + 1, coding(chance, code))
        contig += text + "".join(chance.choices("ACGT", k=SPACE))
        gene = GeneModel(f"g{n}", f"G{n}", "protein_coding", "c", model.start, model.end, "+")
        genes.append(gene)
        gene.strand, gene.transcripts = model.strand, [model]
    contig += "".join(chance.choices("ACGT", k=FLANK))
    with TemporaryDirectory() as name, duckdb.connect() as db:
        folder = Path(name)
        lines = [contig[at : at + 60] for at in range(0, len(contig), 60)]
        (folder / "c.fa").write_text(">c\n" + "\n".join(lines) + "\n")
        pysam.faidx(str(folder / "c.fa"))
        contigs = (Contig("c", len(contig), "", (), code),)
        write_parquet(genes, list(contigs), folder / "genes.parquet")
        reference = Reference(
            *(folder, "made", "Made", "made", contigs, "c.fa", "c.gff3"), genes="genes.parquet"
        )
        models, describer = NearbyModels(db, reference), Describer(reference)
        models.cover({"c": (1, len(contig))})
        describer.models = models.coding
        yield World(contig, describer, models, SmallChanges(models, MappedFasta(reference)))
        describer.close()


def chosen(chance: Random, models: NearbyModels) -> list[tuple[int, int]]:
    """Transcripts and bases in or beside parts of their CDS, many at the ends of one."""
    found = []
    for _ in range(CHANGES):
        name = chance.choice(list(models.coding))
        low, high, _ = chance.choice(models.coding[name][5])
        inside = chance.randint(low - 1, high + 1)
        near = chance.choice([low, high]) + chance.randint(-3, 3)
        found.append((models.numbers[name], chance.choice([inside, near])))
    return found


def one_by_one(world: World, allele: Allele, transcript: int) -> Words:
    name = list(world.models.coding)[transcript]
    return world.describer.entry(allele, CodingEntry(name, "frameshift"))


def names_of(world: World, located: Located) -> list[tuple[int, bytes, str]]:
    """What is found of the changes: whose each is, its name, the protein; empty for unknown."""
    found = world.small.proteins(located.changes)
    proteins = np.where(found.is_known, found.names, b"")
    owners = located.entries.tolist()
    return [
        (owner, name, protein.decode())
        for owner, name, protein in zip(owners, located.names, proteins, strict=True)
    ]


def indels(alleles: list[Allele]) -> Indels:
    """Alleles of one first base in common as arrays."""
    ref = np.array([len(allele.ref) for allele in alleles])
    alt = np.array([len(allele.alt) for allele in alleles])
    starts = np.array([allele.pos for allele in alleles])
    new = [allele.alt[1:].encode().ljust(8, b"\0") for allele in alleles]
    return Indels(
        *(np.arange(len(alleles)), ref > alt, starts, starts + ref - 1, np.maximum(ref, alt) - 1),
        np.frombuffer(b"".join(new), np.uint8).reshape(-1, 8),
    )


def indel(chance: Random, contig: str, pos: int) -> Allele:
    size, bases = chance.randint(1, 7), contig[pos - 1 : pos + 7]
    if chance.random() < 0.5:
        return Allele("c", pos, bases[: size + 1], bases[0])
    new = chance.choice([bases[1:], "".join(chance.choices("ACGT", k=7))])[:size]
    return Allele("c", pos, bases[0], bases[0] + new)


def located(chance: Random, made: World) -> tuple[list[Allele], list[int], Located]:
    """Insertions and deletions, their transcripts, and those that a part of a CDS holds."""
    where = chosen(chance, made.models)
    alleles = [indel(chance, made.contig, pos) for _, pos in where]
    transcripts = [transcript for transcript, _ in where]
    found = made.small.of_indels(indels(alleles), "c", np.array(transcripts))
    return alleles, transcripts, found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_insertions_and_deletions_are_named_as_one_by_one(seed: int) -> None:
    chance = Random(seed)
    with world(chance) as made:
        alleles, transcripts, found = located(chance, made)
        for n, name, protein in names_of(made, found):
            words = one_by_one(made, alleles[n], transcripts[n])
            assert name.decode() == f"c.{words.coding}"
            assert protein in ("", words.protein)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_substitutions_make_the_proteins_that_they_make_one_by_one(seed: int) -> None:
    chance = Random(seed)
    with world(chance) as made:
        where = chosen(chance, made.models)
        alleles = []
        for _, pos in where:
            ref = made.contig[pos - 1]
            alleles.append(Allele("c", pos, ref, chance.choice("ACGT".replace(ref, ""))))
        transcripts: Ints = np.array([transcript for transcript, _ in where])
        places: Ints = np.array([allele.pos for allele in alleles])
        alts = np.frombuffer("".join(allele.alt for allele in alleles).encode(), np.uint8)
        found = made.small.of_bases(np.arange(len(where)), places, alts, transcripts)
        for n, _, protein in names_of(made, found):
            assert protein in ("", one_by_one(made, alleles[n], where[n][0]).protein)


def test_few_are_left_to_be_named_one_by_one() -> None:
    proteins = []
    for seed in range(5):
        chance = Random(seed)
        with world(chance) as made:
            *_, found = located(chance, made)
            proteins += [protein for *_, protein in names_of(made, found)]
    assert len(proteins) > 200
    assert proteins.count("") < len(proteins) / 20
