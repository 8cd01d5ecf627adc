"""Alleles of one haplotype that change one codon together, and when they are called so."""

import itertools
import re
from pathlib import Path

import duckdb
import pytest

from ann.genotypes import MOST_SHOWN
from ann.pipeline import Outcome
from tests.ann.added import Adding
from tests.ann.conftest import Annotate, records_of, vcf
from tests.ann.gene_models import ENSEMBL, SEQUENCE

PAIR = ["MT 11777 a C A . . . GT {}", "MT 11778 b G A . . . GT {}"]


def phased(*genotypes: str, samples: str = "S1") -> bytes:
    """R340 by two changes: each alone gives S or H, both together N."""
    rows = [row.format(genotypes[n % len(genotypes)]) for n, row in enumerate(PAIR)]
    rows.append(f"MT 14484 c T C . . . GT {' '.join(['0|0'] * len(samples.split()))}")
    names = "\t".join(["INFO", "FORMAT", *samples.split()])
    return vcf(*rows).replace(b"INFO\n", f"{names}\n".encode())


def changes(outcome: Outcome) -> list[str]:
    assert outcome.error is None
    return [fields[7].partition("BCSQ=")[2].partition(";")[0] for fields in records_of(outcome)]


def test_phased_changes_of_one_codon_are_called_together(annotate: Annotate) -> None:
    outcome = annotate(phased("0|1"))
    first, second, third = changes(outcome)
    assert "340R>340N|11777C>A+11778G>A" in f"{first} {second}"
    assert "@1177" in f"{first} {second}"
    assert "64M>64V" in third
    assert "haplotype by haplotype" in outcome.log.read_text()
    with duckdb.connect() as db:
        query = "SELECT consequences[1].codons FROM read_parquet(?)"
        codons = db.execute(query, [str(outcome.variants)]).fetchall()
    assert codons == [("CGc/AAc",), ("CGc/AAc",), ("Atg/Gtg",)]


@pytest.mark.parametrize("genotypes", [("0/1",), ("0|1", "0/1"), ("0|1", "0|2"), ("0|1", "1|.|0")])
def test_what_is_not_phased_or_not_clean_is_called_allele_by_allele(
    annotate: Annotate, genotypes: tuple[str, ...]
) -> None:
    outcome = annotate(phased(*genotypes))
    first, second, _ = changes(outcome)
    assert "340R>340S" in first
    assert "340R>340H" in second
    assert "allele by allele" in outcome.log.read_text()


def test_many_samples_are_called_allele_by_allele(annotate: Annotate) -> None:
    samples = " ".join(f"S{n}" for n in range(11))
    outcome = annotate(phased(" ".join(["0|1"] * 11), samples=samples))
    assert "340R>340S" in changes(outcome)[0]


def test_the_choice_can_be_overridden(annotate: Annotate) -> None:
    assert "340R>340S" in changes(annotate(phased("0|1"), mode="local"))[0]


@pytest.mark.parametrize("number", [11, MOST_SHOWN + 1])
def test_many_samples_are_called_haplotype_by_haplotype_where_that_is_wanted(
    annotate: Annotate, number: int
) -> None:
    samples = " ".join(f"S{n}" for n in range(number))
    many = phased(" ".join(["0|1"] * number), samples=samples)
    assert "340N" in " ".join(changes(annotate(many, mode="haplotype")))


def test_a_file_that_is_not_phased_cannot_be_called_so_whatever_is_wanted(
    annotate: Annotate,
) -> None:
    outcome = annotate(phased("0|1", "0/1"), mode="haplotype")
    assert "Line 4 has a genotype that is not phased" in (outcome.error or "")
    assert not outcome.crashed
    bare = annotate(vcf("MT 73 . A G . . ."), mode="haplotype")
    assert "no samples" in (bare.error or "")


def test_an_unsorted_file_is_sorted_first(annotate: Annotate) -> None:
    lines = phased("0|1").splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    assert "340N" in " ".join(changes(annotate(b"".join(lines))))


def test_changes_of_one_codon_are_put_together_on_every_contig_of_a_file(
    annotate: Annotate, adding: Adding, folder: Path
) -> None:
    """csq tells them at one record and refers to it from the other, which must be of its contig."""
    others = ENSEMBL.partition("\n")[2].replace("c1\t", "c2\t")
    genes = ENSEMBL + re.sub(r"(gene:g|transcript:t)", r"\1x", others)
    adding(genes, f">c1\n{SEQUENCE}\n>c2\n{SEQUENCE}\n")
    rows = [f"{contig} {pos} . C A . . . GT 0|1" for contig in ("c1", "c2") for pos in (35, 36)]
    outcome = annotate(
        vcf(*rows).replace(b"INFO\n", b"INFO\tFORMAT\tS1\n"), reference="Tiny", references=folder
    )
    assert outcome.error is None
    with duckdb.connect() as db:
        query = "SELECT chrom, pos, hgvs_p FROM read_parquet(?)"
        found = db.execute(query, [str(outcome.variants)]).fetchall()
    places = itertools.product(["c1", "c2"], [35, 36])
    assert found == [(*place, "p.(Ala2Glu)") for place in places]
