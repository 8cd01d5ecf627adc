"""Puts what was found into the records that it belongs to: the result's lines."""

from collections.abc import Callable

import numpy as np

from ann.bgzf import BgzfWriter
from ann.chunks import Chunk
from ann.gains import Gains
from ann.table import ID, INFO, Ints, RecordTable, Segments, Source
from ann.tbi import TbiBuilder

DOT = ord(".")


class Splicer:
    """Writes and indexes record after record, each with what it gains."""

    def __init__(self, out: BgzfWriter, index: TbiBuilder, progress: Callable[[int], None]) -> None:
        self.out, self.index, self.progress = out, index, progress
        self.records = 0

    def take(self, chunk: Chunk, gains: Gains) -> None:
        """Write the next records."""
        text, lengths = joined(chunk.lines, gains)
        self.out.write(text)
        self.index.can_build &= not chunk.checked.may_reach_on
        self.index.add(chunk.lines, chunk.checked.pos, lengths)
        self.records += len(chunk.lines)
        self.progress(self.records)


def joined(table: RecordTable, gains: Gains) -> tuple[bytes, Ints]:
    """The records of a table, each with its gain in INFO and, if it has no ID, its name.

    And the length of each.
    """
    starts, lengths = table.segments(INFO)
    ends = table.seps[:, INFO]
    is_first = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    source, cuts, pieces = Source(table.data), ends.copy(), []
    for text, (places, sizes) in gains.pieces:
        leads = is_first & (sizes > 0)
        cuts[leads] = starts[leads]
        is_first &= ~leads
        pieces.append(Segments(places + source.add(text) + leads, sizes - leads))
    rest = Segments(ends, table.seps[:, -1] + 1 - ends)
    parts = [*_fronts(table, cuts, gains.names, source), *pieces, rest]
    return source.stitch(parts), np.sum([part.lengths for part in parts], axis=0)


def _fronts(
    table: RecordTable, cuts: Ints, names: dict[int, bytes], source: Source
) -> list[Segments]:
    """The records up to what they gain; what has no ID, with the name of its variant."""
    if not names:
        return [Segments(table.begins, cuts - table.begins)]
    starts, lengths = (column.copy() for column in table.segments(ID))
    behind = starts + lengths
    before = Segments(table.begins, starts - table.begins)
    is_empty = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    named = [record for record in names if is_empty[record]]
    sizes = np.array([len(names[record]) for record in named], np.int64)
    text = np.frombuffer(b"".join(names[record] for record in named), np.uint8)
    starts[named] = source.add(text) + np.cumsum(sizes) - sizes
    lengths[named] = sizes
    return [before, Segments(starts, lengths), Segments(behind, cuts - behind)]
