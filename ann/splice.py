"""Puts what was found into the records that it belongs to: the result's lines.

`info.tsv` has a line for each record: what its INFO gains, or nothing; behind a tab, the name by
which the variant is known, or nothing.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ann.bgzf import BgzfWriter
from ann.csq import GateError
from ann.reader import BLOCK_BYTES
from ann.table import ID, INFO, RecordTable, table_of
from ann.tbi import TbiBuilder

DOT = ord(".")


def splice(
    lines: Path,
    width: int,
    info: Path,
    out: BgzfWriter,
    index: TbiBuilder,
    progress: Callable[[int], None],
) -> int:
    """Write and index every record with what it gains; how many there were. Raises GateError."""
    records = 0
    with lines.open("rb") as given, info.open("rb") as gains:
        while text := given.read(BLOCK_BYTES):
            text += given.readline() if not text.endswith(b"\n") else b""
            table = table_of(text, width)
            if table is None:
                raise GateError("the records that were checked have changed")
            text = joined(table, *_next(gains, len(table)))
            out.write(text)
            index.add(table, text)
            records += len(table)
            progress(records)
        if gains.read(1):
            raise GateError("more was found than there are records")
    return records


def _next(gains: BinaryIO, n: int) -> tuple[list[bytes], list[bytes]]:
    """The next records' gains in INFO, and their names; no names where none has one."""
    text = b"".join(itertools.islice(gains, n)).replace(b"\t\n", b"\n")
    found = text.split(b"\n")
    if len(found) != n + 1 or found.pop():
        raise GateError("less was found than there are records")
    if b"\t" not in text:
        return found, []
    pairs = [gain.partition(b"\t") for gain in found]
    return [pair[0] for pair in pairs], [pair[2] for pair in pairs]


def joined(table: RecordTable, gains: list[bytes], names: list[bytes]) -> bytes:
    """The records of a table, each with its gain in INFO and, if it has no ID, its name."""
    starts, lengths = table.segments(INFO)
    ends = table.seps[:, INFO]
    is_empty = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    has_gain = np.array(gains, np.object_).astype(np.bool_)
    cuts = np.where(is_empty & has_gain, starts, ends)
    marks = np.where(has_gain & ~is_empty, 1, 0).tolist()
    froms = np.concatenate([[0], ends[:-1]]).tolist()
    text = table.text
    parts: list[bytes] = [b""] * (3 * len(gains))
    parts[0::3] = [text[a:b] for a, b in zip(froms, cuts.tolist(), strict=True)]
    parts[1::3] = [SEPARATORS[mark] for mark in marks]
    parts[2::3] = gains
    for record in _nameless(table, names):
        start, end = int(table.starts(ID)[record]), int(table.seps[record, ID])
        before, after = froms[record], int(cuts[record])
        parts[3 * record] = text[before:start] + names[record] + text[end:after]
    parts.append(text[int(ends[-1]) :])
    return b"".join(parts)


SEPARATORS = (b"", b";")


def _nameless(table: RecordTable, names: list[bytes]) -> list[int]:
    """The records without an ID whose variant has a name."""
    if not names:
        return []
    starts, lengths = table.segments(ID)
    is_empty = (lengths == 0) | ((lengths == 1) & (table.data[starts] == DOT))
    return [n for n in np.flatnonzero(is_empty).tolist() if names[n]]
