"""Reads the records of a job, and what csq found in them, some at a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ann.checked import NO_RECORDS, SHOWN_WIDTH, Checked, CheckedFile
from ann.growing import ENDED, Growth, LineFile
from ann.table import (
    ID,
    INFO,
    Ints,
    RecordTable,
    Segments,
    TextArray,
    part,
    table_of,
    whole_numbers,
)

READ_BYTES = 1 << 19
SITE_WIDTH = 8
SITE = re.compile(rb"^[^#]", re.MULTILINE)
"""The beginning of the first line that is not the header's."""
TAG, LED = b"\tBCSQ=", b";BCSQ="


class GapError(RuntimeError):
    """csq gave back another site than those that it was given."""


class Chunk(NamedTuple):
    """Records of a job, and in `text` for each what csq says, behind `;BCSQ=`; empty: nothing.

    `lines` are the records as they go out; `rows` as the table of variants shows them, in columns
    up to FILTER at least. `first` is the number of the first.
    """

    checked: Checked
    lines: RecordTable
    rows: RecordTable
    first: int
    text: TextArray
    bcsq: Segments


class Tables:
    """The lines of a file that is a table, as many at a time as are wanted."""

    def __init__(self, file: LineFile, width: int, ahead: bytes) -> None:
        self.file, self.width = file, width
        self.parts = [_table(ahead, width)]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def take(self, rows: int) -> RecordTable:
        """The next rows of those that are held."""
        held = _joined(self.parts)
        self.parts = [part(held, rows, len(held))]
        return part(held, 0, rows)

    def read(self) -> RecordTable | None:
        """Hold some more lines; None at the file's end. Raises GapError for what is none."""
        text = self.file.read(READ_BYTES)
        if not text:
            return None
        self.parts.append(_table(text, self.width))
        return self.parts[-1]


def _table(text: bytes, width: int) -> RecordTable:
    table = table_of(text, width) if text else RecordTable(b"", np.zeros((0, width), np.int64))
    if table is None:
        raise GapError("a line of the job's tables is damaged")
    return table


def _joined(parts: list[RecordTable]) -> RecordTable:
    if sum(1 for table in parts if len(table)) < 2:
        return next((table for table in parts if len(table)), parts[0])
    ends = np.cumsum([len(table.text) for table in parts]).tolist()
    seps = [table.seps + end - len(table.text) for table, end in zip(parts, ends, strict=True)]
    return RecordTable(b"".join(table.text for table in parts), np.concatenate(seps))


class CsqLines:
    """The sites that one run of csq gave back, in the order of their record numbers (ID)."""

    def __init__(self, file: LineFile) -> None:
        self.tables, self.last = Tables(file, SITE_WIDTH, _behind_header(file)), -1
        self.numbers = [self._numbers(self.tables.parts[0])]

    def take(self, stop: int) -> tuple[RecordTable, Ints]:
        """The sites of the records before `stop`, and their numbers."""
        while self.last < stop and (more := self.tables.read()):
            self.numbers.append(self._numbers(more))
        numbers = np.concatenate(self.numbers)
        cut = int(np.searchsorted(numbers, stop))
        self.numbers = [numbers[cut:]]
        return self.tables.take(cut), numbers[:cut]

    def _numbers(self, sites: RecordTable) -> Ints:
        numbers, are_numbers = whole_numbers(sites, ID)
        if not are_numbers.all() or (np.diff(numbers, prepend=self.last) <= 0).any():
            raise GapError("bcftools gave back a line that is none of the sites")
        self.last = int(numbers[-1]) if len(numbers) else self.last
        return numbers

    def is_used_up(self) -> bool:
        return not len(self.tables) and not self.tables.read()


def _behind_header(file: LineFile) -> bytes:
    """The first lines that are not the header's."""
    while text := file.read(READ_BYTES):
        if found := SITE.search(text):
            return text[found.start() :]
    return b""


def chunks(
    records: Path, csq: Callable[[], Sequence[Path]], growth: Growth = ENDED
) -> Iterator[Chunk]:
    """The job's records in order, with what csq found; of no records, one chunk without any.

    `records` is a file of `ann.checked`; `csq` names the files of csq's, which are there before the
    records that they have. Raises GapError where csq gave back a site that is none of the
    records', or twice the same.
    """
    with ExitStack() as files:
        blocks = files.enter_context(CheckedFile(records, growth))
        runs, first = dict[Path, CsqLines](), 0
        while checked := blocks.read() or (NO_RECORDS if not first else None):
            for path in csq():
                if path not in runs:
                    runs[path] = CsqLines(files.enter_context(LineFile(path, growth)))
            stop = first + len(checked.pos)
            yield _chunk(checked, first, [run.take(stop) for run in runs.values()])
            if stop == first:
                break
            first = stop
        if not all(run.is_used_up() for run in runs.values()):
            raise GapError("bcftools gave back a site behind the last record")


def _chunk(checked: Checked, first: int, found: list[tuple[RecordTable, Ints]]) -> Chunk:
    lines, number = checked.lines(), len(checked.pos)
    starts, lengths = np.zeros(number, np.int64), np.zeros(number, np.int64)
    is_told = np.zeros(number, np.bool_)
    offset = 0
    for table, numbers in found:
        if len(numbers) and (numbers[0] < first or is_told[numbers - first].any()):
            raise GapError("bcftools gave back a site that is none of the records, or twice")
        is_told[numbers - first] = True
        values = table.segments(INFO)
        starts[numbers - first] = values.starts + offset - 1
        lengths[numbers - first] = np.where(values.lengths > len(LED), values.lengths + 1, 0)
        offset += len(table.text)
    text = b"".join(table.text for table, _ in found).replace(TAG, LED)
    rows = _table(checked.shown, SHOWN_WIDTH) if checked.shown else lines
    return Chunk(checked, lines, rows, first, TextArray(text), Segments(starts, lengths))
