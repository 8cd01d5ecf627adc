"""Words for every outcome: what a file can do to a job, and what its owner then reads."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pysam
import pytest

from ann.csq import LimitError
from ann.disk import Disk, duckdb_errors, used_bytes
from ann.reader import Reader
from ann.records import MOST_CHARACTERS, Bounds, VCFError
from tests.ann.conftest import LIMITS, Annotate, records_of, vcf

LATE = [f"1 {pos} . A C . . ." for pos in range(1, 2001)]
MANY_ALTS = ",".join(["C"] * 70_000)
FAULTS = {
    "a length of 5,000 digits": (
        vcf("MT 73 . A G . . .", header=f"##contig=<ID=MT,length={'9' * 5000}>\n"),
        "Line 2: the contig's length has 5,000 digits",
    ),
    "an ALT for every number that htslib has": (
        vcf(f"MT 73 . A {MANY_ALTS} . . ."),
        "Line 3: it has 70,000 alternative alleles; the most is 65,534",
    ),
    "NUL in a contig's name": (vcf("MT\0x 73 . A G . . ."), "Line 3: it holds binary data"),
    "NUL in the header": (
        vcf("MT 73 . A G . . .", header="##contig=<ID=M\0T>\n"),
        "Line 2: it holds binary data",
    ),
    "a position of eleven digits": (vcf("MT 12345678901 . A G . . ."), "POS must be"),
    "a position beyond htslib's": (vcf("MT 2147483647 . A G . . ."), "POS must be"),
    "an END beyond all": (vcf("MT 73 . A G . . END=99999999999"), "cannot be indexed"),
    "no header": (
        b"MT\t73\t.\tA\tG\t.\t.\t.\n",
        "its first line is not ##fileformat=VCFv4.2 or the like. Please upload a VCF file, plain "
        "(.vcf) or compressed with bgzip or gzip (.vcf.gz). It begins with 'MT 73 . A G . . .'",
    ),
    "only records outside": (
        vcf(*(f"MT {p} . A G . . ." for p in range(20_000, 20_100))),
        "100 of 100 records lie beyond the end of their contig in rCRS",
    ),
    "control characters in a name": (vcf("\x1b[31mred\x07 73 . A G . . ."), "another assembly"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_file_fails_once_in_words(annotate: Annotate, name: str) -> None:
    body, words = FAULTS[name]
    outcome = annotate(body)
    assert words in (outcome.error or "")
    assert not outcome.crashed
    assert (outcome.error or "").isprintable()


def test_words_that_quote_a_file_are_short(annotate: Annotate) -> None:
    outcome = annotate(vcf(f"{'x' * 1_000_000} 73 . A G . . ."))
    assert 0 < len(outcome.error or "") <= MOST_CHARACTERS + 1


ENDLESS = {
    "INFO": f"MT 11778 . G A . . {';'.join(['K=1'] * 2_000_000)}",
    "ALT": f"MT 11778 . G {'A' * 9_000_000} . . .",
    "CHROM": f"{'x' * 9_000_000} 5 . G A . . .",
    "ID": f"MT 11778 {'x' * 9_000_000} G A . . .",
}


@pytest.mark.parametrize("column", ENDLESS)
def test_a_cell_may_be_endless(annotate: Annotate, column: str) -> None:
    given = ["MT 73 . A G . . .", "MT 263 . A G . . .", ENDLESS[column]]
    outcome = annotate(vcf(*given), limits=replace(LIMITS, memory_mb=3000))
    assert outcome.error is None
    (*_, found) = records_of(outcome)
    assert found[:2] == ENDLESS[column].split(" ", 2)[:2]
    assert ("340R>340H" in found[7][-2000:]) is (column in ("INFO", "ID"))


def test_positions_beyond_a_tbi_get_a_csi(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 73 . A G . . .", "chr3B 600000000 . A C . . ."))
    assert outcome.error is None
    assert outcome.index.name == "result.vcf.gz.csi"
    with pysam.VariantFile(str(outcome.result), index_filename=str(outcome.index)) as result:
        assert [r.pos for r in result.fetch("chr3B", 599_999_000)] == [600_000_000]
        assert [r.pos for r in result.fetch("MT")] == [73]


def test_an_end_beyond_a_tbi_gets_a_csi(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 4216 . T C . . END=600000000"))
    assert outcome.error is None
    assert outcome.is_csi


def test_a_contig_that_comes_late_decides_as_well(annotate: Annotate) -> None:
    outcome = annotate(vcf(*LATE, "MT 11778 . G A . . ."))
    assert outcome.error is None
    assert "340R>340H" in records_of(outcome)[-1][7]


def test_an_ambiguous_ref_is_no_sign_of_another_assembly(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 73 . R G . . ."))
    assert outcome.error is None
    told = json.loads(outcome.summary.read_text())["not_annotated"]
    assert told == {"ambiguous base (not A, C, G or T)": 1}


def test_every_record_that_was_set_aside_is_listed_with_its_reason(annotate: Annotate) -> None:
    records = [f"MT {p} . A G . . ." for p in (73, 263)]
    records += ["MT 11778 x G <DEL>,A . . .", "MT 14484 =cmd() T <DEL> . . .", "un 5 . A C . . ."]
    outcome = annotate(vcf(*records, "MT 16570 . A C . . ."))
    assert outcome.error is None
    rows = [line.split("\t") for line in outcome.rejected.read_text().splitlines()]
    assert rows[0] == ["line", "contig", "pos", "id", "ref", "alts", "reason", "words"]
    assert rows[1][:7] == [
        "6", "MT", "14484", "'=cmd()", "T", "<DEL>", "symbolic allele or breakend",
    ]  # fmt: skip
    assert rows[2][-2:] == ["contig not in the reference", "rCRS has no such contig"]
    assert rows[3][-2:] == ["position outside the contig", "MT has 16,569 bases in rCRS"]
    assert len(rows) == 4


class SampleName(bytes):
    """A name that counts how often names are hashed or compared."""

    looks = 0

    def __hash__(self) -> int:
        SampleName.looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        SampleName.looks += 1
        return super().__eq__(other)


class ColumnLine(bytes):
    """The column line with names that count."""

    def split(self, *_: object) -> list[bytes]:
        columns = super().split(b"\t")
        return [*columns[:9], *map(SampleName, columns[9:])]


def test_each_of_many_samples_is_looked_at_a_few_times(tmp_path: Path) -> None:
    names = [b"S%d" % n for n in range(2_000)]
    columns = vcf().split(b"\n")[-2].split(b"\t")
    path = tmp_path / "narrow.vcf"
    path.write_bytes(vcf())
    with Reader(path, Bounds(1 << 20, 10, 1 << 30)) as reader:
        reader._columns(ColumnLine(b"\t".join([*columns, b"FORMAT", *names])))
        assert 0 < SampleName.looks < 5 * len(names)
        with pytest.raises(VCFError, match="'S7' is empty or stands there twice"):
            reader._columns(ColumnLine(b"\t".join([*columns, b"FORMAT", *names, b"S7"])))
        assert SampleName.looks < 10 * len(names)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Bound this process's files, as a job's are."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_what_duckdb_says_of_the_disk_and_of_memory_is_told_from_a_fault(tmp_path: Path) -> None:
    rows = "COPY (SELECT i FROM range(1_000_000) t(i)) TO '{}' (FORMAT csv)"
    sort = "SELECT count(*) FROM (SELECT i FROM range(4_000_000) t(i) ORDER BY random() OFFSET 1)"
    tight = f"SET threads = 1; SET memory_limit = '8MB'; SET temp_directory = '{tmp_path}/spill'"
    too_large = pytest.raises(OSError, match="File too large")
    with too_large, files_of_at_most(1_000_000), duckdb_errors():
        duckdb.execute(rows.format(tmp_path / "rows.csv"))
    with pytest.raises(OSError, match="No space left"), duckdb_errors():
        duckdb.execute(rows.format("/dev/full"))
    with pytest.raises(OSError, match="No space left"), duckdb_errors():
        duckdb.connect().execute(f"{tight}; SET max_temp_directory_size = '1MB'").execute(sort)
    with pytest.raises(MemoryError), duckdb_errors():
        duckdb.connect().execute("SET memory_limit = '8MB'; SET temp_directory = ''").execute(sort)
    with pytest.raises(duckdb.IOException), duckdb_errors():
        duckdb.execute(f"FROM '{tmp_path}/none.parquet'")


def test_the_disk_is_limited_for_all_files_together(annotate: Annotate, tmp_path: Path) -> None:
    body = vcf(*["MT 73 . A G . . ."] * 20_000)
    assert len(body) < 500_000
    outcome = annotate(body, limits=replace(LIMITS, max_disk_bytes=1_000_000))
    assert "1,000,000 bytes, the limit" in (outcome.error or "")
    assert not outcome.crashed
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(300))
    assert used_bytes(tmp_path) > 600
    with pytest.raises(LimitError, match="500 bytes, the limit"):
        Disk(tmp_path, replace(LIMITS, max_disk_bytes=500)).demand()


def test_records_of_none_of_the_contigs_that_the_header_promises_are_no_dead_end(
    annotate: Annotate,
) -> None:
    header = "##contig=<ID=chr1,length=248956422>\n##contig=<ID=chrM,length=16569>\n"
    outcome = annotate(vcf("chr1 1000 . A G . . .", "chr1 2000 . A G . . .", header=header))
    assert outcome.error is not None
    for words in ("chr1 (2 records)", "rCRS", "has only MT", "records of MT", "ask the operators"):
        assert words in outcome.error
    assert "'" not in outcome.error


def test_one_column_is_one(annotate: Annotate) -> None:
    assert "Line 3 has 1 column, but" in (annotate(vcf("MT")).error or "")


def test_notes_name_contigs_as_people_write_them(annotate: Annotate) -> None:
    outcome = annotate(
        vcf("MT 73 . A G . . .", "X 5 . A C . . .", "1 5 . A C . . .", "1 6 . A C . . .")
    )
    assert "contigs that rCRS has not: 1 (2 records), X (1 record)" in outcome.log.read_text()
