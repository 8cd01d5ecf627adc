"""Reads a VCF of anyone's making, line by line, and says in words what is wrong with it.

VCF 3.3 to 4.5, plain, gzip or BGZF: https://samtools.github.io/hts-specs/
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from vcf.file_type import EMPTY, GZIP, OTHER_TEXT, refusal_of, shown

BUFFER_BYTES = 1 << 20
VERSION = re.compile(rb"##(?:file)?format=(?:VCFv?|VCRv)(\d\.\d)", re.IGNORECASE)
VERSIONS = {"3.3", "4.0", "4.1", "4.2", "4.3", "4.4", "4.5"}
COLUMNS = [b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO"]
CONTIG = re.compile(r"##contig=<(?:.*,)?ID=(?P<name>[^,>]+)")
LENGTH = re.compile(r"[<,]length=(\d+)")
NUMBER = rb"[-+0-9.eE]+|(?i:[-+]?(?:nan|inf(?:inity)?))"
PLAIN = re.compile(
    rb"([^\t]+)\t([0-9]{1,10})\t[^\t\0]*\t([A-Za-z]+)\t([ACGTNacgtn]+(?:,[ACGTNacgtn]+)*)"
    rb"\t(?:" + NUMBER + rb")\t([^\t]+)\t([^\t\0]*)(?:\t([^\t]+)|$)"
)
"""A usual record, whose groups are a Record's middle fields; others are looked at closely."""
QUAL = re.compile(NUMBER)
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


class Record(NamedTuple):
    """One data line without its end, and its columns as they stand in it.

    `number` is its line in the file, counted from 1; `format` is None without a FORMAT column.
    """

    number: int
    contig: bytes
    pos: int
    ref: bytes
    alts: bytes
    filters: bytes
    info: bytes
    format: bytes | None
    line: bytes


