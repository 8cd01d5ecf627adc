"""The genetic codes, held to those that bcftools csq translates with."""

import multiprocessing
from pathlib import Path

import pysam.bcftools
import pytest

from ann.genetic_codes import CHANGES, CODONS, genetic_code

GENE = "".join(CODONS)
FEATURES = """##gff-version 3
C\tx\tgene\t1\t192\t.\t+\t.\tID=gene:g;Name=g;biotype=protein_coding
C\tx\tmRNA\t1\t192\t.\t+\t.\tID=transcript:t;Parent=gene:g;biotype=protein_coding
C\tx\texon\t1\t192\t.\t+\t.\tParent=transcript:t
C\tx\tCDS\t1\t192\t.\t+\t0\tParent=transcript:t
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gene of all 64 codons, and the change of each one's last base."""
    made = tmp_path_factory.mktemp("codes")
    (made / "c.fa").write_text(f">C\n{GENE}\n")
    (made / "c.gff3").write_text(FEATURES)
    head = "##fileformat=VCFv4.2\n##contig=<ID=C,length=192>\n"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    sites = [
        f"C\t{p}\t.\t{GENE[p - 1]}\t{_other(GENE[p - 1])}\t.\t.\t.\n" for p in range(3, 193, 3)
    ]
    (made / "c.vcf").write_text(head + columns + "".join(sites))
    return made


def _other(base: str) -> str:
    return "C" if base == "T" else "T"


def _csq(folder: Path, code: int) -> None:
    options = ["-l", "-C", str(code), "-f", f"{folder}/c.fa", "-g", f"{folder}/c.gff3", "-Ov"]
    pysam.bcftools.csq(
        *options, "-o", f"{folder}/{code}.vcf", f"{folder}/c.vcf", catch_stdout=False
    )


@pytest.mark.parametrize("number", list(CHANGES))
def test_translations_are_those_of_csq(folder: Path, number: int) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_csq, args=(folder, number))
    child.start()
    child.join(30)
    lines = (folder / f"{number}.vcf").read_text().splitlines()
    seen = [line.split("|")[5].split(">")[0] for line in lines if "BCSQ=" in line]
    own = [f"{n}{genetic_code(number).amino[codon]}" for n, codon in enumerate(CODONS, 1)]
    assert seen[1:] == own[1:], "the first codon is a start, which csq words differently"
