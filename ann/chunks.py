"""Reads the records of a job, and what csq found in them, some at a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ann.growing import ENDED, Growth, LineFile
from ann.table import ID, INFO, Ints, RecordTable, Segments, TextArray, table_of, whole_numbers

READ_BYTES = 1 << 19
CHUNK_ROWS, CHUNK_BYTES = 20_000, 1 << 21
"""Records looked at together, as far as their rows are no longer than that."""
ROW_WIDTH = 15
"""The columns of records.tsv (`ann.rows`)."""
SITE_WIDTH = 8
SITE = re.compile(rb"^[^#]", re.MULTILINE)
"""The beginning of the first line that is not the header's."""
TAG, LED = b"\tBCSQ=", b";BCSQ="


class GapError(RuntimeError):
    """csq gave back another site than those that it was given."""


class Chunk(NamedTuple):
    """Records of a job, and in `text` for each what csq says, behind `;BCSQ=`; empty: nothing.

    `rows` are those of records.tsv; `first` is the number of the first.
    """

    rows: RecordTable
    first: int
    text: TextArray
    bcsq: Segments


class Tables:
    """The lines of a file that is a table, as many at a time as are wanted."""

    def __init__(self, file: LineFile, width: int, ahead: bytes = b"") -> None:
        self.file, self.width = file, width
        self.parts = [_table(ahead, width)]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def take(self, rows: int) -> RecordTable:
        """The next rows; fewer where the file ends."""
        while len(self) < rows and self.read():
            pass
        held = _joined(self.parts)
        self.parts = [part(held, rows, len(held))]
        return part(held, 0, rows)

    def read(self, size: int = 0) -> RecordTable | None:
        """Hold some more lines; None at the file's end. Raises GapError for what is none."""
        text = self.file.read(size or READ_BYTES)
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


def part(table: RecordTable, first: int, stop: int) -> RecordTable:
    """Some rows of a table as a table of their own."""
    if first == 0 and stop >= len(table):
        return table
    seps = table.seps[first:stop]
    if not len(seps):
        return RecordTable(b"", seps)
    begin = int(table.begins[first])
    return RecordTable(table.text[begin : int(seps[-1, -1]) + 1], seps - begin)


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

    `csq` names the files of csq's, which are there before the records that they have. Raises
    GapError where csq gave back a site that is none of the records', or twice the same.
    """
    with ExitStack() as files:

        def opened(path: Path) -> LineFile:
            return files.enter_context(LineFile(path, growth))

        rows, runs = Tables(opened(records), ROW_WIDTH), dict[Path, CsqLines]()
        first = size = 0
        while rows.read(size) or not first:
            table = rows.take(len(rows))
            size = _size_for(table)
            runs |= {path: CsqLines(opened(path)) for path in csq() if path not in runs}
            yield _chunk(table, first, [run.take(first + len(table)) for run in runs.values()])
            first += len(table)
            if not len(table):
                break
        if not all(run.is_used_up() for run in runs.values()):
            raise GapError("bcftools gave back a site behind the last record")


def _size_for(table: RecordTable) -> int:
    """The bytes of the next chunk, whose rows are about as long as these."""
    return min(CHUNK_BYTES, CHUNK_ROWS * len(table.text) // max(1, len(table)))


def _chunk(rows: RecordTable, first: int, found: list[tuple[RecordTable, Ints]]) -> Chunk:
    starts, lengths = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    is_told = np.zeros(len(rows), np.bool_)
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
    return Chunk(rows, first, TextArray(text), Segments(starts, lengths))
