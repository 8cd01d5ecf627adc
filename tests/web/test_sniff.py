import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.scenes import VCF
from web.sniff import refusal

BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
LONG = VCF + b"chrM\t74\t.\tT\tC\t.\t.\t.\n" * 20_000


def said(body: bytes) -> str | None:
    return refusal(body[:65536], len(body))


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        VCF,
        VCF.replace(b"\n", b"\r\n"),
        VCF.replace(b"VCFv4.2", b"VCFv3.3"),
        LONG,
        gzip.compress(VCF),
        gzip.compress(LONG),
        gzip.compress(VCF) + BGZF_EOF,
        gzip.compress(LONG[:3000]) + gzip.compress(LONG[3000:]),
        gzip.compress(VCF) + b"trailing rubbish",
        gzip.compress(VCF) + b"\0" * 512,
        gzip.compress(VCF) + b"\x1f\x8b and then rubbish",
    ],
)
def test_what_may_be_a_vcf_is_let_through(body: bytes) -> None:
    assert said(body) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (gzip.compress(b""), "nothing inside"),
        (b"dear diary\n", "text, but not a VCF"),
        (b"<!DOCTYPE html><html><body>Please log in", "web page"),
        (b"\n  <html><head>", "web page"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG picture"),
        (b"%PDF-1.7", "PDF"),
        (bytes(range(256)), "binary data"),
        (gzip.compress(LONG[:60_000])[:-20], "cut short"),
        (gzip.compress(VCF)[:30], "cut short"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "damaged"),
        (gzip.compress(b"BAM\x01rest"), "BAM file"),
        (gzip.compress(b"BCF\x02\x02rest"), "bcftools view"),
        (b"CRAM\x03", "CRAM file"),
        (gzip.compress(b"no vcf here"), "text, but not a VCF"),
        (zipped("xl/workbook.xml"), "Excel"),
        (zipped("sample.vcf"), "unpack it"),
        (VCF.partition(b"\n")[2], "first line, ##fileformat"),
        (b"\n" + VCF, "Something stands before"),
        ("##fileformat=VCFv4.2\n".encode("utf-16"), "UTF-16"),
        (b"##fileformat=VCFv4.2\n##source=x\n", "no line of column names"),
        (b"# rsid\tchromosome\tposition\tgenotype\n", "raw data"),
        (b">chrM\nGATTACA\n", "FASTA"),
        (b"##gff-version 3\n", "GFF"),
        (b"BZh91AY", "bzip2"),
        (b"\xef\xbb\xbf" + VCF, "without BOM"),
    ],
)
def test_what_is_no_vcf_is_told_what_it_is(body: bytes, words: str) -> None:
    assert words in (said(body) or "nothing")


@given(st.binary(max_size=300), st.booleans())
def test_nothing_crashes_it(body: bytes, packed: bool) -> None:
    data = gzip.compress(VCF) + body if packed else body
    for head in (data, data[: len(data) // 2], b"\x1f\x8b" + body):
        assert refusal(head, len(data)) is None or len(refusal(head, len(data)) or "") > 20
