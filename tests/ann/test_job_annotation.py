"""A BED or a VCF of the user's own, matched into the result under their tag."""

import gzip
import json
from dataclasses import replace

import duckdb
import pytest

from ann.task import Outcome
from tests.ann.conftest import LIMITS, Annotate, records_of, vcf
from vcf.tag import fault_in_tag, usual_tag
from vcf.variants_tsv import tsv_lines

BED = b"""track name="panel"
# a comment

chrM\t72\t263\tHVS II\t250
chrM\t262\t263\tD-loop,end\t900
MT\t11777\t11778\t.\t.
chr1\t0\t1000\tnuclear\t1
"""
PANEL = vcf(
    "MT 263 rs2853515 A G . . SEEN=7;HOW=a,b;GROUP=x%2Cy",
    "chrM 11778 . G A,C . . SEEN=3,4;SOMATIC",
    "MT 309 . C CC . . .",
    "MT 73 . A <DEL> . . .",
    header=(
        '##INFO=<ID=SEEN,Number=A,Type=Integer,Description="Times \\"seen\\"">\n'
        '##INFO=<ID=HOW,Number=.,Type=String,Description="How">\n'
        '##INFO=<ID=GROUP,Number=1,Type=String,Description="Group">\n'
        '##INFO=<ID=SOMATIC,Number=0,Type=Flag,Description="Somatic">\n'
    ),
)
RECORDS = vcf(
    "MT 73 . A G . . .", "MT 263 . A G,T . . .", "MT 302 . A AC . . .", "MT 11778 . G T,C . . ."
)


def info_of(outcome: Outcome, tag: str) -> list[list[str]]:
    """What INFO says under the tag, and those that begin with it, record by record."""
    assert outcome.error is None
    items = [record[7].split(";") for record in records_of(outcome)]
    return [[i for i in record if i.startswith((f"{tag}=", f"{tag}_"))] for record in items]


def header_of(outcome: Outcome) -> list[str]:
    with gzip.open(outcome.result, "rt") as lines:
        return [line.rstrip("\n") for line in lines if line.startswith("##")]


def columns_of(outcome: Outcome, *names: str) -> list[tuple[object, ...]]:
    listed = ", ".join(names)
    return duckdb.execute(f"SELECT {listed} FROM '{outcome.variants}' ORDER BY row").fetchall()  # noqa: S608


def test_intervals_that_a_record_touches_are_named_under_the_users_tag(annotate: Annotate) -> None:
    outcome = annotate(RECORDS, own=("panel.bed", "PANEL", BED))
    assert info_of(outcome, "PANEL") == [
        ["PANEL=HVS_II", "PANEL_SCORE=250.0"],
        ["PANEL=D-loop%2Cend|HVS_II,D-loop%2Cend|HVS_II", "PANEL_SCORE=900.0,900.0"],
        [],
        ["PANEL=1,1"],
    ]
    (line, score, source) = [t for t in header_of(outcome) if "PANEL" in t or "panel" in t]
    assert line.startswith("##INFO=<ID=PANEL,Number=A,Type=String,Description=")
    assert "panel.bed given with the job" in line
    assert score.startswith("##INFO=<ID=PANEL_SCORE,Number=A,Type=Float,")
    assert source.startswith('##GAS_known=<ID=own,Title="panel.bed"')
    assert columns_of(outcome, "own_panel", "own_panel_score")[:2] == [
        ("HVS II", 250.0),
        ("D-loop,end|HVS II", 900.0),
    ]
    (first, second, *_) = tsv_lines(outcome.variants)
    cells = dict(zip(first.split("\t"), second.split("\t"), strict=True))
    assert cells["own_panel"] == "HVS II"


def test_alleles_are_matched_one_by_one_after_normalisation(annotate: Annotate) -> None:
    outcome = annotate(RECORDS, own=("panel.vcf", "PANEL", PANEL))
    assert info_of(outcome, "PANEL") == [
        [],
        ["PANEL=rs2853515,.", "PANEL_SEEN=7,.", "PANEL_HOW=a|b,.", "PANEL_GROUP=x%2Cy,."],
        ["PANEL=1"],
        ["PANEL=.,1", "PANEL_SEEN=.,4", "PANEL_SOMATIC"],
    ]
    types = [line[11:60] for line in header_of(outcome) if line.startswith("##INFO=<ID=PANEL")]
    assert [line.split(",")[:3] for line in types] == [
        ["PANEL", "Number=A", "Type=String"],
        ["PANEL_SEEN", "Number=A", "Type=Integer"],
        ["PANEL_HOW", "Number=A", "Type=String"],
        ["PANEL_GROUP", "Number=A", "Type=String"],
        ["PANEL_SOMATIC", "Number=0", "Type=Flag"],
    ]
    assert columns_of(outcome, "own_panel_seen", "own_panel_somatic")[-1] == (4, True)
    assert columns_of(outcome, "own_panel_group", "own_panel_how")[1] == ("x,y", "a,b")


