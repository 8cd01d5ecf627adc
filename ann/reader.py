"""Reads a VCF of anyone's making, a block of lines at a time, and says what is wrong with it.

VCF 3.3 to 4.5, plain, gzip or BGZF: https://samtools.github.io/hts-specs/
"""

import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from isal.igzip import IGzipFile
from isal.igzip_lib import IsalError

from ann.records import (
    COLUMNS,
    VERSION,
    VERSIONS,
    Bounds,
    Header,
    VCFError,
    fault_in,
    header_of,
    line_fault,
    not_vcf,
)
from ann.table import RecordTable, table_of
from vcf.file_type import EMPTY, GZIP, shown

BUFFER_BYTES = 1 << 20
FIRST_BYTES, BLOCK_BYTES = 1 << 18, 1 << 21
"""Text looked at together: some thousand records even where each has many samples. Blocks grow to
that, so that what reads behind us begins early."""
LINE_END = re.compile(rb"\r+\n")


class Block(NamedTuple):
    """Whole records of the file as a table.

    `number` is the line of the first, counted from 1; `share` is how much of the file was read.
    """

    table: RecordTable
    number: int
    share: float


class Reader:
    """One VCF: first its header, then its records, within bounds; a context manager.

    Raises VCFError throughout.
    """

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.path, self.bounds, self.number, self.read_bytes = path, bounds, 0, 0
        self.size = max(1, path.stat().st_size)
        self.file = path.open("rb")
        self.stream = unpacked(self.file)
        try:
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stream.close()
        self.file.close()

    def blocks(self) -> Iterator[Block]:
        """The records, each of the header's width; blank lines at the end are left out."""
        left, texts = self.bounds.max_records, self._whole_lines()
        for text in texts:
            number = self.number + 1
            table = table_of(text, self.header.width) or self._odd(text, texts)
            self.number += text.count(b"\n")
            if table is None:
                return
            self._demand_short_lines(table, number)
            left -= len(table)
            if left < 0:
                raise self._too_many()
            yield Block(table, number, min(1.0, self.file.tell() / self.size))

    def _odd(self, text: bytes, rest: Iterator[bytes]) -> RecordTable | None:
        """The records of a block before blank lines that end the file; all else raises."""
        lines = text.split(b"\n")[:-1]
        for place, line in enumerate(lines):
            number = self.number + 1 + place
            if line.strip():
                self.check(line, number)
                continue
            if any(later.strip() for later in lines[place:]) or any(t.strip() for t in rest):
                raise VCFError(f"Line {number} is blank. Please remove the blank line.")
            return table_of(b"".join(b"%s\n" % kept for kept in lines[:place]), self.header.width)
        raise VCFError(f"The lines from {self.number + 1} on cannot be read as VCF records.")

    def check(self, line: bytes, number: int) -> None:
        """Examine one record column by column. Raises VCFError, naming the line."""
        tabs, found = self.header.width - 1, line.count(b"\t")
        if line.startswith(b"#"):
            raise VCFError(
                f"Line {number} is a header line among the records. "
                "Please move it above the #CHROM line, or remove it."
            )
        if found != tabs:
            raise VCFError(
                f"Line {number} has {found + 1} column{'s' * (found > 0)}, but the header has "
                f"{tabs + 1}. Please check that the columns are separated by tabs and none is "
                "missing."
            )
        if b"\0" in line:
            raise line_fault(number, "it holds binary data (a zero byte)")
        contig, pos, _, ref, alts, qual, filters, _, *form = line.split(b"\t", 9)
        fault = fault_in(contig, pos, ref, alts, qual, filters, form[:1])
        if fault:
            raise line_fault(number, fault)

    def _demand_short_lines(self, table: RecordTable, number: int) -> None:
        lengths = table.seps[:, -1] - table.begins
        if lengths.max(initial=0) >= self.bounds.max_line_bytes:
            place = int((lengths >= self.bounds.max_line_bytes).argmax())
            raise self._too_long(number + place)

    def _too_many(self) -> VCFError:
        return VCFError(
            f"The file has more than {self.bounds.max_records:,} records, "
            "the limit of your plan. Please split it."
        )

    def _header(self) -> Header:
        lines = self._header_lines()
        first = next(lines, b"")
        version, meta = self._version(first), [first]
        for line in lines:
            if line.startswith(b"##"):
                meta.append(line)
            elif line.startswith(b"#"):
                return header_of(version, meta, self._columns(line))
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
            raise VCFError(not_vcf(line))
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
        samples = Counter(names[9:])
        double = next((name for name, n in samples.items() if n > 1 or not name), None)
        if double is not None:
            raise VCFError(
                f"Line {self.number}: the sample name {shown(double)} is empty or stands there "
                "twice. Please give each sample a name of its own."
            )
        return line

    def _header_lines(self) -> Iterator[bytes]:
        """Each line without its end; keeps count of lines and bytes."""
        most = self.bounds.max_line_bytes
        while True:
            with readable():
                line = self.stream.readline(most + 1)
            if not line:
                return
            self.number += 1
            if len(line) > most:
                raise self._too_long(self.number)
            self._count(line)
            text = line.rstrip(b"\r\n")
            if b"\0" in text and self.number > 1:
                raise line_fault(self.number, "it holds binary data (a zero byte)")
            yield text

    def _whole_lines(self) -> Iterator[bytes]:
        """The rest of the file, some lines at a time, each ending in a newline alone."""
        parts: list[bytes] = []
        held = 0
        for chunk in self._chunks():
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield _plain_ends(b"".join([*parts, chunk[:cut]]))
                parts, held = [], 0
            parts.append(chunk[cut:])
            held += len(chunk) - cut
            if held > self.bounds.max_line_bytes:
                raise self._too_long(self.number + 1)
        rest = b"".join(parts)
        if rest:
            yield _plain_ends(rest + b"\n")

    def _chunks(self) -> Iterator[bytes]:
        size = FIRST_BYTES
        while True:
            with readable():
                chunk = self.stream.read(size)
            if not chunk:
                return
            self._count(chunk)
            yield chunk
            size = min(2 * size, BLOCK_BYTES)

    def _count(self, text: bytes) -> None:
        self.read_bytes += len(text)
        if self.read_bytes > self.bounds.max_text_bytes:
            raise VCFError(
                f"Unpacked, the file is larger than {self.bounds.max_text_bytes:,} bytes, "
                "the limit of your plan. Please split it."
            )

    def _too_long(self, number: int) -> VCFError:
        return VCFError(
            f"Line {number} is longer than {self.bounds.max_line_bytes:,} bytes, the limit. "
            "Please leave out what is not needed (bcftools annotate -x INFO/TAG)."
        )


@contextmanager
def readable() -> Iterator[None]:
    """Translate what the decompression raises into words."""
    try:
        yield
    except EOFError:
        raise VCFError(
            "The compressed file ends in mid-stream: it was truncated. "
            "Please compress or copy it again."
        ) from None
    except gzip.BadGzipFile:
        raise _damaged(": other bytes follow the compressed data") from None
    except (OSError, IsalError):  # type: ignore[misc]  # its stub forgets the base class
        raise _damaged("") from None


def unpacked(file: BinaryIO) -> BinaryIO:
    """The text of a file that may be packed with gzip or bgzip; it is read from its beginning."""
    is_gzip = file.read(2) == GZIP
    file.seek(0)
    if not is_gzip:
        return file
    unpacked = cast(io.RawIOBase, IGzipFile(fileobj=file))  # type: ignore[no-untyped-call]
    return io.BufferedReader(unpacked, BUFFER_BYTES)


def _plain_ends(text: bytes) -> bytes:
    return LINE_END.sub(b"\n", text) if b"\r" in text else text


def _damaged(how: str) -> VCFError:
    return VCFError(
        f"The compressed file is damaged{how}. "
        "Please compress it again (bgzip file.vcf) and upload that."
    )
