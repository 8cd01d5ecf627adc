"""The bundled reference, choosing among several, and adding one."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ann.records import Header, VCFError
from ann.references import Reference, candidates, installed, load
from tests.ann.conftest import Annotate, vcf

GENES = 37
GFF3 = """##gff-version 3
c1\tmade\tgene\t1\t60\t.\t+\t.\tID=gene:g;Name=G;biotype=protein_coding
c1\tmade\tmRNA\t1\t60\t.\t+\t.\tID=transcript:t;Parent=gene:g;biotype=protein_coding
c1\tmade\texon\t1\t60\t.\t+\t.\tParent=transcript:t
c1\tmade\tCDS\t1\t60\t.\t+\t0\tParent=transcript:t
"""
SEQUENCE = "ATG" + "GCC" * 18 + "TAA"


def header(reference: str = "", **contigs: int | None) -> Header:
    return Header("4.2", [], b"", dict(contigs), reference)


def test_the_sequence_is_rcrs_to_the_letter(rcrs: Reference, sequence: str) -> None:
    digest = hashlib.md5(sequence.encode(), usedforsecurity=False).hexdigest()
    assert len(sequence) == 16569
    assert sequence[3106] == "N"
    assert digest == rcrs.contigs[0].md5 == "c68f52674c9fb33aef52dcf399755519"


def test_all_genes_are_there_and_coding_ones_have_whole_codons_but_for_polyadenylation(
    rcrs: Reference,
) -> None:
    rows = [
        line.split("\t")
        for line in rcrs.path(rcrs.gff3).read_text().splitlines()
        if not line.startswith("#")
    ]
    assert sum(row[2].endswith("gene") for row in rows) == GENES
    coding = [row for row in rows if row[2] == "CDS"]
    assert len(coding) == 13
    completed = {row[8] for row in rows if row[2] == "three_prime_UTR"}
    for row in coding:
        spare = (int(row[4]) - int(row[3]) + 1) % 3
        parent = row[8].partition("Parent=")[2].partition(";")[0]
        assert spare == 0 or f"Parent={parent}" in completed


def test_the_reference_says_where_it_comes_from(rcrs: Reference) -> None:
    told = rcrs.describe()
    assert told["licence"]
    assert told["source"]
    assert told["name"] == "rCRS"


def test_a_contig_of_another_length_is_never_taken_for_ours(rcrs: Reference) -> None:
    with pytest.raises(VCFError, match="hg19's chrM"):
        rcrs.match("chrM", 16571)
    assert rcrs.match("chrM", 16569) is rcrs.contigs[0]


def test_the_files_own_words_choose_between_references_that_fit(rcrs: Reference) -> None:
    other = Reference(rcrs.folder, "other", "", "", rcrs.contigs, rcrs.fasta, rcrs.gff3)
    offer = [other, rcrs]
    assert candidates(header("rCRS"), ["MT"], "", offer) == [rcrs, other]
    assert candidates(header(), ["MT"], "", offer) == [other, rcrs]
    assert candidates(header("rCRS"), ["MT"], "other", offer) == [other]


def test_where_none_fits_the_contigs_seen_and_those_on_offer_are_named(rcrs: Reference) -> None:
    with pytest.raises(VCFError, match=r"1, 2.*human_b36.*rCRS"):
        candidates(header("human_b36.fasta"), ["1", "2"], "", [rcrs])


def test_a_folder_that_describes_no_reference_is_named(tmp_path: Path) -> None:
    (tmp_path / "reference.json").write_text("{}")
    with pytest.raises(ValueError, match=r"reference\.json"):
        load(tmp_path)


def a_copy(rcrs: Reference, folder: Path, name: str = "copy") -> Path:
    """A folder with rCRS under another name."""
    shutil.copytree(rcrs.folder, folder / name)
    description = json.loads((folder / name / "reference.json").read_text()) | {"name": name}
    (folder / name / "reference.json").write_text(json.dumps(description))
    return folder / name


@pytest.mark.parametrize("broken", ["{", "{}", "[]", '{"contigs": 3}', "\xff", ""])
def test_an_unreadable_reference_stops_no_other(
    rcrs: Reference, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    a_copy(rcrs, tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "reference.json").write_bytes(broken.encode("latin-1"))
    assert [r.name for r in installed(tmp_path)] == ["rCRS", "copy"]
    assert "bad/reference.json" in caplog.text


@pytest.mark.parametrize("file", ["rCRS.fa", "rCRS.fa.fai", "rCRS.gff3", "known/clinvar.parquet"])
def test_half_a_reference_is_not_offered(rcrs: Reference, tmp_path: Path, file: str) -> None:
    (a_copy(rcrs, tmp_path) / file).unlink()
    assert [r.name for r in installed(tmp_path)] == ["rCRS"]


@pytest.mark.parametrize("name", [".adding-x", "a b;c", "rCRS"])
def test_a_folder_whose_name_no_reference_has_is_not_offered(
    rcrs: Reference, tmp_path: Path, name: str
) -> None:
    a_copy(rcrs, tmp_path, name)
    assert [r.folder for r in installed(tmp_path)] == [rcrs.folder]


def gas_reference(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ann.catalogue", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_added_reference_annotates(annotate: Annotate, tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(f">c1\n{SEQUENCE}\n")
    (tmp_path / "g.gff3").write_text(GFF3)
    (tmp_path / "known.tab").write_text("c1\t4\tG\tA\tknown1\n")
    files = ["--fasta", tmp_path / "g.fa", "--gff3", tmp_path / "g.gff3"]
    files += ["--known", tmp_path / "known.tab"]
    folder = tmp_path / "refs"
    done = gas_reference("--folder", str(folder), "add", "Tiny", *map(str, files))
    assert done.returncode == 0, done.stderr
    assert [r.name for r in installed(folder)] == ["rCRS", "Tiny"]
    outcome = annotate(vcf("chrc1 4 . G A . . ."), references=folder)
    assert outcome.reference == "Tiny"
    told = json.loads(outcome.summary.read_text())
    assert told["consequences"] == {"missense": 1}
    assert told["known"] == 1
    again = gas_reference("--folder", str(folder), "add", "Tiny", *map(str, files))
    assert again.returncode == 1
    assert again.stderr.strip() == "gas: there is a reference Tiny already"


def test_list_and_show_tell_of_the_bundled_reference() -> None:
    assert "rCRS" in gas_reference("list").stdout
    assert json.loads(gas_reference("show", "rCRS").stdout)["name"] == "rCRS"
    assert gas_reference("show", "none").stderr.strip() == "gas: there is no reference none"