def test_what_was_given_with_a_job_is_counted_and_is_no_known_variant(annotate: Annotate) -> None:
    body = vcf("MT 100 . G T . . .", "un 5 . A C . . .")
    plain = json.loads(annotate(body).summary.read_text())
    outcome = annotate(body, own=("panel.bed", "PANEL", b"MT\t99\t100\n"))
    told = json.loads(outcome.summary.read_text())
    assert told["known"] == plain["known"]
    (own,) = [source for source in told["sources"] if source["name"] == "own"]
    assert (own["title"], own["version"], own["alleles"]) == ("panel.bed", "given with the job", 1)
    assert "annotation panel.bed, as PANEL: 1 intervals" in outcome.log.read_text()
    assert columns_of(outcome, "own_panel") == [("1",), (None,)]


FAULTS = {
    "no interval": (b"MT\t5\n", "Line 1: an interval needs three columns"),
    "text for a place": (b"#x\nMT\tfive\t6\n", "Line 2: start and end must be whole numbers"),
    "the end first": (b"MT 9 6\n", "Line 1: the interval ends ('6') before it starts ('9')"),
    "a score in words": (b"MT\t5\t6\tn\thigh\n", "Line 1: column 5, the score, must be a number"),
    "binary": (b"MT\t5\t6\t\0\n", "This is neither a BED nor a VCF: it is binary data"),
    "a web page": (b"<html>", "This is neither a BED nor a VCF: it is a web page"),
    "cut off": (gzip.compress(BED)[:-9], "it was truncated"),
    "other contigs": (b"chr7\t5\t6\n", "none of it lies on"),
    "nothing": (b"\n\n", "it holds no intervals"),
    "a record's fault": (vcf("MT x . A G . . ."), "Line 3: POS must be a whole number"),
    "no column line": (b"##fileformat=VCFv4.2\nMT\t1\n", "should be the #CHROM line"),
    "another assembly": (vcf(*(f"MT {n} . G A . . ." for n in (1, 2, 3, 73))), "another assembly"),
    "too many": (b"MT\t5\t6\n" * 11, "more than 10 intervals"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_annotation_fails_the_job_once_in_words(
    annotate: Annotate, name: str
) -> None:
    content, words = FAULTS[name]
    limits = replace(LIMITS, max_records=10)
    outcome = annotate(RECORDS, limits=limits, own=("panel.bed", "PANEL", content))
    assert (outcome.error or "").startswith("Your annotation panel.bed: ")
    assert words in (outcome.error or "")
    assert not outcome.crashed


def test_a_tag_that_the_records_have_already_is_refused(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 73 . A G . . PANEL=7"), own=("p.bed", "PANEL", b"MT\t72\t73\n"))
    assert "has an INFO tag PANEL of its own" in (outcome.error or "")
    declared = '##INFO=<ID=P_SEEN,Number=1,Type=String,Description="">\n'
    outcome = annotate(vcf("MT 73 . A G . . .", header=declared), own=("p.vcf", "P", PANEL))
    assert "has an INFO tag P_SEEN of its own" in (outcome.error or "")


@pytest.mark.parametrize(
    "tag", ["AF", "dp", "BCSQ", "GAS_X", "gas_x", "1000G", "a b", "a;b", "", "POS"]
)
def test_a_tag_is_checked(tag: str) -> None:
    assert "Please choose another one" in fault_in_tag(tag)


def test_a_tag_is_made_of_the_files_name() -> None:
    names = ("my panel.v2.bed.gz", "AF.vcf", "2024.bed", "Kohorte-München.vcf", "é.bed")
    assert [usual_tag(name) for name in names] == [
        "MY_PANEL",
        "OWN",
        "OWN",
        "KOHORTE_M_NCHEN",
        "OWN",
    ]
    assert not any(fault_in_tag(usual_tag(name)) for name in names)
