"""Every SNV of rCRS against an independent table of amino-acid changes."""

import gzip
from collections import Counter
from pathlib import Path

from tests.ann.conftest import Annotate, records_of, vcf

ORACLE = Path(__file__).parent / "data" / "mutserve_rCRS_aac.tsv.gz"
"""Made by others, without bcftools; tests/ann/data/LICENCE.md says by whom."""
AGREEMENT = 0.999


def test_consequences_of_the_genes_translate_as_the_genetic_code_says(
    annotate: Annotate, sequence: str
) -> None:
    """Without the table: the third codon of MT-ND1 (ATACCC…), by hand."""
    outcome = annotate(vcf(f"MT 3310 . {sequence[3309]} T . . .", "MT 3312 . C A . . ."))
    infos = [fields[7] for fields in records_of(outcome)]
    assert "missense|MT-ND1" in infos[0]
    assert "2P>2S" in infos[0]
    assert "synonymous|MT-ND1" in infos[1]


def test_amino_acid_changes_agree_with_mutserve(annotate: Annotate, sequence: str) -> None:
    expected = _expected()
    records = [
        f"MT {p} . {ref} {alt} . . ."
        for p, ref in enumerate(sequence, 1)
        if ref != "N"
        for alt in "ACGT"
        if alt != ref
    ]
    verdicts: Counter[bool] = Counter()
    for fields in records_of(annotate(vcf(*records))):
        found = _found(fields)
        for wanted in expected.get(f"{fields[1]}{fields[4]}", ()) if found else ():
            verdicts[wanted in found] += 1
    assert verdicts.total() > 24_000
    assert verdicts[True] / verdicts.total() >= AGREEMENT, verdicts


def _expected() -> dict[str, list[tuple[str, str]]]:
    """The changes of each (position and base); genes that overlap have two, under one name."""
    with gzip.open(ORACLE, "rt") as rows:
        names = next(rows).rstrip("\n").split("\t")
        table = [dict(zip(names, row.rstrip("\n").split("\t"), strict=False)) for row in rows]
    changes: dict[str, list[tuple[str, str]]] = {}
    for row in table:
        if row.get("AminoAcid") and row.get("NewAminoAcid"):
            change = (row["AminoAcid"], row["NewAminoAcid"])
            changes.setdefault(row["Mutation"], []).append(change)
    return changes


def _found(fields: list[str]) -> list[tuple[str, str]]:
    """The changes that csq saw; none in an incomplete stop codon, which it leaves alone."""
    info = dict(item.partition("=")[::2] for item in fields[7].split(";"))
    changes = []
    for entry in info.get("BCSQ", "").split(","):
        parts = entry.split("|")
        if len(parts) > 5 and parts[5]:
            before, _, after = parts[5].partition(">")
            amino, new = before.lstrip("0123456789"), (after or before).lstrip("0123456789")
            changes.append((amino, new))
    return changes
