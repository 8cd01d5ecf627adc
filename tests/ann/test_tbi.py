"""Our TBI finds what htslib's finds."""

import random
import shutil
from pathlib import Path

import pysam
import pytest

from ann.bgzf import BgzfWriter, put_before
from ann.table import Ints, RecordTable, positions, table_of
from ann.tbi import REACH, TbiBuilder
from tests.ann.conftest import Annotate, vcf

HEADER = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
SPAN = 3_000_000


def rows(chance: random.Random, contig: str, n: int) -> list[bytes]:
    """Records in order, a few of them with a REF that reaches far."""
    found = []
    for pos in sorted(chance.choices(range(1, SPAN), k=n)):
        ref = "A" * chance.choice([1, 1, 1, 1, 5, 300, 20_000 if chance.random() < 0.02 else 2])
        found.append(f"{contig}\t{pos}\t.\t{ref}\tC\t.\t.\tDP={pos}\n".encode())
    return found


def of_lines(table: RecordTable) -> tuple[Ints, Ints]:
    """The position of each record, and the bytes of its line."""
    return positions(table)[0], table.seps[:, -1] + 1 - table.begins


def written(path: Path, blocks: list[bytes]) -> TbiBuilder:
    index, body = TbiBuilder(), path.with_suffix(".body")
    with BgzfWriter(body, 1) as out:
        for text in blocks:
            out.write(text)
            table = table_of(text, 8)
            assert isinstance(table, RecordTable)
            index.add(table, *of_lines(table))
    shift = put_before(HEADER, body, path)
    index.write(Path(f"{path}.tbi"), out.offsets() + shift)
    return index


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_what_htslibs_index_finds(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = [row for name in ("b", "a", "c7") for row in rows(chance, name, 2_000)]
    ours, theirs = tmp_path / "ours.vcf.gz", tmp_path / "theirs.vcf.gz"
    blocks = [b"".join(lines[at : at + 700]) for at in range(0, len(lines), 700)]
    assert written(ours, blocks).can_build
    shutil.copy(ours, theirs)
    pysam.tabix_index(str(theirs), preset="vcf")
    with pysam.TabixFile(str(ours)) as one, pysam.TabixFile(str(theirs)) as other:
        assert one.contigs == other.contigs == ["b", "a", "c7"]
        for _ in range(300):
            start = chance.randrange(SPAN)
            region = (chance.choice(one.contigs), start, start + chance.choice([1, 99, 70_000]))
            assert list(one.fetch(*region)) == list(other.fetch(*region))
        assert sum(1 for name in one.contigs for _ in one.fetch(name)) == len(lines)


@pytest.mark.parametrize("pos", [REACH + 1, 0])
def test_what_a_tbi_cannot_hold_is_left_to_htslib(pos: int) -> None:
    table = table_of(b"a\t%d\t.\tA\tC\t.\t.\t.\n" % pos, 8)
    assert table
    index = TbiBuilder()
    index.add(table, *of_lines(table))
    assert not index.can_build


@pytest.mark.parametrize(
    ("info", "sample"),
    [
        ("END=16500", "GT 0/1"),
        ("DP=3;END=16500", "GT 0/1"),
        (".", "GT:LEN 0/1:16428"),
        (".", "GT:AD:DP:LEN:GQ:MIN_DP:PL 0/1:1:2:16428:3:4:5"),
    ],
)
def test_a_record_that_reaches_beyond_its_ref_is_found_where_it_reaches(
    annotate: Annotate, info: str, sample: str
) -> None:
    body = vcf(
        "MT 57 . T C . . . GT:AD:DP:ABC:GQ:MIN_DP:PL 0/1:1:2:x:3:4:5",
        f"MT 73 . A <*> . . {info} {sample}",
        "MT 263 . A G . . . GT 0/1",
    )
    body = body.replace(b"fileformat=VCFv4.2", b"fileformat=VCFv4.5")
    outcome = annotate(body.replace(b"INFO\n", b"INFO\tFORMAT\tS1\n"))
    assert outcome.error is None
    with pysam.TabixFile(str(outcome.result)) as file:
        assert [row.split("\t")[1] for row in file.fetch("MT", 16450, 16451)] == ["73"]
