"""Codons that introns part, on both strands: every change against the spliced sequence."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from ann.checked import Runs
from ann.codons import codons_of
from ann.fasta import MappedFasta
from ann.genes import write_parquet
from ann.gff import read
from ann.hgvs import reverse_complement
from ann.models import NearbyModels
from ann.naming import coding_bases
from ann.references import Contig, Reference

EXONS = ("ATGG", "C", "TAAAGGT", "TGG", "TAAC")
"""MAKGW, a stop and a base of no whole codon; the second codon lies in three exons."""
CODING, INTRON, FLANK = "".join(EXONS), "GTTTTTTCAG", "CCCCC"
FORWARD = FLANK + INTRON.join(EXONS) + FLANK
LINE = "C{0}\tx\t{1}\t{2}\t{3}\t.\t{0}\t{4}\t{5}\n"


def placed(strand: str) -> list[tuple[int, int]]:
    """The ends of the exons on the contig, in the direction of the strand."""
    places, first = [], len(FLANK) + 1
    for exon in EXONS:
        places.append((first, first + len(exon) - 1))
        first += len(exon) + len(INTRON)
    if strand == "+":
        return places
    return [(len(FORWARD) + 1 - last, len(FORWARD) + 1 - first) for first, last in places]


def features(strand: str) -> str:
    places = placed(strand)
    low, high = min(places)[0], max(places)[1]
    lines = [
        LINE.format(strand, "gene", low, high, ".", f"ID=gene:g{strand};biotype=protein_coding"),
        LINE.format(
            *(strand, "mRNA", low, high, "."),
            f"ID=transcript:t{strand};Parent=gene:g{strand};biotype=protein_coding",
        ),
    ]
    done = 0
    for exon, (first, last) in zip(EXONS, places, strict=True):
        parent = f"Parent=transcript:t{strand}"
        lines.append(LINE.format(strand, "exon", first, last, ".", parent))
        lines.append(LINE.format(strand, "CDS", first, last, -done % 3, parent))
        done += len(exon)
    return "".join(lines)


@pytest.fixture
def made(tmp_path: Path) -> Reference:
    """The gene on one strand of the contig C+, and on the other of C-."""
    texts = {"C+": FORWARD, "C-": reverse_complement(FORWARD)}
    (tmp_path / "c.fa").write_text("".join(f">{n}\n{bases}\n" for n, bases in texts.items()))
    (tmp_path / "c.fa.fai").write_text(
        f"C+\t{len(FORWARD)}\t4\t{len(FORWARD)}\t{len(FORWARD) + 1}\n"
        f"C-\t{len(FORWARD)}\t{len(FORWARD) + 9}\t{len(FORWARD)}\t{len(FORWARD) + 1}\n"
    )
    (tmp_path / "c.gff3").write_text("##gff-version 3\n" + features("+") + features("-"))
    contigs = tuple(Contig(name, len(FORWARD), "", (), 1) for name in texts)
    write_parquet(read(tmp_path / "c.gff3").genes, list(contigs), tmp_path / "genes.parquet")
    return Reference(
        *(tmp_path, "made", "Made", "made", contigs, "c.fa", "c.gff3"), genes="genes.parquet"
    )


def wanted(number: int, new: str) -> str:
    """The words for the base with this number, from 0, in the spliced sequence."""
    first = number // 3 * 3
    codon = CODING[first : first + 3].lower()
    if len(codon) < 3:
        return ""
    front, behind = codon[: number - first], codon[number - first + 1 :]
    return f"{front}{CODING[number]}{behind}/{front}{new}{behind}"


@pytest.mark.parametrize("dense", [0, 1000])
@pytest.mark.parametrize("strand", ["+", "-"])
def test_codons_that_introns_part_are_put_together(
    made: Reference, strand: str, dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last base is of no whole codon, and has none."""
    monkeypatch.setattr("ann.codons.DENSE", dense)
    spans = placed(strand)
    places = [p for first, last in spans for p in range(first, last + 1)[:: int(f"{strand}1")]]
    cases = [(n, new) for n in range(len(CODING)) for new in "ACGTN"]
    contig = FORWARD if strand == "+" else reverse_complement(FORWARD)
    pos = np.array([places[n] for n, _ in cases])
    alts = [new if strand == "+" else reverse_complement(new) for _, new in cases]
    refs = [contig[p - 1] for p in pos.tolist()]
    with duckdb.connect() as db:
        models = NearbyModels(db, made)
        models.cover({f"C{strand}": (1, len(FORWARD))})
        old, new = (np.frombuffer("".join(bases).encode(), np.uint8) for bases in (refs, alts))
        every = np.ones(len(cases), np.bool_)
        on = [model[0] for model in models.coding.values()].index(f"C{strand}")
        numbers = np.full(len(cases), on)
        bases = coding_bases(numbers, pos, old, new, every, models)
        contigs = Runs([f"C{strand}"], np.zeros_like(numbers))
        found = codons_of(bases, contigs, models, MappedFasta(made))
    words = [found.words[code] for code in found.codes.tolist()]
    assert words == [wanted(n, new) if new != "N" else "" for n, new in cases]
