"""The result's header: the user's lines as they were, and what made the result, from what."""

import json
import re
from pathlib import Path

import pysam
import pytest

from ann.pipeline import Outcome
from ann.references import Reference
from tests.ann.conftest import Annotate, records_of, vcf


def header_of(outcome: Outcome) -> list[str]:
    with pysam.BGZFile(str(outcome.result), "rb", None) as stream:
        lines = [line.decode() for line in stream]
    return [line for line in lines if line.startswith("#")]


CONTIGS = [
    "##contig=<ID=chr1,length=248956422,assembly=GRCh38,md5=6aef897c3d6ff0c78aff06ac189178dd>",
    "##contig=<ID=chrUn_1,species=Homo sapiens>",
    "##contig=<length=16569,ID=chrM>",
]


def test_the_users_lines_stay_as_they_are_in_their_order(annotate: Annotate) -> None:
    lines = [*CONTIGS, "##source=mine", '##INFO=<ID=X,Number=1,Type=Integer,Description="x">']
    outcome = annotate(vcf("chrM 73 . A G . . X=1", header="".join(f"{x}\n" for x in lines)))
    header = header_of(outcome)
    assert header[1 : 1 + len(lines)] == lines
    assert sum(line.startswith("##contig") for line in header) == len(CONTIGS)


def test_contigs_are_declared_where_they_are_not(annotate: Annotate) -> None:
    outcome = annotate(vcf("chrM 73 . A G . . .", "chrUn 9 . A G . . ."))
    header = header_of(outcome)
    assert "##contig=<ID=chrM,length=16569>" in header
    assert "##contig=<ID=chrUn>" in header


def test_it_says_what_made_it_and_from_what(annotate: Annotate, rcrs: Reference) -> None:
    text = "\n".join(header_of(annotate(vcf("MT 73 . A G . . ."))))
    assert re.search(r"##GAS_version=\d", text)
    assert re.search(r'##GAS_tool=<ID=bcftools,Version="1\.\d+">', text)
    assert re.search(r"##GAS_reference=<ID=rCRS,.*NC_012920\.1", text)
    assert (
        '##GAS_contig=<ID=MT,Accession="NC_012920.1",'
        f'MD5="{rcrs.contigs[0].md5}",GeneticCode="2">' in text
    )
    assert '##GAS_options=<ID=csq,Mode="local",GeneticCodes="2">' in text
    for source in rcrs.known:
        assert f"##GAS_known=<ID={source.name}," in text
        assert f'Date="{source.date}"' in text


def test_every_tag_of_ours_is_declared(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 11778 . G A . . .", "MT 14484 . T C,A . . ."))
    declared = {m[1] for line in header_of(outcome) if (m := re.match(r"##INFO=<ID=(\w+)", line))}
    tags = {i.partition("=")[0] for fields in records_of(outcome) for i in fields[7].split(";")}
    assert tags <= declared


@pytest.mark.parametrize("name", ["gnomAD_exomes_{}_nhomalt", "x" * 200 + "{}" + "x" * 200])
def test_tags_that_differ_in_the_middle_alone_are_declared_each(
    annotate: Annotate, name: str
) -> None:
    names = [name.format(population) for population in ("AFR", "EUR")]
    header = "".join(header_of(annotate(vcf(*(f"MT 73 . A G . . {name}=1" for name in names)))))
    assert [name for name in names if f"##INFO=<ID={name}," in header] == names


def test_undeclared_reserved_tags_get_the_type_that_vcf_reserves(annotate: Annotate) -> None:
    header = header_of(annotate(vcf("MT 73 . A G . . DP=3;AF=0.5;END=80;DB;MINE=4")))
    types = {
        m[1]: (m[2], m[3])
        for line in header
        if (m := re.match(r"##INFO=<ID=(\w+),Number=(\w|\.),Type=(\w+)", line))
    }
    assert types["DP"] == ("1", "Integer")
    assert types["AF"] == ("A", "Float")
    assert types["END"] == ("1", "Integer")
    assert types["DB"] == ("0", "Flag")
    assert types["MINE"] == (".", "String")


@pytest.mark.parametrize(
    "items",
    [
        *(["END=abc"], ["DP=3.5"], ["DP=3", "DP=x"], ["SVLEN=7,a"], ["DP=99999999999"], ["DP="]),
        *(["AF=1e400"], ["AF=.,x"], ["DP=3", "DP"], ["DP", "DP=3"], ["DB", "DB=5"], ["Q", "Q=5"]),
        *(["DP=-7"], ["SVLEN=-1,.,3"], ["AF=0.5,."], ["AF=nan"], ["DB"], ["END=200000000"]),
    ],
)
def test_undeclared_tags_of_info_are_read_as_those_of_the_input_are(
    annotate: Annotate, tmp_path: Path, items: list[str]
) -> None:
    body = vcf(*(f"MT {73 + n} . {'AT'[n]} G . . {item}" for n, item in enumerate(items)))
    outcome = annotate(body)
    assert outcome.error is None
    (tmp_path / "given.vcf").write_bytes(body)
    given, found = (
        [str(record).rstrip().split("\t")[7].split(";")[0] for record in pysam.VariantFile(str(p))]
        for p in (tmp_path / "given.vcf", outcome.result)
    )
    assert found == given


def test_reserved_tags_whose_values_have_another_type_are_declared_as_text(
    annotate: Annotate,
) -> None:
    body = vcf("MT 73 . A G . . . GT:GQ 0|1:good").replace(b"INFO\n", b"INFO\tFORMAT\tS1\n")
    outcome = annotate(body)
    assert outcome.error is None
    assert records_of(outcome)[0][9] == "0|1:good"
    with pysam.VariantFile(str(outcome.result)) as result:
        assert [record.samples[0]["GQ"] for record in result] == [("good",)]


def test_a_value_of_another_type_is_found_wherever_it_stands(annotate: Annotate) -> None:
    rows = ["MT 73 . A G . . . GT:GQ 0|1:30"] * 300 + ["MT 74 . T C . . . GT:GQ 0|1:good"]
    outcome = annotate(vcf(*rows).replace(b"INFO\n", b"INFO\tFORMAT\tS1\n"))
    assert outcome.error is None
    with pysam.VariantFile(str(outcome.result)) as result:
        assert [record.samples[0]["GQ"] for record in result][-2:] == [("30",), ("good",)]


def test_a_header_with_numbered_tags_can_still_be_read(annotate: Annotate) -> None:
    """As BCF writes them: a tag of ours without a number would take one that is taken."""
    numbered = (
        '##FILTER=<ID=PASS,Description="All filters passed",IDX=0>\n'
        '##INFO=<ID=X,Number=1,Type=Integer,Description="x",IDX=1>\n'
        '##INFO=<ID=Z,Number=1,Type=Integer,Description="not numbered">\n'
        "##contig=<ID=MT,length=16569,IDX=0>\n"
    )
    outcome = annotate(vcf("MT 11778 . G A . PASS X=4;Y=3", header=numbered))
    assert outcome.error is None
    with pysam.VariantFile(str(outcome.result)) as result:
        (record,) = list(result)
    assert record.info["X"] == 4
    assert record.info["BCSQ"][0].startswith("missense|MT-ND4")


def test_a_second_annotation_replaces_the_firsts_lines(annotate: Annotate) -> None:
    once = annotate(vcf("MT 11778 . G A . . ."))
    again = annotate(once.result.read_bytes())
    assert header_of(again) == header_of(once)
    assert json.loads(again.summary.read_text())["records"] == 1