class Reader:
    """One VCF: first its header, then its records, within bounds. Raises VCFError throughout."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.bounds, self.number, self.read_bytes = bounds, 0, 0
        self.stream = _open(path)
        self.lines = self._lines()
        self.header = self._header()

    def records(self) -> Iterator[Record]:
        """Every record, checked for shape; blank lines at the end of the file are let pass."""
        tabs, left, usual = self.header.width - 1, self.bounds.max_records, PLAIN.match
        for line in self.lines:
            if not line.strip():
                self._demand_end()
                return
            left -= 1
            if left < 0:
                raise self._too_many()
            found = usual(line)
            if found is None or line.count(b"\t") != tabs:
                yield self._unusual(line, tabs)
                continue
            contig, pos, ref, alts, filters, info, form = found.groups()
            yield Record(self.number, contig, int(pos), ref, alts, filters, info, form, line)

    def _unusual(self, line: bytes, tabs: int) -> Record:
        """A record whose shape is seldom or wrong, examined column by column."""
        if line.startswith(b"#"):
            raise VCFError(
                f"Line {self.number} is a header line among the records. "
                "Please move it above the #CHROM line, or remove it."
            )
        found = line.count(b"\t")
        if found != tabs:
            raise VCFError(
                f"Line {self.number} has {found + 1} columns, but the header has {tabs + 1}. "
                "Please check that the columns are separated by tabs and none is missing."
            )
        if b"\0" in line:
            raise self._fault("it holds binary data (a zero byte)")
        parts = line.split(b"\t", 9)
        contig, pos, _, ref, alts, qual, filters, info = parts[:8]
        fault = _fault_in(contig, pos, ref, alts, qual, filters, parts[8:9])
        if fault:
            raise self._fault(fault)
        form = parts[8] if len(parts) > 8 else None
        return Record(self.number, contig, int(pos), ref, alts, filters, info, form, line)

    def _demand_end(self) -> None:
        blank = self.number
        if any(line.strip() for line in self.lines):
            raise VCFError(f"Line {blank} is blank. Please remove the blank line.")

    def _too_many(self) -> VCFError:
        return VCFError(
            f"The file has more than {self.bounds.max_records:,} records, "
            "the limit of your plan. Please split it."
        )

    def _header(self) -> Header:
        first = next(self.lines, b"")
        version, meta = self._version(first), [first]
        for line in self.lines:
            if line.startswith(b"##"):
                meta.append(line)
            elif line.startswith(b"#"):
                return _told(version, meta, self._columns(line))
            else:
                break
        raise VCFError(
            f"Line {self.number} should be the #CHROM line that ends a VCF header. "
            "Please check that the file has its whole header."
        )

    def _version(self, line: bytes) -> str:
        if not self.number:
            raise VCFError(EMPTY)
        match = VERSION.match(line)
        if not match:
            raise VCFError(_not_vcf(line))
        version = match[1].decode()
        if version not in VERSIONS:
            raise VCFError(
                f"VCF {version} is not known here; {min(VERSIONS)} to {max(VERSIONS)} are. "
                "Please convert the file: bcftools view -Oz -o new.vcf.gz old.vcf"
            )
        return version

    def _columns(self, line: bytes) -> bytes:
        names = line.split(b"\t")
        if names[:8] != COLUMNS or names[8:9] not in ([], [b"FORMAT"]):
            raise VCFError(
                f"Line {self.number}: the column line must read #CHROM POS ID REF ALT QUAL "
                "FILTER INFO (then FORMAT and the samples), separated by tabs. "
                "Please check the separators."
            )
        samples = names[9:]
        if len(set(samples)) < len(samples) or b"" in samples:
            double = next(s for s in samples if not s or samples.count(s) > 1)
            raise VCFError(
                f"Line {self.number}: the sample name {shown(double)} is empty or stands there "
                "twice. Please give each sample a name of its own."
            )
        return line

    def _fault(self, words: str) -> VCFError:
        return VCFError(f"Line {self.number}: {words}. Please correct that line.")

    def _lines(self) -> Iterator[bytes]:
        """Each line without its end; keeps count of lines and bytes."""
        most_bytes, most_text = self.bounds.max_line_bytes, self.bounds.max_text_bytes
        try:
            for line in iter(partial(self.stream.readline, most_bytes + 1), b""):
                self.number += 1
                self.read_bytes += len(line)
                if len(line) > most_bytes or self.read_bytes > most_text:
                    raise self._too_large(len(line))
                yield line.rstrip(b"\r\n")
        except EOFError:
            raise VCFError(
                "The compressed file ends in mid-stream: it was truncated. "
                "Please compress or copy it again."
            ) from None
        except gzip.BadGzipFile:
            raise _damaged(": other bytes follow the compressed data") from None
        except (OSError, zlib.error):
            raise _damaged("") from None

    def _too_large(self, line_bytes: int) -> VCFError:
        most = self.bounds.max_line_bytes
        if line_bytes > most:
            return VCFError(
                f"Line {self.number} is longer than {most:,} bytes, the limit. "
                "Please leave out what is not needed (bcftools annotate -x INFO/TAG)."
            )
        return VCFError(
            f"Unpacked, the file is larger than {self.bounds.max_text_bytes:,} bytes, "
            "the limit of your plan. Please split it."
        )


def _open(path: Path) -> BinaryIO:
    stream = path.open("rb")
    is_gzip = stream.read(2) == GZIP
    stream.seek(0)
    if not is_gzip:
        return stream
    unpacked = cast(io.RawIOBase, gzip.GzipFile(fileobj=stream))
    return io.BufferedReader(unpacked, BUFFER_BYTES)


def _not_vcf(line: bytes) -> str:
    refusal = refusal_of(line)
    return f"{refusal} It begins with {shown(line)}." if refusal == OTHER_TEXT else refusal


def _fault_in(
    contig: bytes,
    pos: bytes,
    ref: bytes,
    alts: bytes,
    qual: bytes,
    filters: bytes,
    form: list[bytes],
) -> str:
    """What is wrong with these columns; empty where nothing is."""
    if not contig:
        return "CHROM is empty"
    if not (pos.isdigit() and len(pos) < 11 and int(pos) <= MAX_POS):
        return f"POS must be a whole number, not {shown(pos)}"
    if not BASES.fullmatch(ref):
        return f"REF must be made of A, C, G, T and N, not {shown(ref)}"
    for allele in alts.split(b","):
        if not BASES.fullmatch(allele) and not SYMBOLIC.fullmatch(allele):
            return f"ALT has {shown(allele)}, which is no allele"
    if not QUAL.fullmatch(qual):
        return f"QUAL must be a number or . (missing), not {shown(qual)}"
    if not filters or form == [b""]:
        return "FILTER or FORMAT is empty; write . for a missing value"
    return ""


def _damaged(how: str) -> VCFError:
    return VCFError(
        f"The compressed file is damaged{how}. "
        "Please compress it again (bgzip file.vcf) and upload that."
    )


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
