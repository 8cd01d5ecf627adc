"""A genome that is made up, with genes, and variants in it: the same each time."""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pysam

Genome = dict[str, str]
CONTIGS, CONTIG_BASES = 12, 1_000_000
GENE_EVERY, EXONS, EXON_BASES, INTRON_BASES = 2_000, 2, 603, 60
STOPS = {"TAA", "TAG", "TGA"}
SNV_SHARE, INSERTION_SHARE = 0.9, 0.05
LONGEST_INDEL = 4
GENOTYPES = ["0|0", "0|0", "0|0", "0|1", "1|0", "1|1", "0/1", "./."]
ROWS_AT_A_TIME = 1_000


def made_up(folder: Path) -> tuple[Path, Path]:
    """A FASTA of 12 million bases and a GFF3 of a gene every 2,000."""
    chance = random.Random(1)
    fasta, gff3 = folder / "genome.fa", folder / "genome.gff3"
    with fasta.open("w") as bases, gff3.open("w") as genes:
        genes.write("##gff-version 3\n")
        for number in range(1, CONTIGS + 1):
            sequence = bytearray(chance.choices(b"ACGT", k=CONTIG_BASES))
            for start in range(1_000, CONTIG_BASES - GENE_EVERY, GENE_EVERY):
                genes.writelines(_gene(f"c{number}", start, sequence, chance))
            text = sequence.decode()
            lines = [text[at : at + 60] for at in range(0, len(text), 60)]
            bases.write(f">c{number}\n" + "\n".join(lines) + "\n")
    return fasta, gff3


def _gene(contig: str, start: int, sequence: bytearray, chance: random.Random) -> Iterator[str]:
    """A gene of two exons whose reading frame is open, and its lines."""
    name = f"{contig}_{start}"
    codons = [_codon(chance) for _ in range(EXONS * EXON_BASES // 3 - 2)]
    coding = "ATG" + "".join(codons) + "TAA"
    exons = [(start + n * (EXON_BASES + INTRON_BASES)) for n in range(EXONS)]
    for n, first in enumerate(exons):
        sequence[first : first + EXON_BASES] = coding[n * EXON_BASES :][:EXON_BASES].encode()
    end = exons[-1] + EXON_BASES
    yield _line(contig, "gene", start, end, f"ID=gene:{name};Name={name};biotype=protein_coding")
    yield _line(
        contig, "mRNA", start, end,
        f"ID=transcript:{name};Parent=gene:{name};biotype=protein_coding",
    )  # fmt: skip
    for n, first in enumerate(exons):
        last = first + EXON_BASES
        yield _line(contig, "exon", first, last, f"ID=exon:{name}.{n};Parent=transcript:{name}")
        yield _line(contig, "CDS", first, last, f"ID=CDS:{name};Parent=transcript:{name}", "0")


def _codon(chance: random.Random) -> str:
    codon = "".join(chance.choices("ACGT", k=3))
    return "GCA" if codon in STOPS else codon


def _line(contig: str, kind: str, start: int, end: int, words: str, phase: str = ".") -> str:
    return f"{contig}\tmade\t{kind}\t{start + 1}\t{end}\t.\t+\t{phase}\t{words}\n"


def read_genome(fasta: Path) -> Genome:
    """Every sequence by name; the file may be gzipped."""
    body = fasta.read_bytes()
    text = (gzip.decompress(body) if fasta.suffix == ".gz" else body).decode()
    parts = text.split(">")[1:]
    split = [part.split("\n", 1) for part in parts]
    return {head.split()[0]: body.replace("\n", "").upper() for head, body in split}


def write_variants(genome: Genome, path: Path, records: int, samples: int) -> None:
    """A BGZF VCF of so many records, sorted, nine tenths of them SNVs."""
    chance = random.Random(2)
    total = sum(map(len, genome.values()))
    names = [f"S{n}" for n in range(samples)]
    rows = [chance.choices(GENOTYPES, k=samples) for _ in range(500)] if samples else []
    genotypes = ["\tGT\t" + "\t".join(row) for row in rows] or [""]
    with pysam.BGZFile(str(path), "wb", None) as out:
        out.write(_header(genome, names))
        left, ahead = records, total
        for contig, sequence in genome.items():
            share = round(left * len(sequence) / ahead)
            left, ahead = left - share, ahead - len(sequence)
            lines = list(_rows(contig, sequence, share, genotypes, chance))
            for at in range(0, len(lines), ROWS_AT_A_TIME):
                out.write("".join(lines[at : at + ROWS_AT_A_TIME]).encode())


def _header(genome: Genome, names: list[str]) -> bytes:
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={name},length={len(bases)}>" for name, bases in genome.items()]
    lines += ['##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">']
    lines += ['##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">']
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    columns += ["FORMAT", *names] if names else []
    return ("\n".join([*lines, "\t".join(columns)]) + "\n").encode()


def _rows(
    contig: str, sequence: str, records: int, genotypes: list[str], chance: random.Random
) -> Iterator[str]:
    margin = min(100, len(sequence) // 3)
    places = range(margin, len(sequence) - margin)
    for start in sorted(chance.choices(places, k=records)):
        ref, alt = _alleles(sequence, start, chance)
        info = f"DP={chance.randrange(5, 99)};AF={chance.random():.3f}"
        rest = f"{chance.randrange(10, 99)}\tPASS\t{info}{chance.choice(genotypes)}"
        yield f"{contig}\t{start + 1}\t.\t{ref}\t{alt}\t{rest}\n"


def _alleles(sequence: str, start: int, chance: random.Random) -> tuple[str, str]:
    ref, kind = sequence[start], chance.random()
    if kind < SNV_SHARE:
        return ref, chance.choice([base for base in "ACGT" if base != ref])
    size = chance.randint(1, LONGEST_INDEL)
    if kind < SNV_SHARE + INSERTION_SHARE:
        return ref, ref + "".join(chance.choices("ACGT", k=size))
    return sequence[start : start + 1 + size], ref
