"""Puts what was found into the records that it belongs to: the result's lines."""

from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from ann.bgzf import BgzfWriter
from ann.chunks import Tables
from ann.csq import GateError
from ann.gains import Gains
from ann.table import ID, INFO, Ints, RecordTable
from ann.tbi import TbiBuilder

DOT = ord(".")


class Splicer:
    """Writes and indexes record after record, each with what it gains."""

    def __init__(
        self,
        lines: BinaryIO,
        width: int,
        out: BgzfWriter,
        index: TbiBuilder,
        progress: Callable[[int], None],
    ) -> None:
        self.lines = Tables(lines, width)
        self.out, self.index, self.progress = out, index, progress
        self.records = 0

    def take(self, gains: Gains) -> None:
        """Write the next records. Raises GateError where there are not so many."""
        wanted = len(gains.pieces[0].starts)
        table = self.lines.take(wanted)
        if len(table) != wanted:
            raise GateError("more was found than there are records")
        if not wanted:
            return
        text = joined(table, gains)
        self.out.write(text)
        self.index.add(table, text)
        self.records += wanted
        self.progress(self.records)


def joined(table: RecordTable, gains: Gains) -> bytes:
    """The records of a table, each with its gain in INFO and, if it has no ID, its name."""
    starts, lengths = table.segments(INFO)
    ends = table.seps[:, INFO]
    is_first = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    cuts, froms = ends.copy(), np.append([0], ends[:-1])
    size = len(gains.pieces) + 1
    parts: list[bytes] = [b""] * (size * len(table))
    for place, piece in enumerate(gains.pieces, 1):
        leads = is_first & (piece.ends > piece.starts)
        cuts[leads] = starts[leads]
        is_first &= ~leads
        parts[place::size] = _slices(piece.text, piece.starts + leads, piece.ends)
    parts[0::size] = _slices(table.text, froms, cuts)
    begins = table.starts(ID)
    for record in _nameless(table, gains.names):
        start, end = int(begins[record]), int(table.seps[record, ID])
        before, after = table.text[froms[record] : start], table.text[end : cuts[record]]
        parts[size * record] = before + gains.names[record] + after
    parts.append(table.text[int(ends[-1]) :])
    return b"".join(parts)


def _slices(text: bytes, starts: Ints, ends: Ints) -> list[bytes]:
    return [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def _nameless(table: RecordTable, names: dict[int, bytes]) -> list[int]:
    """The records without an ID whose variant has a name."""
    if not names:
        return []
    starts, lengths = table.segments(ID)
    is_empty = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    return [record for record in names if is_empty[record]]
