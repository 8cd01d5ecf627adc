"""Judges by an upload's first bytes whether it can be a VCF, packed or plain."""

import re
import zlib
from dataclasses import dataclass

from vcf.file_type import (
    DAMAGED,
    EMPTY,
    GZIP,
    NOTHING_INSIDE,
    TEXT_BYTES,
    is_vcf,
    refusal_of,
    refusal_of_annotation,
)

CUT_SHORT = (
    "This gzip file is cut short: its end is missing. The download or copy that made it "
    "was probably interrupted. Check it with gzip -t, make it anew, and upload it again."
)
EMPTY_ANNOTATION = "This file is empty. Please add a BED or a VCF."
NO_COLUMNS = (
    "This VCF has no line of column names (#CHROM, POS, ID, REF, ALT …), so its header "
    "never ends. It may have been cut short; make it anew and upload it again."
)


@dataclass(frozen=True)
class UnpackedHead:
    """The first bytes of a file, unpacked; `ended`: there is no more, `cut`: it stops too soon."""

    text: bytes
    ended: bool
    cut: bool = False


def refusal(head: bytes, size: int) -> str | None:
    """The reason why a file of `size` bytes that begins with `head` is no VCF, and the remedy.

    None: it may be one.

    VCF 4.5, section 1: the first line is `##fileformat=VCFv…`, then meta lines, then `#CHROM`.
    """
    if not head:
        return EMPTY
    begin = _begin(head, size)
    if isinstance(begin, str):
        return begin
    if not begin.text:
        return NOTHING_INSIDE
    if not is_vcf(begin.text):
        return refusal_of(begin.text)
    return NO_COLUMNS if begin.ended and not _has_columns(begin.text) else None


def annotation_refusal(head: bytes, size: int) -> str | None:
    """The same of a user's own annotation, which may be a BED too."""
    if not head:
        return EMPTY_ANNOTATION
    begin = _begin(head, size)
    if isinstance(begin, str):
        return begin
    return refusal_of_annotation(begin.text) or None


def text(head: bytes, size: int) -> bytes:
    """The text at the beginning of a file that `refusal` has nothing against."""
    return _unpacked(head, len(head) >= size).text


def _begin(head: bytes, size: int) -> UnpackedHead | str:
    """The beginning of a file, unpacked; or the words that refuse a gzip that cannot be."""
    try:
        begin = _unpacked(head, len(head) >= size)
    except zlib.error:
        return DAMAGED
    return CUT_SHORT if begin.cut else begin


def _unpacked(head: bytes, whole: bool) -> UnpackedHead:
    """The beginning of the text; members of a gzip (BGZF has many) are read one after another."""
    if not head.startswith(GZIP):
        return UnpackedHead(head, whole)
    text, rest = b"", head
    while rest.startswith(GZIP) and len(text) < TEXT_BYTES:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(rest, TEXT_BYTES)
        except zlib.error:
            if not text:
                raise
            return UnpackedHead(text, False)
        if not member.eof:
            more = bool(member.unconsumed_tail)
            return UnpackedHead(text, False, cut=whole and not more)
        rest = member.unused_data
    return UnpackedHead(text, whole and len(text) < TEXT_BYTES)


def _has_columns(text: bytes) -> bool:
    return re.search(rb"^#CHROM\s", text, re.MULTILINE) is not None
