"""The bundled reference, what is installed, and choosing among several."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from ann.records import VCFError
from ann.references import Reference, installed, load

GENES = 37


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
    stated = rcrs.describe()
    assert stated["licence"]
    assert stated["source"]
    assert stated["name"] == "rCRS"


def test_a_contig_of_another_length_is_never_taken_for_ours(rcrs: Reference) -> None:
    with pytest.raises(VCFError, match="hg19's chrM"):
        rcrs.match("chrM", 16571)
    assert rcrs.match("chrM", 16569) is rcrs.contigs[0]


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


@pytest.mark.parametrize(
    "broken", ["{", "{}", "[]", '{"contigs": 3}', "\xff", "", '{"known": {"file": "known.tab.gz"}}']
)
def test_an_unreadable_reference_stops_no_other(
    rcrs: Reference, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    a_copy(rcrs, tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "reference.json").write_bytes(broken.encode("latin-1"))
    assert [r.name for r in installed(tmp_path)] == ["rCRS", "copy"]
    assert "bad/reference.json" in caplog.text


@pytest.mark.parametrize(
    "file", ["rCRS.fa", "rCRS.fa.fai", "rCRS.gff3", "known/clinvar.parquet", "genes.parquet"]
)
def test_half_a_reference_is_not_offered(rcrs: Reference, tmp_path: Path, file: str) -> None:
    (a_copy(rcrs, tmp_path) / file).unlink()
    assert [r.name for r in installed(tmp_path)] == ["rCRS"]


@pytest.mark.parametrize("name", [".adding-x", "a b;c", "rCRS"])
def test_a_folder_whose_name_no_reference_has_is_not_offered(
    rcrs: Reference, tmp_path: Path, name: str
) -> None:
    a_copy(rcrs, tmp_path, name)
    assert [r.folder for r in installed(tmp_path)] == [rcrs.folder]
