"""Reads the intervals of anyone's BED, and says what is wrong with it.

https://samtools.github.io/hts-specs/BEDv1.pdf
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ann.reader import readable, unpacked
from ann.records import MAX_POS, Bounds, VCFError, line_fault
from vcf.file_type import shown

OTHER_LINES = (b"#", b"track", b"browser")
NAME, SCORE = 3, 4


class Interval(NamedTuple):
    """A line of a BED; `start` and `stop` count from 1, both included."""

    chrom: str
    start: int
    stop: int
    name: str
    score: str


def intervals(path: Path, bounds: Bounds) -> Iterator[Interval]:
    """The intervals of a BED, plain, gzip or BGZF. Raises VCFError, naming the line."""
    left = bounds.max_records
    for number, line in _lines(path, bounds):
        if not line or line.startswith(OTHER_LINES):
            continue
        left -= 1
        if left < 0:
            raise VCFError(
                f"It has more than {bounds.max_records:,} intervals, the limit of your plan. "
                "Please leave out what is not needed."
            )
        yield _interval(number, line)


def _lines(path: Path, bounds: Bounds) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1, without blanks around it."""
    number, left, most = 0, bounds.max_text_bytes, bounds.max_line_bytes
    with path.open("rb") as file, unpacked(file) as stream:
        while True:
            with readable():
                line = stream.readline(most + 1)
            if not line:
                return
            number, left = number + 1, left - len(line)
            if len(line) > most or left < 0:
                raise VCFError(
                    f"Line {number} is beyond the limits of your plan, {most:,} bytes a line and "
                    f"{bounds.max_text_bytes:,} bytes in all. Please leave out what is not needed."
                )
            yield number, line.strip()


def _interval(number: int, line: bytes) -> Interval:
    columns = line.split(b"\t") if b"\t" in line else line.split()
    if b"\0" in line:
        raise line_fault(number, "it holds binary data (a zero byte)")
    if len(columns) < 3:
        raise line_fault(
            number,
            "an interval needs three columns, separated by tabs: contig, start and end; "
            f"there is {shown(line)}",
        )
    chrom, start, stop = (column.strip() for column in columns[:3])
    if not chrom or not all(n.isdigit() and len(n) < 11 for n in (start, stop)):
        raise line_fault(
            number, f"start and end must be whole numbers, not {shown(start)} and {shown(stop)}"
        )
    if not int(start) <= int(stop) <= MAX_POS:
        raise line_fault(
            number, f"the interval ends ({shown(stop)}) before it starts ({shown(start)})"
        )
    name = columns[NAME].strip() if len(columns) > NAME else b""
    return Interval(
        chrom.decode("utf-8", "replace"),
        int(start) + 1,
        int(stop),
        "" if name == b"." else name.decode("utf-8", "replace"),
        _score(number, columns[SCORE].strip() if len(columns) > SCORE else b""),
    )


def _score(number: int, text: bytes) -> str:
    """Column 5; a "." is none."""
    if text in (b"", b"."):
        return ""
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise line_fault(number, f"column 5, the score, must be a number or ., not {shown(text)}")
    return repr(score)
