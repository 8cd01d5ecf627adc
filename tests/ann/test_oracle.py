"""Every SNV of rCRS against two oracles: a table of amino-acid changes that others made, and a
translator that shares no line with the annotator.
"""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ann.pipeline import Task
from ann.references import BUNDLED
from ann.worker import Worker
from tests.ann.conftest import LIMITS, PATIENCE_S, vcf

ORACLE = Path(__file__).parent / "data" / "mutserve_rCRS_aac.tsv.gz"
"""Made by others, without bcftools; tests/ann/data/LICENCE.md says by whom."""
GENES = BUNDLED / "rCRS" / "sources" / "genes.tsv.gz"
POLYADENYLATED = {"MT-ND1", "MT-ND2", "MT-CO3", "MT-ND3", "MT-ND4", "MT-CYB"}
"""Genes whose stop codon polyadenylation completes: its bases are no whole codon of rCRS."""
AMINO = "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG"
NAMES = "AlaArgAsnAspCysGlnGluGlyHisIleLeuLysMetPheProSerThrTrpTyrValTer"
THREE = {letter: NAMES[3 * n : 3 * n + 3] for n, letter in enumerate("ARNDCQEGHILKMFPSTWYV*")}
STARTS = {"ATT", "ATC", "ATA", "ATG", "GTG"}
PAIRS = str.maketrans("ACGT", "TGCA")
Row = dict[str, Any]
Key = tuple[int, str]


@pytest.fixture(scope="module")
def genes() -> list[dict[str, str]]:
    with gzip.open(GENES, "rt") as rows:
        return list(csv.DictReader(rows, delimiter="\t"))


