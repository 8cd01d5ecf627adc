"""bcftools' own test cases of csq, each a contig of one genome: added, and annotated by whole jobs.

To csq a VCF without samples is one haplotype; here each case is phased in a sample in one job, and
called allele by allele in another. tests/ann/data/SOURCES.md says where the cases are from.
"""

import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from tests.ann.added import adding_to
from tests.ann.conftest import COLUMNS, Annotate, records_of

CASES = Path(__file__).parent / "data" / "bcftools_csq.tar.xz"
IDENTIFIER = re.compile(r"\b(ID|Parent)=([a-z]+:)?")
OWN_PREFIX = re.compile(r"\bk\d+\.")
ENTRY = re.compile(r",(?=@|[*]?[A-Za-z0-9_&]+[|])")
SHORT = re.compile(r"\.\.\d+")
EIGHT = len(COLUMNS.split())
SAMPLES = COLUMNS.replace("\n", "\tFORMAT\tS\n")
BEYOND, SYMBOLIC = {"non-coding-boundary": 1}, {"insertions": 7}
"""Records that are set aside here: a REF that goes on behind its contig, and symbolic alleles."""
Files = dict[PurePosixPath, str]


@dataclass(frozen=True)
class Record:
    """A record of a case, under its contig here."""

    case: PurePosixPath
    contig: str
    pos: str
    ref: str
    alts: str

    def row(self, number: int, *, is_phased: bool) -> str:
        columns = [self.contig, self.pos, str(number), self.ref, self.alts, ".", ".", "."]
        genotype = "1|2" if "," in self.alts else "1|1"
        return "\t".join([*columns, *(["GT", genotype] if is_phased else [])]) + "\n"


@pytest.fixture(scope="module")
def files() -> Files:
    with tarfile.open(CASES) as archive:
        return {
            PurePosixPath(member.name): stream.read().decode()
            for member in archive.getmembers()
            if (stream := archive.extractfile(member))
        }


def genome(files: Files) -> tuple[str, str, list[Record]]:
    """All cases as one genome, a contig for each sequence of each VCF: FASTA, genes, records."""
    fasta, genes, records = "", "##gff-version 3\n", list[Record]()
    for number, case in enumerate(path for path in files if path.suffix == ".vcf"):
        key, usual = f"k{number}.", case.parent / case.parent.name
        fasta += files[usual.with_name(f"{usual.name}.fa")].replace(">", f">{key}")
        own = files.get(case.with_suffix(".gff")) or files[usual.with_name(f"{usual.name}.gff")]
        for line in own.splitlines():
            if line and line[0] != "#":
                genes += key + IDENTIFIER.sub(rf"\1=\2{key}", line) + "\n"
        rows = [line.split("\t") for line in files[case].splitlines() if line[0] != "#"]
        without_samples = (row for row in rows if len(row) == EIGHT)
        records += [Record(case, key + row[0], row[1], *row[3:5]) for row in without_samples]
    return fasta, genes, records


def expected(files: Files, case: PurePosixPath, ending: str) -> dict[tuple[str, ...], str]:
    """What bcftools says of the records, by position, REF and ALT; its file has each twice."""
    lines = files.get(case.with_suffix(ending), "").splitlines()
    rows = [line.split("\t") for line in lines if line]
    return {tuple(row[:3]): row[3] for row in rows}


def entries(words: str) -> Iterator[list[str]]:
    """The fields of each entry, in the order of the alphabet; `.` is none."""
    for entry in sorted(ENTRY.split(words)):
        if entry != ".":
            yield entry.split("|")


def agree(found: str, wanted: str) -> bool:
    """The same entries; what is written in short (93IS..105) is the beginning of what is not."""
    ours, theirs = list(entries(found)), list(entries(wanted))
    if [e[:5] + e[6:] for e in ours] != [e[:5] + e[6:] for e in theirs]:
        return False
    pairs = zip(ours, theirs, strict=True)
    changes = [pair for a, b in pairs for pair in zip(a[5:6], b[5:6], strict=True)]
    return all(
        b.startswith(SHORT.split(a)[0])
        for own, other in changes
        for a, b in zip(own.split(">"), other.split(">"), strict=True)
    )


@pytest.mark.parametrize(
    ("mode", "ending", "fewest", "different"),
    [("haplotype", ".txt", 150, BEYOND | SYMBOLIC), ("local", ".txt-l", 80, BEYOND)],
)
def test_bcftools_own_cases_come_out_as_bcftools_expects(
    files: Files,
    annotate: Annotate,
    tmp_path: Path,
    mode: str,
    ending: str,
    fewest: int,
    different: dict[str, int],
) -> None:
    fasta, genes, records = genome(files)
    (tmp_path / "files").mkdir()
    adding_to(tmp_path / "refs", tmp_path / "files", [])(genes, fasta)
    is_phased = mode == "haplotype"
    rows = [record.row(number, is_phased=is_phased) for number, record in enumerate(records)]
    body = "##fileformat=VCFv4.2\n" + (SAMPLES if is_phased else COLUMNS) + "".join(rows)
    outcome = annotate(body.encode(), references=tmp_path / "refs", mode=mode)
    assert outcome.error is None
    compared, found = 0, Counter[str]()
    for fields in records_of(outcome):
        record = records[int(fields[2])]
        wanted = expected(files, record.case, ending).get((record.pos, record.ref, record.alts))
        words = fields[7].partition("BCSQ=")[2].partition(";")[0]
        if wanted is not None:
            compared += 1
            if not agree(OWN_PREFIX.sub("", words) or ".", wanted):
                found[record.case.stem] += 1
    assert compared >= fewest
    assert found == different
