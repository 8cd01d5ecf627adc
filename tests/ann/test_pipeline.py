"""Whole jobs: what goes in, what comes out, and what is said where it cannot."""

import gzip
import hashlib
import json
import random
from pathlib import Path

import pysam
import pytest

from ann.csq import AUTO, HAPLOTYPE, LOCAL
from ann.pipeline import EOF_BLOCK
from ann.references import Reference
from tests.ann.conftest import COLUMNS, Annotate, records_of, vcf
from tests.builders import example
from web.routes.annotate import MODES


def consequence(fields: list[str]) -> list[str]:
    """The consequences of one record, as bcftools writes them."""
    told = dict(item.partition("=")[::2] for item in fields[7].split(";"))
    return told["BCSQ"].split(",") if "BCSQ" in told else []


@pytest.mark.parametrize(
    ("record", "gene", "change"),
    [
        ("MT 11778 . G A . . .", "MT-ND4", "340R>340H"),
        ("MT 14484 . T C . . .", "MT-ND6", "64M>64V"),
        ("MT 8993 . T G . . .", "MT-ATP6", "156L>156R"),
        ("MT 3460 . G A . . .", "MT-ND1", "52A>52T"),
        ("MT 14459 . G A . . .", "MT-ND6", "72A>72V"),
    ],
)
def test_variants_with_published_effects_have_them(
    annotate: Annotate, record: str, gene: str, change: str
) -> None:
    outcome = annotate(vcf(record))
    (found,) = records_of(outcome)
    assert any(
        entry.startswith(f"missense|{gene}|") and change in entry for entry in consequence(found)
    )


def test_the_example_comes_out_whole_with_its_index_log_and_summary(annotate: Annotate) -> None:
    outcome = annotate(example().read_bytes())
    assert outcome.error is None
    assert outcome.counts == {"records": 77, "annotated": 65, "not_annotated": 12}
    body = outcome.result.read_bytes()
    assert body.endswith(EOF_BLOCK)
    assert outcome.result_sha256 == hashlib.sha256(body).hexdigest()
    assert outcome.index.stat().st_size > 0
    told = json.loads(outcome.summary.read_text())
    assert told["consequences"]["missense"] == 25
    assert sum(told["density"]["MT"]) == told["records"] == 77
    assert "missense" in outcome.log.read_text()
    assert "bcftools" in outcome.log.read_text()


def test_a_second_job_that_starts_left_of_the_first_is_none_the_worse(annotate: Annotate) -> None:
    assert annotate(vcf("MT 15000 . A G . . .")).error is None
    assert annotate(vcf("MT 73 . A G . . .")).error is None


