"""Tells from an upload's first bytes whether it can be a VCF, and if not, what it is instead."""

import re
import zlib
from dataclasses import dataclass

GZIP = b"\x1f\x8b"
TEXT_BYTES = 65536
FILEFORMAT = re.compile(rb"##fileformat=VCF", re.IGNORECASE)
WHAT_TO_DO = "Please upload a VCF file, plain (.vcf) or compressed with bgzip or gzip (.vcf.gz)."

MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"BAM\x01", "a BAM file: it holds aligned reads, and variants are still to be called"),
    (b"CRAM", "a CRAM file: it holds aligned reads, and variants are still to be called"),
    (b"BZh", "compressed with bzip2: unpack it and compress it with bgzip or gzip"),
    (b"\xfd7zXZ", "compressed with xz: unpack it and compress it with bgzip or gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it and compress it with bgzip or gzip"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it and upload the VCF inside"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file: upload the VCF that it was made from"),
    (b"BCF", "a BCF file: convert it with bcftools view -Oz -o out.vcf.gz"),
    (b"\xef\xbb\xbf", "text with a byte order mark (BOM): save it as plain UTF-8, without BOM"),
    (b"\xff\xfe", "text saved as UTF-16: save it as UTF-8 and upload it again"),
    (b"\xfe\xff", "text saved as UTF-16: save it as UTF-8 and upload it again"),
    (b">", "a FASTA file: it holds sequence, not variants"),
    (b"##gff", "a GFF file: it holds genes, not variants"),
    (b"@HD", "a SAM file: it holds aligned reads, and variants are still to be called"),
    (b"{", "JSON"),
)
"""How a file begins, and what it is then."""


@dataclass(frozen=True)
class Head:
    """The first bytes of a file, unpacked; `ended`: there is no more, `cut`: it stops too soon."""

    text: bytes
    ended: bool
    cut: bool = False


def refusal(head: bytes, size: int) -> str | None:
    """Why a file of `size` bytes that begins with `head` is no VCF, and what to do.

    None: it may be one.

    VCF 4.5, section 1: the first line is `##fileformat=VCFv…`, then meta lines, then `#CHROM`.
    """
    if not head:
        return f"This file is empty. {WHAT_TO_DO}"
    try:
        begin = _unpacked(head, len(head) >= size)
    except zlib.error:
        return (
            "This file says that it is compressed with gzip, but it is damaged. Check it with "
            "gzip -t, make or download it anew, and upload it again."
        )
    if begin.cut:
        return (
            "This gzip file is cut short: its end is missing. The download or copy that made it "
            "was probably interrupted. Check it with gzip -t, make it anew, and upload it again."
        )
    return _not_vcf(begin)


def _unpacked(head: bytes, whole: bool) -> Head:
    """The beginning of the text; members of a gzip (BGZF has many) are read one after another."""
    if not head.startswith(GZIP):
        return Head(head, whole)
    text, rest = b"", head
    while rest.startswith(GZIP) and len(text) < TEXT_BYTES:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(rest, TEXT_BYTES)
        except zlib.error:
            if not text:
                raise
            return Head(text, False)
        if not member.eof:
            more = bool(member.unconsumed_tail)
            return Head(text, False, cut=whole and not more)
        rest = member.unused_data
    return Head(text, whole and len(text) < TEXT_BYTES)


def _not_vcf(begin: Head) -> str | None:
    text = begin.text
    if not text:
        return f"There is nothing inside this compressed file. {WHAT_TO_DO}"
    if FILEFORMAT.match(text):
        return _incomplete(text, begin.ended)
    kind = _kind(text)
    if kind:
        end = "" if ":" in kind else f" {WHAT_TO_DO}"
        return f"This is not a VCF: it is {kind}.{end}"
    return _odd_text(text)


def _kind(text: bytes) -> str | None:
    """What the bytes are, where they are known for something else."""
    if text.startswith(b"PK"):
        office = b"[Content_Types].xml" in text or b"xl/" in text
        return (
            "an Excel or Word file: upload the VCF that it was made from"
            if office
            else "a zip archive: unpack it and upload the VCF inside"
        )
    if text[257:262] == b"ustar":
        return "a tar archive: unpack it and upload the VCF inside"
    start = text.lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return (
            "a web page: the download probably gave you a login or an error page. Fetch the "
            "VCF itself and upload that"
        )
    if start.startswith(b"<"):
        return "XML"
    known = next((what for magic, what in MAGIC if text.startswith(magic)), None)
    return known or ("binary data" if b"\0" in text else None)


def _odd_text(text: bytes) -> str:
    """The words for text that lacks the line which makes it a VCF."""
    if FILEFORMAT.search(text[:1024]):
        return (
            "Something stands before the line ##fileformat=VCFv…, which must be the first of a "
            "VCF. Remove what is before it and upload the file again."
        )
    if re.search(rb"^#CHROM\t", text, re.MULTILINE):
        return (
            "This looks like a VCF, but its first line, ##fileformat=VCFv4.2 or the like, is "
            "missing. Put it back as the very first line and upload the file again."
        )
    if re.match(rb"#?\s*(rsid|This data file generated by 23andMe)", text, re.IGNORECASE):
        return (
            "This looks like a genotyping service's raw data, not a VCF. Convert it first, for "
            "instance with bcftools convert --tsv2vcf, and upload the result."
        )
    return (
        "This is text, but not a VCF: its first line is not ##fileformat=VCFv4.2 or the like. "
        + WHAT_TO_DO
    )


def _incomplete(text: bytes, ended: bool) -> str | None:
    """A VCF of which all was seen must have its column line, and something after it."""
    if not ended:
        return None
    if not re.search(rb"^#CHROM\s", text, re.MULTILINE):
        return (
            "This VCF has no line of column names (#CHROM, POS, ID, REF, ALT …), so its header "
            "never ends. It may have been cut short; make it anew and upload it again."
        )
    return None
