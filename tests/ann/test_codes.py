"""A genome of several contigs, one of them with a genetic code of its own."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ann.conftest import Annotate, records_of, vcf

CODING = "ATGATA" + "GCA" * 60 + "TAA"
START = 100
GENE = """{0}\tmade\tgene\t{1}\t{2}\t.\t+\t.\tID=gene:{0};Name={0};biotype=protein_coding
{0}\tmade\tmRNA\t{1}\t{2}\t.\t+\t.\tID=transcript:{0};Parent=gene:{0};biotype=protein_coding
{0}\tmade\texon\t{1}\t{2}\t.\t+\t.\tID=exon:{0};Parent=transcript:{0}
{0}\tmade\tCDS\t{1}\t{2}\t.\t+\t0\tID=CDS:{0};Parent=transcript:{0}
"""
NAMES = ["c1", "c2", "m1"]
"""m1 reads the second codon of its gene, ATA, as methionine, the others as isoleucine."""
CHANGE = START + 5
FOUND = {
    "c1": "missense|c1|c1|protein_coding|+|2I>2M",
    "m1": "synonymous|m1|m1|protein_coding|+|2M",
}
FOUND["c2"] = FOUND["c1"].replace("c1", "c2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of references with one of these contigs."""
    place = tmp_path_factory.mktemp("codes")
    chance = random.Random(1)
    flanks = {name: "".join(chance.choices("ACGT", k=START - 1)) for name in NAMES}
    fasta, gff3 = place / "g.fa", place / "g.gff3"
    fasta.write_text("".join(f">{n}\n{flank}{CODING}{flank}\n" for n, flank in flanks.items()))
    end = START + len(CODING) - 1
    gff3.write_text("##gff-version 3\n" + "".join(GENE.format(n, START, end) for n in NAMES))
    command = [sys.executable, "-m", "ann.catalogue", "--folder", str(place / "refs"), "add", "Two"]
    command += ["--fasta", str(fasta), "--gff3", str(gff3), "--contig-code", "m1=2"]
    subprocess.run(command, check=True, capture_output=True)
    return place / "refs"


@pytest.mark.parametrize("names", [["c1", "m1", "c2"], ["m1", "c2"], ["c2", "c1", "m1"]])
def test_each_contig_is_read_by_its_own_code_in_the_files_order(
    annotate: Annotate, folder: Path, names: list[str]
) -> None:
    outcome = annotate(vcf(*(f"{n} {CHANGE} . A G . . ." for n in names)), references=folder)
    assert outcome.error is None
    fields = records_of(outcome)
    assert [f[0] for f in fields] == names
    for name, columns in zip(names, fields, strict=True):
        assert f"BCSQ={FOUND[name]}" in columns[7]
    assert "sorted" not in outcome.log.read_text()


def test_codes_hold_when_the_records_have_to_be_sorted(annotate: Annotate, folder: Path) -> None:
    rows = [f"{n} {CHANGE} . A G . . ." for n in ("m1", "c1")]
    outcome = annotate(vcf(*rows, f"m1 {START + 3} . A C . . ."), references=folder)
    fields = records_of(outcome)
    assert [f[0] for f in fields] == ["m1", "m1", "c1"]
    assert FOUND["m1"] in fields[1][7]
    assert FOUND["c1"] in fields[2][7]


def test_intervals_of_several_contigs_are_told_apart(annotate: Annotate, folder: Path) -> None:
    records = [f"{n} {CHANGE} . A G . . ." for n in NAMES]
    bed = "".join(f"{n}\t{CHANGE - 1}\t{CHANGE}\tin {n}\n" for n in NAMES).encode()
    outcome = annotate(vcf(*records), references=folder, own=("a.bed", "OWN", bed))
    assert outcome.error is None
    for columns in records_of(outcome):
        assert columns[7].endswith(f";OWN=in_{columns[0]}")