def test_known_variants_get_their_identifier_and_keep_one_they_have(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 26 . C T . . .", "MT 41 mine C T . . ."))
    names = [fields[2] for fields in records_of(outcome)]
    assert names == ["rs879071945", "mine"]
    assert json.loads(outcome.summary.read_text())["known"] == 2


def test_unsorted_records_are_sorted(annotate: Annotate, sequence: str) -> None:
    positions = random.Random(3).sample(range(1, 3000), 50)
    lines = [f"MT {p} . {sequence[p - 1]} <DEL> . . ." for p in positions[:10]]
    lines += [
        f"MT {p} . {sequence[p - 1]} {'A' if sequence[p - 1] != 'A' else 'C'} . . ."
        for p in positions[10:]
    ]
    outcome = annotate(vcf(*lines))
    told = [int(fields[1]) for fields in records_of(outcome)]
    assert told == sorted(positions)
    assert "sorted" in outcome.log.read_text()


def test_what_cannot_be_annotated_is_kept_in_its_place_and_counted(
    annotate: Annotate, sequence: str
) -> None:
    wrong = "A" if sequence[999] != "A" else "C"
    records = [f"MT {p} . {sequence[p - 1]} N . . ." for p in range(700, 720)]
    records += [
        f"MT 1000 . {wrong} T . . .",
        f"MT 1010 . {sequence[1009]} <DEL> . . .",
        f"MT 1020 . {sequence[1019]} {sequence[1019]}[MT:2000[ . . .",
        f"MT 3400 . {sequence[3399]} * . . .",
        "chrUn 5 . A C . . .",
    ]
    outcome = annotate(vcf(*records))
    assert outcome.error is None
    fields = records_of(outcome)
    assert [f[1] for f in fields] == [r.split(" ")[1] for r in records]
    told = json.loads(outcome.summary.read_text())
    assert told["not_annotated"]["REF differs from the reference"] == 1
    assert told["not_annotated"]["symbolic allele or breakend"] == 2
    assert told["not_annotated"]["contig not in the reference"] == 1
    assert told["records"] == told["annotated"] + sum(told["not_annotated"].values())
    assert "REF differs: MT:1000" in outcome.log.read_text()


@pytest.mark.parametrize("name", ["chrM", "M", "NC_012920.1"])
def test_other_names_of_the_contig_are_known_and_kept(annotate: Annotate, name: str) -> None:
    outcome = annotate(vcf(f"{name} 11778 . G A . . ."))
    (fields,) = records_of(outcome)
    assert fields[0] == name
    assert "BCSQ=missense|MT-ND4|" in fields[7]
    assert f"contig {name} is MT in rCRS" in outcome.log.read_text()


def test_undeclared_tags_keep_their_values(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 73 . A G . low XX=7;FLAGGED"))
    info = records_of(outcome)[0]
    assert info[6] == "low"
    assert "XX=7" in info[7]
    assert "FLAGGED" in info[7]


def test_samples_and_windows_line_ends_pass_through(annotate: Annotate) -> None:
    text = vcf("MT 73 . A G . . . GT 0/1").replace(b"INFO\n", b"INFO\tFORMAT\tS1\n")
    outcome = annotate(text.replace(b"\n", b"\r\n"))
    assert outcome.error is None
    assert records_of(outcome)[0][9] == "0/1"


def test_gzip_and_many_gzip_members_are_read(annotate: Annotate) -> None:
    body = vcf("MT 73 . A G . . .")
    packed = gzip.compress(body[:40]) + gzip.compress(body[40:])
    assert annotate(packed).counts == {"records": 1, "annotated": 0, "not_annotated": 1}


def test_a_vcf_without_records_gives_one_without_records(annotate: Annotate) -> None:
    outcome = annotate(vcf(header="##contig=<ID=MT,length=16569>\n"))
    assert outcome.error is None
    assert outcome.counts == {"records": 0, "annotated": 0, "not_annotated": 0}


def test_vcf_3_3_is_accepted_with_a_word_in_the_log(annotate: Annotate) -> None:
    body = vcf("MT 73 . A G . . NS=3").replace(
        b"##fileformat=VCFv4.2\n", b'##format=VCRv3.3\n##INFO=NS,1,Integer,"Samples"\n'
    )
    outcome = annotate(body)
    assert outcome.error is None
    assert "NS=3" in records_of(outcome)[0][7]
    assert "VCF 3.3" in outcome.log.read_text()


BAD = {
    "empty": (b"", "empty"),
    "text": (b"hello, world\n", "not a VCF"),
    "html": (b"<!DOCTYPE html><html></html>", "web page"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
    "binary": (bytes(range(256)) * 4, "not a VCF"),
    "byte order mark": (b"\xef\xbb\xbf" + vcf("MT 73 . A G . . ."), "byte order mark"),
    "no column line": (b"##fileformat=VCFv4.2\nMT\t73\t.\tA\tG\t.\t.\t.\n", "#CHROM"),
    "truncated gzip": (gzip.compress(vcf(*["MT 73 . A G . . ."] * 999))[:60], "truncated"),
    "bytes after gzip": (gzip.compress(vcf("MT 73 . A G . . .")) + b"rubbish behind it", "damaged"),
    "blank line": (vcf("MT 73 . A G . . .", "", "MT 75 . G A . . ."), "Line 4 is blank"),
    "header amid": (vcf("MT 73 . A G . . .", "##late=1"), "Line 4 is a header line"),
    "few columns": (vcf("MT 73 . A"), "Line 3 has 4 columns"),
    "a million columns": (vcf("MT 73 . A G . . ." + " x" * 1_000_000), "columns"),
    "bad position": (vcf("MT 7x . A G . . ."), "POS must be a whole number"),
    "bad REF": (vcf("MT 73 . A1 G . . ."), "REF must be made of"),
    "bad ALT": (vcf("MT 73 . A G,? . . ."), "no allele"),
    "unknown version": (vcf().replace(b"4.2", b"9.9"), "VCF 9.9"),
    "hg19": (
        vcf("chrM 73 . G A . . .", header="##contig=<ID=chrM,length=16571>\n"),
        "hg19's chrM",
    ),
    "other contigs": (vcf("7 100 . A C . . ."), "another assembly"),
    "shifted bases": (vcf(*(f"MT {p} . T A . . ." for p in range(1, 200))), "another assembly"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_words(annotate: Annotate, name: str) -> None:
    body, words = BAD[name]
    outcome = annotate(body)
    assert not outcome.crashed
    assert words in (outcome.error or "")
    assert annotate(vcf("MT 73 . A G . . .")).error is None


def test_a_huge_info_is_fine(annotate: Annotate) -> None:
    outcome = annotate(vcf(f"MT 73 . A G . . BIG={'x' * 20_000_000}"))
    assert outcome.error is None


HEADER_JUNK = "##foo\n##=\n##INFO=<ID=A,Number=1,Type=Integer,Description=no quotes, here>\n"
ODD_BUT_WHOLE = {
    "tags of every sort": ("MT 11778 x;y G A 5.0 0 A=x,y;;B=;1000G;E<F>=3;C=0.10", ""),
    "samples with bad genotypes": ("MT 11778 mine G A . . DP=abc GT:DP 0/5:x 1|x:1:2:3", "S1 S2"),
    "a hostile header": ("MT 11778 mine G A . PASS A=7", "", HEADER_JUNK),
}


@pytest.mark.parametrize("name", ODD_BUT_WHOLE)
def test_a_record_comes_out_as_it_went_in_but_for_what_was_found(
    annotate: Annotate, name: str
) -> None:
    record, samples, *header = ODD_BUT_WHOLE[name]
    body = vcf(record, header="".join(header))
    if samples:
        names = "\t".join(["INFO", "FORMAT", *samples.split(" ")])
        body = body.replace(b"INFO\n", f"{names}\n".encode())
    outcome = annotate(body)
    assert outcome.error is None
    (fields,) = records_of(outcome)
    assert ";BCSQ=missense|MT-ND4|" in fields[7]
    fields[7] = fields[7].partition(";BCSQ=")[0]
    assert fields == record.split(" ")


def test_a_result_can_be_annotated_again(annotate: Annotate) -> None:
    body = example().read_bytes()
    once = annotate(body)
    again = annotate(once.result.read_bytes())
    assert records_of(again) == records_of(once)
    assert again.counts == once.counts
    assert "earlier annotation" in again.log.read_text()


def test_an_earlier_annotation_of_samples_is_taken_out_wherever_it_stands(
    annotate: Annotate,
) -> None:
    forms = [f"GT:AD:DP:{tag}:GQ:MIN_DP:PL 0/1:1:2:x:3:4:5" for tag in ("MINE", "BCSQ")]
    body = vcf(*(f"MT 73 . A G . . . {form}" for form in forms))
    _, fields = records_of(annotate(body.replace(b"INFO\n", b"INFO\tFORMAT\tS1\n")))
    assert fields[8:] == ["GT:AD:DP:GQ:MIN_DP:PL", "0/1:1:2:3:4:5"]


@pytest.mark.parametrize("info", ["X=a\rb;BCSQ=x|y", "BCSQ=x|y;X=a\rb"])
def test_a_carriage_return_within_a_record_ends_no_line(annotate: Annotate, info: str) -> None:
    outcome = annotate(vcf(f"MT 73 . A G . . {info}", "MT 263 . A G . . ."))
    first, _ = records_of(outcome)
    assert first[7].startswith("X=a\rb;GAS_")


def test_alleles_beside_symbolic_ones_are_annotated(annotate: Annotate, sequence: str) -> None:
    """As genomic VCFs have them; breakends and ambiguous bases would only mislead csq."""
    wanted = {"A,<NON_REF>": True, "A,*": True, "<DEL>": False, "G[MT:9[": False, "A,N": False}
    outcome = annotate(vcf(*(f"MT 11778 . G {alts} . . ." for alts in wanted)))
    found = {fields[4]: "BCSQ=" in fields[7] for fields in records_of(outcome)}
    assert found == wanted
    told = json.loads(outcome.summary.read_text())["not_annotated"]
    assert told == {"symbolic allele or breakend": 2, "ambiguous base (not A, C, G or T)": 1}


def test_htslib_reads_every_result(annotate: Annotate) -> None:
    body = vcf("chrUn 5 . A C . . .", "MT 73 . A G . q10 X=1", header="##contig=<ID=chrUn>\n")
    outcome = annotate(body)
    with pysam.VariantFile(str(outcome.result), index_filename=str(outcome.index)) as result:
        assert [r.pos for r in result.fetch("MT")] == [73]
        assert [r.pos for r in result.fetch("chrUn")] == [5]


def test_names_that_look_like_addresses_are_only_names(annotate: Annotate) -> None:
    assert "another assembly" in (annotate(vcf("http://x/y 1 . A C . . .")).error or "")


def test_a_reference_by_name_that_is_not_here_is_refused(
    annotate: Annotate, rcrs: Reference
) -> None:
    told = annotate(vcf("MT 73 . A G . . ."), reference="hg38").error
    assert told is not None
    assert rcrs.name in told


def test_the_result_names_no_path_of_the_server(annotate: Annotate, tmp_path: Path) -> None:
    outcome = annotate(example().read_bytes())
    assert str(tmp_path).encode() not in gzip.decompress(outcome.result.read_bytes())
    assert COLUMNS.encode() in gzip.decompress(outcome.result.read_bytes())


def test_what_htslib_says_of_a_file_names_no_path_of_the_server(
    annotate: Annotate, tmp_path: Path
) -> None:
    body = vcf("MT 73 . A G . . . GT").replace(b"INFO\n", b"INFO\tFORMAT\n")
    log = annotate(body).log.read_text()
    assert "cannot read this file's header" in log
    assert str(tmp_path) not in log


def test_the_form_offers_the_ways_of_calling_that_the_annotator_knows() -> None:
    assert {mode or AUTO for mode in MODES} == {AUTO, LOCAL, HAPLOTYPE}
