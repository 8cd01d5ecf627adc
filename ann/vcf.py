"""Reads a VCF of anyone's making, line by line, and says in words what is wrong with it.

VCF 3.3 to 4.5, plain, gzip or BGZF: https://samtools.github.io/hts-specs/
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

GZIP = b"\x1f\x8b"
MAGIC = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PK\x03\x04": "a ZIP archive (or an Excel or Word file)",
    b"%PDF": "a PDF document",
    b"BCF": "a BCF file; convert it first: bcftools view -Oz -o file.vcf.gz file.bcf",
    b"BAM\x01": "a BAM file, which holds reads, not variants",
    b"CRAM": "a CRAM file, which holds reads, not variants",
    b"<!DO": "a web page (HTML)",
    b"<htm": "a web page (HTML)",
}
BOM = b"\xef\xbb\xbf"
VERSION = re.compile(rb"##(?:file)?format=(?:VCFv?|VCRv)(\d\.\d)", re.IGNORECASE)
VERSIONS = {"3.3", "4.0", "4.1", "4.2", "4.3", "4.4", "4.5"}
COLUMNS = [b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO"]
CONTIG = re.compile(r"##contig=<(?:.*,)?ID=(?P<name>[^,>]+)")
LENGTH = re.compile(r"[<,]length=(\d+)")
BASES = re.compile(rb"[ACGTNRYSWKMBDHVacgtnryswkmbdhv]+")
SYMBOLIC = re.compile(
    rb"<[^<>\s]+>|\*|\.|[.][ACGTNacgtn]+|[ACGTNacgtn]+[.]"
    rb"|[ACGTNacgtn.]*[\[\]][^\[\]\s]+[\[\]][ACGTNacgtn.]*"
)
MAX_POS = 2**31 - 2


class VCFError(ValueError):
    """What is wrong with the file and what to do about it, for its owner to read."""


@dataclass(frozen=True)
class Bounds:
    """How large a file may be when it is unpacked."""

    max_line_bytes: int
    max_records: int
    max_text_bytes: int


@dataclass
class Header:
    """The meta lines (##fileformat first), the column line, and the contigs' told lengths."""

    version: str
    lines: list[bytes]
    columns: bytes
    contigs: dict[str, int | None] = field(default_factory=dict)
    reference: str = ""

    @property
    def width(self) -> int:
        """The number of columns that every record must have."""
        return self.columns.count(b"\t") + 1


@dataclass(frozen=True)
class Record:
    """One data line, its first columns told apart; `number` is its line in the file."""

    number: int
    contig: str
    pos: int
    ref: bytes
    alts: tuple[bytes, ...]
    line: bytes

    def moved_to(self, contig: str) -> bytes:
        """The line under another contig name."""
        return contig.encode() + self.line[self.line.index(b"\t") :]


class Reader:
    """One VCF: first its header, then its records, within bounds. Raises VCFError throughout."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.bounds, self.number, self.read_bytes = bounds, 0, 0
        self.stream = _open(path)
        self._first: bytes | None = None
        self.header = self._header()

    def records(self) -> Iterator[Record]:
        """Every record, checked for shape; blank lines at the end of the file are let pass."""
        width, count, blank = self.header.width, 0, 0
        for line in self._lines():
            if not line.strip():
                blank = blank or self.number
                continue
            if blank:
                raise VCFError(f"Line {blank} is blank. Please remove the blank line.")
            if line.startswith(b"#"):
                raise VCFError(
                    f"Line {self.number} is a header line among the records. "
                    "Please move it above the #CHROM line, or remove it."
                )
            count += 1
            if count > self.bounds.max_records:
                raise VCFError(
                    f"The file has more than {self.bounds.max_records:,} records, "
                    "the limit of your plan. Please split it."
                )
            yield self._record(line, width)

    def _header(self) -> Header:
        first = self._read().rstrip(b"\r\n")
        version, lines = self._version(first), [first]
        for line in self._lines():
            if line.startswith(b"##"):
                lines.append(line)
            elif line.startswith(b"#"):
                return _told(version, lines, self._columns(line))
            else:
                break
        raise VCFError(
            f"Line {self.number} should be the #CHROM line that ends a VCF header. "
            "Please check that the file has its whole header."
        )

    @staticmethod
    def _version(line: bytes) -> str:
        if not line:
            raise VCFError("The file is empty. Please upload a VCF.")
        if line.startswith(BOM):
            raise VCFError(
                "The file starts with a byte order mark, which a text editor has added. "
                "Please save it as plain UTF-8, without BOM."
            )
        match = VERSION.match(line)
        if not match:
            raise VCFError(f"This is not a VCF: {_looks_like(line)}. {FIRST_LINE}")
        version = match[1].decode()
        if version not in VERSIONS:
            raise VCFError(f"VCF {version} is not known here; {min(VERSIONS)} to 4.5 are.")
        return version

    def _columns(self, line: bytes) -> bytes:
        if line.split(b"\t")[:8] != COLUMNS:
            raise VCFError(
                f"Line {self.number}: the column line must read #CHROM POS ID REF ALT QUAL "
                "FILTER INFO, separated by tabs. Please check the separators."
            )
        return line

    def _record(self, line: bytes, width: int) -> Record:
        parts = line.split(b"\t", 5)
        found = len(parts) + parts[-1].count(b"\t")
        if found != width:
            raise VCFError(
                f"Line {self.number} has {found} columns, but the header has {width}. "
                "Please check that the columns are separated by tabs and none is missing."
            )
        contig, pos, _, ref, alt = parts[:5]
        if not pos.isdigit() or not 0 <= int(pos) <= MAX_POS:
            raise self._fault(f"POS must be a whole number, not {_shown(pos)}")
        if not BASES.fullmatch(ref):
            raise self._fault(f"REF must be made of A, C, G, T and N, not {_shown(ref)}")
        alts = tuple(alt.split(b","))
        for allele in alts:
            if not BASES.fullmatch(allele) and not SYMBOLIC.fullmatch(allele):
                raise self._fault(f"ALT has {_shown(allele)}, which is no allele")
        if not contig:
            raise self._fault("CHROM is empty")
        name = contig.decode("utf-8", "replace")
        return Record(self.number, name, int(pos), ref.upper(), alts, line)

    def _fault(self, words: str) -> VCFError:
        return VCFError(f"Line {self.number}: {words}. Please correct that line.")

    def _lines(self) -> Iterator[bytes]:
        while line := self._read():
            yield line.rstrip(b"\r\n")

    def _read(self) -> bytes:
        """The next line with its end; empty at the end of the file."""
        most = self.bounds.max_line_bytes
        try:
            line = self.stream.readline(most + 1)
        except EOFError:
            raise VCFError(
                f"The compressed file ends in mid-stream, after line {self.number}: "
                "it was truncated. Please compress or copy it again."
            ) from None
        except (OSError, zlib.error):
            raise VCFError(
                f"The compressed file is damaged after line {self.number}. "
                "Please compress it again (bgzip file.vcf) and upload that."
            ) from None
        if len(line) > most:
            raise VCFError(f"Line {self.number + 1} is longer than {most:,} bytes, the limit.")
        self.number += 1
        self.read_bytes += len(line)
        if self.read_bytes > self.bounds.max_text_bytes:
            raise VCFError(
                f"Unpacked, the file is larger than {self.bounds.max_text_bytes:,} bytes, "
                "the limit of your plan. Please split it."
            )
        return line


FIRST_LINE = "A VCF's first line reads ##fileformat=VCFv4.2 (or another version)."


def _open(path: Path) -> BinaryIO:
    stream = path.open("rb")
    is_gzip = stream.read(2) == GZIP
    stream.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream) if is_gzip else stream)


def _looks_like(line: bytes) -> str:
    start = line.lstrip()[:4]
    for magic, what in MAGIC.items():
        if start.lower().startswith(magic.lower()):
            return f"it looks like {what}"
    if line.startswith((b"#CHROM", b"#chrom")):
        return "its ##fileformat line is missing"
    if b"\0" in line:
        return "it is a binary file"
    return f"it starts with {_shown(line)}"


def _shown(text: bytes) -> str:
    """A few characters of anyone's text, safe to show."""
    shown = text[:40].decode("ascii", "replace").strip()
    return repr("".join(c if c.isprintable() else "�" for c in shown))


def _told(version: str, lines: list[bytes], columns: bytes) -> Header:
    header = Header(version, lines, columns)
    for line in lines:
        text = line.decode("utf-8", "replace")
        contig = CONTIG.match(text)
        if contig:
            length = LENGTH.search(text)
            header.contigs[contig["name"]] = int(length[1]) if length else None
        elif text.lower().startswith(("##reference=", "##assembly=")):
            header.reference = header.reference or text.partition("=")[2].strip()
    return header
