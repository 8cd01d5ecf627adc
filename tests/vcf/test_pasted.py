"""Pasted lines as a VCF."""

from collections.abc import Iterable

import pytest

from vcf.pasted import HEADER, MOST_LINES, Known, PasteError, Variant, vcf_of


def nothing(rsids: Iterable[str]) -> Known:
    return {}


def records(text: str) -> list[str]:
    body = vcf_of(text, nothing).decode()
    assert body.startswith(HEADER)
    return body[len(HEADER) :].splitlines()


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("m.11778G>A", "MT\t11778\t.\tG\tA"),
        ("NC_012920.1:m.11778G>A", "MT\t11778\t.\tG\tA"),
        ("MT 11778 G A", "MT\t11778\t.\tG\tA"),
        ("chrI:123:A:G", "chrI\t123\t.\tA\tG"),
        ("chrI:1,123 A>G", "chrI\t1123\t.\tA\tG"),
        ("  2:100 at > a ", "2\t100\t.\tAT\tA"),
        ("MT\t73\trs1\tA\tG\t.\tPASS\t.", "MT\t73\t.\tA\tG"),
        ("HLA-A/1\t7\tA\tC", "HLA-A/1\t7\t.\tA\tC"),
    ],
)
def test_the_usual_ways_to_write_a_variant_are_read(line: str, record: str) -> None:
    assert records(line) == [f"{record}\t.\t.\t."]


def test_lines_keep_their_order_and_what_is_empty_is_left_out() -> None:
    found = records("m.73A>G\n\n# a comment\nm.16A>T\r\n")
    assert [line.split("\t")[1] for line in found] == ["73", "16"]


def test_an_rsid_becomes_each_of_its_alleles() -> None:
    known = {"rs28": [Variant("MT", 73, "A", c) for c in "GC"]}
    body = vcf_of("RS28", lambda rsids: {rsid: known[rsid] for rsid in rsids}).decode()
    assert body.endswith("MT\t73\trs28\tA\tG\t.\t.\t.\nMT\t73\trs28\tA\tC\t.\t.\t.\n")


def test_all_rsids_are_looked_up_at_once() -> None:
    calls: list[set[str]] = []

    def lookup(rsids: Iterable[str]) -> Known:
        calls.append(set(rsids))
        return {rsid: [Variant("MT", 73, "A", "G")] for rsid in rsids}

    vcf_of("rs1\nRS2\nm.73A>G\nrs1", lookup)
    assert calls == [{"rs1", "rs2"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no variant in this text"),
        ("m.73A>G\nBRCA1 broke", "Line 2 is no variant"),
        ("m.8271_8279del", "by their REF and ALT"),
        ("rs1", "Line 1: rs1 is in no source"),
        ("m.73A>\x07", "no variant"),
        ("MT ,,, G A", "Line 1 is no variant"),
        ("m.73A>G\n" * (MOST_LINES + 1), "Please upload a VCF"),
    ],
)
def test_what_is_no_variant_is_refused_by_its_line_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(PasteError, match=words):
        vcf_of(text, nothing)
