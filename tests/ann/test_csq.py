"""What bcftools csq gets, and when."""

from dataclasses import replace
from pathlib import Path

import pytest

from ann.csq import BLOCK_BYTES, CsqRun, sites_header
from ann.references import Contig, Reference


@pytest.mark.parametrize(("contigs", "samples"), [(1, 0), (1, 10), (3_000, 0), (3_000, 2)])
def test_the_header_fills_whole_blocks_so_that_csq_need_not_wait_for_sites(
    rcrs: Reference, contigs: int, samples: int
) -> None:
    made = tuple(Contig(f"scaffold_{n}", 10_000 + n, "") for n in range(contigs))
    header = sites_header(replace(rcrs, contigs=made), samples)
    assert len(header) % BLOCK_BYTES == 0
    assert header.startswith(b"##fileformat=VCFv4.2\n")
    columns = header.splitlines()[-1].split(b"\t")
    wanted = [b"FORMAT", *(b"%d" % n for n in range(samples))] if samples else []
    assert columns[8:] == wanted
    assert header.count(b"##contig=<ID=") == contigs


def test_a_run_made_anew_leaves_what_somebody_still_reads(rcrs: Reference, tmp_path: Path) -> None:
    out = tmp_path / "csq.vcf"
    out.write_bytes(b"of the run before\n")
    with out.open("rb") as reader:
        run = CsqRun(rcrs, 2, ["-l"], out)
        run.feed(sites_header(rcrs))
        assert run.finish() == 0
        assert reader.read() == b"of the run before\n"
    assert out.read_bytes().startswith(b"##fileformat")