@pytest.fixture(scope="module")
def table(
    worker: Worker, sequence: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[Key, Row]:
    """The table of variants of every SNV of rCRS, by position and base."""
    folder = tmp_path_factory.mktemp("oracle")
    records = [
        f"MT {pos} . {ref} {alt} . . ."
        for pos, ref in enumerate(sequence, 1)
        if ref != "N"
        for alt in "ACGT"
        if alt != ref
    ]
    (folder / "input").write_bytes(vcf(*records))
    outcome = worker.start(Task(folder / "input", folder, "all.vcf", "", LIMITS)).wait(PATIENCE_S)
    assert outcome is not None
    assert outcome.error is None
    with duckdb.connect() as db:
        cursor = db.execute(f"FROM read_parquet('{outcome.variants}')")
        names = [column[0] for column in cursor.description or ()]
        made = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len(made) == 49_704
    return {(row["pos"], row["alt"]): row for row in made}


def translate(codon: str, *, is_first: bool) -> str:
    if is_first and codon in STARTS:
        return "M"
    return AMINO["TCAG".index(codon[0]) * 16 + "TCAG".index(codon[1]) * 4 + "TCAG".index(codon[2])]


def predictions(gene: dict[str, str], sequence: str) -> dict[Key, tuple[str, str, str]]:
    """c., p. and the codons of every SNV in the whole codons of a gene."""
    first, last = int(gene["start"]), int(gene["end"])
    coding, step, begin = sequence[first - 1 : last], 1, first
    if gene["strand"] == "-":
        coding, step, begin = coding.translate(PAIRS)[::-1], -1, last
    found = {}
    for number in range(len(coding) - len(coding) % 3):
        codon, place = coding[number // 3 * 3 :][:3], number % 3
        for base in "ACGT":
            if base != coding[number]:
                new = codon[:place] + base + codon[place + 1 :]
                alt = base if step == 1 else base.translate(PAIRS)
                change = f"c.{number + 1}{coding[number]}>{base}"
                words = (change, protein(codon, new, number // 3), codons(codon, new))
                found[begin + step * number, alt] = words
    return found


def codons(old: str, new: str) -> str:
    pairs = list(zip(old, new, strict=True))
    return "/".join(
        "".join(pair[n] if pair[0] != pair[1] else pair[n].lower() for pair in pairs)
        for n in (0, 1)
    )


def protein(old_codon: str, new_codon: str, number: int) -> str:
    is_first = number == 0
    old, new = (translate(c, is_first=is_first) for c in (old_codon, new_codon))
    if is_first and new_codon not in STARTS:
        return "p.(Met1?)"
    if old == new:
        return f"p.({THREE[old]}{number + 1}=)"
    if old == "*":
        return f"p.(Ter{number + 1}{THREE[new]}extTer?)"
    return f"p.({THREE[old]}{number + 1}{THREE[new]})"


def test_hgvs_and_codons_agree_with_an_independent_translator(
    table: dict[Key, Row], genes: list[dict[str, str]], sequence: str
) -> None:
    pairs = 0
    wrong = []
    for gene in genes:
        if gene["biotype"] != "protein_coding":
            continue
        for key, wanted in predictions(gene, sequence).items():
            entries = [c for c in table[key]["consequences"] if c["gene"] == gene["symbol"]]
            found = [(c["hgvs_c"], c["hgvs_p"], c["codons"]) for c in entries]
            pairs += 1
            if found != [wanted]:
                wrong.append((gene["symbol"], *key, found, wanted))
    assert pairs > 34_000
    assert wrong == []


def test_every_base_of_an_rna_gene_has_its_consequence(
    table: dict[Key, Row], genes: list[dict[str, str]], sequence: str
) -> None:
    """Defect 8: 27 of these had none."""
    for gene in genes:
        if gene["biotype"] == "protein_coding":
            continue
        for pos in range(int(gene["start"]), int(gene["end"]) + 1):
            for alt in set("ACGT") - {sequence[pos - 1]} if sequence[pos - 1] != "N" else ():
                row = table[pos, alt]
                assert gene["symbol"] in row["genes"], (gene["symbol"], pos)
                assert "non_coding_transcript_exon_variant" in row["terms"]


def test_start_codons_of_the_code_are_not_lost(table: dict[Key, Row]) -> None:
    """Defect 9: csq says so of 48 SNVs."""
    kinds: Counter[str] = Counter()
    for row in table.values():
        for entry in row["consequences"] or ():
            if "start_lost" in entry["consequence"]:
                assert entry["hgvs_p"] == "p.(Met1?)"
            if "start_retained" in entry["consequence"]:
                assert entry["hgvs_p"] == "p.(Met1=)"
            kinds.update(
                set(entry["consequence"].split("&")) & {"start_lost", "start_retained_variant"}
            )
    assert kinds["start_retained_variant"] >= 48


def test_the_control_region_is_named(table: dict[Key, Row], sequence: str) -> None:
    inside = [pos for pos in (*range(1, 577), *range(16_024, 16_570))]
    for pos in inside:
        alt = next(base for base in "ACGT" if base != sequence[pos - 1])
        assert "D-loop" in table[pos, alt]["regions"]


def test_amino_acid_changes_agree_with_mutserve(table: dict[Key, Row]) -> None:
    """All agree, outside what docs/output.md lists."""
    verdicts: Counter[str] = Counter()
    with gzip.open(ORACLE, "rt") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["AminoAcid"] and row["NewAminoAcid"]:
                verdicts[verdict(row, table[int(row["Mutation"][:-1]), row["Mutation"][-1]])] += 1
    assert verdicts.pop("agrees") > 24_100
    assert verdicts == {"polyadenylated stop": 11}


def verdict(wanted: dict[str, str], row: Row) -> str:
    old, new = (THREE.get(wanted[name], "?") for name in ("AminoAcid", "NewAminoAcid"))
    entries = row["consequences"] or []
    changes = {c["gene"]: c["hgvs_p"] for c in entries if c["hgvs_p"]}
    if any(says(change, old, new) for change in changes.values()):
        return "agrees"
    if not changes and POLYADENYLATED & {c["gene"] for c in entries}:
        return "polyadenylated stop"
    return f"differs: {wanted['Mutation']} {wanted['Maplocus']} {wanted['AAC']} {changes}"


def says(change: str, old: str, new: str) -> bool:
    """Whether p. names these residues, whatever their number."""
    words = change.removeprefix("p.(").removesuffix(")")
    if change in ("p.(Met1?)", "p.(Met1=)"):  # the table translates what begins a protein as well
        return True
    if old == new:
        return words.startswith(old) and words.endswith("=")
    return words.startswith(old) and words.partition("ext")[0].endswith(new)
