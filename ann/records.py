"""The words of a VCF's header and records, and what is wrong with them where something is."""

import re
from dataclasses import dataclass, field

from vcf.file_type import OTHER_TEXT, refusal_of, shown

VERSION = re.compile(rb"##(?:file)?format=(?:VCFv?|VCRv)(\d\.\d)", re.IGNORECASE)
VERSIONS = {"3.3", "4.0", "4.1", "4.2", "4.3", "4.4", "4.5"}
COLUMNS = [b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO"]
CONTIG = re.compile(r"##contig=<(?:.*,)?ID=(?P<name>[^,>]+)")
LENGTH = re.compile(r"[<,]length=(\d+)")
MOST_LENGTH_DIGITS = 18
QUAL = re.compile(rb"[-+0-9.eE]+|(?i:[-+]?(?:nan|inf(?:inity)?))")
BASES = re.compile(rb"[ACGTNRYSWKMBDHVacgtnryswkmbdhv]+")
SYMBOLIC = re.compile(
    rb"<[^<>\s]+>|\*|\.|[.][ACGTNacgtn]+|[ACGTNacgtn]+[.]"
    rb"|[ACGTNacgtn.]*[\[\]][^\[\]\s]+[\[\]][ACGTNacgtn.]*"
)
MAX_POS = 2**31 - 2
MAX_ALLELES = 65_535
"""So many, REF among them, fit into a record of htslib, which counts them in 16 bits."""


MOST_CHARACTERS = 2_000


def printable(text: str) -> str:
    """Words that may quote a file: without control characters, and not endless."""
    plain = "".join(c if c.isprintable() else "\ufffd" for c in text[:MOST_CHARACTERS])
    return plain if len(text) <= MOST_CHARACTERS else f"{plain}…"


class VCFError(ValueError):
    """A fault of the file, in words for its owner: what is wrong, and what to do about it."""


@dataclass(frozen=True)
class Bounds:
    """The largest size that an unpacked file may have."""

    max_line_bytes: int
    max_records: int
    max_text_bytes: int


@dataclass
class Header:
    """The meta lines (##fileformat first), the column line, and the contigs' declared lengths."""

    version: str
    lines: list[bytes]
    columns: bytes
    contigs: dict[str, int | None] = field(default_factory=dict)
    reference: str = ""

    @property
    def width(self) -> int:
        """The number of columns that every record must have."""
        return self.columns.count(b"\t") + 1


def line_fault(number: int, words: str) -> VCFError:
    return VCFError(f"Line {number}: {words}. Please correct that line.")


def not_vcf(line: bytes) -> str:
    refusal = refusal_of(line)
    return f"{refusal} It begins with {shown(line)}." if refusal == OTHER_TEXT else refusal


def fault_in(
    contig: bytes,
    pos: bytes,
    ref: bytes,
    alts: bytes,
    qual: bytes,
    filters: bytes,
    form: list[bytes],
) -> str:
    """The fault in these columns, in words; empty where there is none."""
    if not contig:
        return "CHROM is empty"
    if not (pos.isdigit() and len(pos) < 11 and int(pos) <= MAX_POS):
        return f"POS must be a whole number, not {shown(pos)}"
    if not BASES.fullmatch(ref):
        return f"REF must be made of A, C, G, T and N, not {shown(ref)}"
    if alts.count(b",") + 2 > MAX_ALLELES:
        return (
            f"it has {alts.count(b',') + 1:,} alternative alleles; the most is {MAX_ALLELES - 1:,}"
        )
    for allele in alts.split(b","):
        if not BASES.fullmatch(allele) and not SYMBOLIC.fullmatch(allele):
            return f"ALT has {shown(allele)}, which is no allele"
    if not QUAL.fullmatch(qual):
        return f"QUAL must be a number or . (missing), not {shown(qual)}"
    if not filters or form == [b""]:
        return "FILTER or FORMAT is empty; write . for a missing value"
    return ""


def header_of(version: str, lines: list[bytes], columns: bytes) -> Header:
    """The header of these lines. Raises VCFError for a length of too many digits."""
    header = Header(version, lines, columns)
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace")
        contig = CONTIG.match(text)
        if contig:
            header.contigs[contig["name"]] = _length(text, number)
        elif text.lower().startswith(("##reference=", "##assembly=")):
            header.reference = header.reference or text.partition("=")[2].strip()
    return header


def _length(text: str, number: int) -> int | None:
    """The length that a ##contig line gives. Raises VCFError for what no sequence has."""
    length = LENGTH.search(text)
    if length and len(length[1].lstrip("0")) > MOST_LENGTH_DIGITS:
        raise line_fault(number, f"the contig's length has {len(length[1]):,} digits")
    return int(length[1].lstrip("0") or 0) if length else None
