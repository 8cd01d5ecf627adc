"""The order of records: kept where it is one, made where it is none."""

import json
import tracemalloc
from pathlib import Path

from ann.disk import used_bytes
from ann.sorting import in_order
from tests.ann.conftest import Annotate, records_of, vcf


def places(annotate: Annotate, *records: str) -> tuple[list[tuple[str, str]], str]:
    outcome = annotate(vcf(*records))
    assert outcome.error is None
    return [(f[0], f[1]) for f in records_of(outcome)], outcome.log.read_text()


def test_contigs_may_stand_in_any_order(annotate: Annotate) -> None:
    given = ["z 9 . A C . . .", "MT 73 . A G . . .", "a 1 . A C . . ."]
    found, log = places(annotate, *given)
    assert found == [("z", "9"), ("MT", "73"), ("a", "1")]
    assert "sorted" not in log


def test_contigs_that_come_back_are_put_together(annotate: Annotate) -> None:
    given = ["MT 73 . A G . . .", "a 1 . A C . . .", "MT 150 . C T . . .", "a 2 . A C . . ."]
    found, log = places(annotate, *given)
    assert found == [("MT", "73"), ("MT", "150"), ("a", "1"), ("a", "2")]
    assert "have been sorted" in log


def test_what_was_sorted_is_annotated_and_listed_by_the_lines_of_the_file(
    annotate: Annotate,
) -> None:
    outcome = annotate(
        vcf("MT 14484 . T C . . .", "MT 9000 . A <DEL> . . .", "MT 11778 . G A . . .")
    )
    fields = records_of(outcome)
    assert [f[1] for f in fields] == ["9000", "11778", "14484"]
    assert "340R>340H" in fields[1][7]
    assert "64M>64V" in fields[2][7]
    (row,) = outcome.rejected.read_text().splitlines()[1:]
    assert row.split("\t")[:3] == ["4", "MT", "9000"]


def test_one_contig_under_two_names_is_annotated_under_both(annotate: Annotate) -> None:
    outcome = annotate(vcf("chrM 11778 . G A . . .", "MT 73 . A G . . .", "MT 11778 . G A . . ."))
    fields = records_of(outcome)
    assert [f[0] for f in fields] == ["chrM", "MT", "MT"]
    assert ["340R>340H" in f[7] for f in fields] == [True, False, True]
    assert "sorted" not in outcome.log.read_text()


def test_alleles_of_one_position_keep_their_order(annotate: Annotate) -> None:
    given = [f"MT 11778 n{n} G {alt} . . ." for n, alt in enumerate("AACTA")]
    outcome = annotate(vcf("MT 14484 . T C . . .", *given))
    assert [f[2] for f in records_of(outcome)][:5] == ["n0", "n1", "n2", "n3", "n4"]
    assert json.loads(outcome.summary.read_text())["annotated"] == 6


def test_what_sorting_puts_aside_counts_for_the_disk_that_a_job_uses(tmp_path: Path) -> None:
    lines = [b"%d\n" % number for number in range(9_999, 0, -1)]
    ordered = in_order(lines, lambda line: (0, int(line)), tmp_path, chunk_bytes=10_000)
    assert next(ordered) == b"1\n"
    assert used_bytes(tmp_path) == sum(map(len, lines))
    assert len(list(ordered)) == len(lines) - 1
    assert used_bytes(tmp_path) == 0


def test_sorting_holds_no_more_than_it_may_however_short_the_lines(tmp_path: Path) -> None:
    lines = (b"%d\n" % number for number in range(30_000, 0, -1))
    tracemalloc.start()
    try:
        ordered = in_order(lines, lambda line: (0, int(line)), tmp_path, chunk_bytes=1_000_000)
        assert next(ordered) == b"1\n"
        assert tracemalloc.get_traced_memory()[1] < 1_300_000
    finally:
        tracemalloc.stop()
    assert len(list(ordered)) == 29_999
