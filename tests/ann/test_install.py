"""References are whole or not there, verified and removed; the recipes' too."""

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ann.install import AddError, remove
from ann.manifest import faults
from ann.recipes import listing, recipes, wanted
from ann.references import installed
from tests.ann.added import Adding, gas_reference
from tests.ann.conftest import Annotate, records_of, vcf
from tests.ann.gene_models import ENSEMBL, SEQUENCE

DATA = Path(__file__).with_name("data")
KILLED_AT = (1, 4, 6, 10, 14, 20, 28, 29, 31)
KILLED = """
import os, signal, sys
seen = 0
def count(event, details):
    global seen
    if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove"):
        seen += {folder!r} in str(details[0])
        if seen == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    sys.addaudithook(count)
    from ann.catalogue import main
    main()
"""


@pytest.mark.parametrize("number", KILLED_AT)
def test_a_reference_is_whole_or_not_there_whenever_add_is_killed(
    tmp_path: Path, folder: Path, number: int
) -> None:
    (tmp_path / "g.fa").write_text(f">c1\n{SEQUENCE}\n")
    (tmp_path / "g.gff3").write_text(ENSEMBL)
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(folder=str(folder), number=number))
    arguments = ["--folder", str(folder), "add", "Tiny", "--fasta", str(tmp_path / "g.fa")]
    arguments += ["--gff3", str(tmp_path / "g.gff3")]
    command = [sys.executable, str(script), *arguments]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(command, check=False, capture_output=True, env={"PYTHONPATH": root})
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    there = [r for r in installed(folder) if r.name != "rCRS"]
    assert [r.name for r in there] in ([], ["Tiny"])
    assert not any(faults(reference) for reference in there)
    again = gas_reference(*arguments)
    assert again.returncode == (1 if there else 0), again.stderr
    assert [r.name for r in installed(folder)] == ["rCRS", "Tiny"]
    assert not faults(installed(folder)[1])


def test_two_cannot_add_the_same_at_once(adding: Adding, folder: Path) -> None:
    (folder / ".adding-Tiny").mkdir(parents=True)
    with (folder / ".adding-Tiny" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AddError, match="by another process"):
            adding()
    assert adding().name == "Tiny"


def test_verify_finds_what_changed(adding: Adding, folder: Path) -> None:
    reference = adding()
    assert gas_reference("--folder", folder, "verify").stdout.splitlines() == [
        "rCRS: as it was made",
        "Tiny: as it was made",
    ]
    reference.path(reference.gff3).write_bytes(b"other")
    done = gas_reference("--folder", folder, "verify", "Tiny")
    assert done.returncode == 1
    assert "Tiny: Tiny.gff3.gz has 5 bytes" in done.stderr
    (reference.folder / "genes.parquet").unlink()
    done = gas_reference("--folder", folder, "verify")
    assert done.returncode == 1
    assert done.stderr == "gas: Tiny: reference.json: genes.parquet is missing\n"
    assert "no reference None" in gas_reference("verify", "None").stderr


def test_remove_removes_added_references_only(adding: Adding, folder: Path) -> None:
    adding()
    remove("Tiny", folder)
    assert not list(folder.iterdir())
    for name in ("Tiny", "rCRS", "../refs", ""):
        with pytest.raises(AddError, match="there is no added reference"):
            remove(name, folder)
    assert adding().name == "Tiny"


@pytest.mark.parametrize("name", recipes())
def test_recipes_name_whole_sources(name: str) -> None:
    order = wanted(name, name)
    for url in filter(None, (order.fasta, order.genes, order.contig_names)):
        assert url.startswith(("https://ftp.ensembl.org/pub/", "https://ftp.ncbi.nlm.nih.gov/"))
    assert order.licence
    assert name in listing()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Copies of what the recipe for SARS-CoV-2 downloads, under the names that NCBI has."""
    order = recipes()["SARS-CoV-2"]
    files = {key: Path(order[key]).name for key in ("fasta", "genes", "contig_names")}
    found = tmp_path / "mirror"
    found.mkdir()
    (found / files["fasta"]).write_bytes((DATA / "NC_045512.2.fna.gz").read_bytes())
    (found / files["genes"]).write_bytes((DATA / "NC_045512.2.gff3.gz").read_bytes())
    (found / files["contig_names"]).write_text("NC_045512.2\tMN908947.3\n")
    return found


def test_the_best_known_changes_of_sars_cov_2(
    mirror: Path, folder: Path, annotate: Annotate
) -> None:
    done = gas_reference("--folder", folder, "add", "SARS-CoV-2", "--recipe", "--mirror", mirror)
    assert done.returncode == 0, done.stderr
    assert "11 of 11 genes can be used, 11 of them coding" in done.stderr
    changes = {23063: ("A", "T", "501N>501Y"), 23403: ("A", "G", "614D>614G")}
    changes |= {25563: ("G", "T", "57Q>57H")}
    records = [f"MN908947.3 {pos} . {ref} {alt} . . ." for pos, (ref, alt, _) in changes.items()]
    outcome = annotate(vcf(*records), references=folder)
    assert outcome.error is None
    assert outcome.reference == "SARS-CoV-2"
    for record in records_of(outcome):
        assert f"|{changes[int(record[1])][2]}|" in record[7]
