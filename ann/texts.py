"""Text for many rows at once: written into rows of bytes, whose zeros are then taken out."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ann.table import (
    KEEP,
    LONG_ON_AVERAGE,
    WORD_BYTES,
    Bytes,
    Ints,
    Mask,
    Segments,
    TextArray,
    ragged,
)

GROUP = 10_000
GROUP_DIGITS = 4
MOST_SUMMED = 255
MOST_BY_WORDS = 32
EACH_BYTE = np.uint64(0x0101010101010101)


def _groups(is_first: bool, zero: str) -> NDArray[np.uint32]:
    """The decimals of 0 to 9999, four bytes each; of a number's first, with zeros for blanks."""
    texts = [str(n).rjust(GROUP_DIGITS, "\0" if is_first else "0") for n in range(GROUP)]
    texts[0] = zero
    return np.frombuffer("".join(texts).encode(), np.uint32)


LATER, FIRST = _groups(False, "0000"), _groups(True, "\0\0\0\0")
UNIT = _groups(True, "\0\0\0" + "0")


Objects = NDArray[np.object_]
"""Texts that are objects of Python's each: some of them are quickly picked, or put in order."""


def objects(texts: Sequence[bytes | str]) -> Objects:
    found: Objects = np.empty(len(texts), np.object_)
    found[:] = texts
    return found


class Texts(NamedTuple):
    """A text for each row: `data[offsets[n]:offsets[n + 1]]`."""

    data: Bytes
    offsets: Ints

    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    def segments(self) -> Segments:
        return Segments(self.offsets[:-1], self.lengths())

    def apart(self) -> Objects:
        """Each text by itself."""
        data, offsets = self.data.tobytes(), self.offsets.tolist()
        return objects([data[start:end] for start, end in pairwise(offsets)])


def offsets_of(lengths: Ints) -> Ints:
    """The offsets of texts of these lengths, one behind the other, and the end of the last."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def compacted(rows: Bytes) -> Texts:
    """The texts that rows of bytes make without their zeros."""
    is_there = rows != 0
    return Texts(rows[is_there], offsets_of(_sums(is_there)))


def _sums(rows: Mask) -> Ints:
    """The number of those that hold in each row."""
    width = rows.shape[1]
    if width > MOST_SUMMED or width % WORD_BYTES:
        counted: Ints = rows.sum(axis=1, dtype=np.int64)
        return counted
    words = rows.view(np.uint64)
    sums = words[:, 0].copy()
    for n in range(1, words.shape[1]):
        sums += words[:, n]
    found: Ints = (sums * EACH_BYTE >> np.uint64(56)).astype(np.int64)
    return found


def side_by_side(number: int, columns: list[Bytes]) -> Bytes:
    """So many rows of bytes made of some columns; one row alone holds for all."""
    width = sum(column.shape[1] for column in columns)
    rows = np.zeros((number, rounded(width)), np.uint8)
    at = 0
    for column in columns:
        rows[:, at : at + column.shape[1]] = column
        at += column.shape[1]
    return rows


def rounded(width: int) -> int:
    """The width of rows that `compacted` takes quickest."""
    return -(-width // WORD_BYTES) * WORD_BYTES


def of_list(texts: list[bytes]) -> Texts:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return Texts(np.frombuffer(b"".join(texts), np.uint8), offsets_of(lengths))


def replaced(texts: Texts, rows: Ints, by: list[bytes]) -> Texts:
    """The same texts, but those of some rows, which go up."""
    if not by:
        return texts
    lengths = texts.lengths()
    lengths[rows] = np.fromiter(map(len, by), np.int64, len(by))
    starts, ends = texts.offsets[rows].tolist(), texts.offsets[rows + 1].tolist()
    parts: list[bytes] = [b""] * (2 * len(by))
    befores = zip([0, *ends[:-1]], starts, strict=True)
    data = texts.data.tobytes()
    parts[0::2] = [data[a:b] for a, b in befores]
    parts[1::2] = by
    parts.append(data[ends[-1] :])
    return Texts(np.frombuffer(b"".join(parts), np.uint8), offsets_of(lengths))


def digits(numbers: Ints) -> Bytes:
    """Numbers from 0 on as rows of decimals, a multiple of four, with zeros for blanks."""
    most = int(numbers.max(initial=0))
    groups: list[NDArray[np.uint32]] = []
    rest = numbers.astype(np.int32) if most < 2**31 else numbers
    while most >= GROUP:
        above = rest // GROUP
        low, first = rest - above * GROUP, FIRST if groups else UNIT
        groups.append(np.where(above > 0, LATER[low], first[low]))
        rest, most = above, most // GROUP
    groups.append((FIRST if groups else UNIT)[rest])
    rows = np.empty((len(numbers), len(groups)), np.uint32)
    for column, group in enumerate(reversed(groups)):
        rows[:, column] = group
    return rows.view(np.uint8)


def some_digits(numbers: Ints, which: Mask) -> Bytes:
    """The decimals of these numbers, blank for the others."""
    rows = digits(np.where(which, numbers, 0))
    rows[~which] = 0
    return rows


def marks(which: Mask, mark: bytes) -> Bytes:
    """A column that has this byte in these rows, and is blank in the others."""
    found: Bytes = np.where(which, np.uint8(ord(mark)), np.uint8(0))[:, None]
    return found


def cells(table: TextArray, segments: Segments, width: int) -> Bytes:
    """Texts of at most `width` bytes, a multiple of eight, as rows with zeros behind."""
    starts, lengths = segments
    words = np.empty((len(starts), width // WORD_BYTES), np.uint64)
    last = len(table.words) - 1
    for n in range(width // WORD_BYTES):
        left = np.clip(lengths - n * WORD_BYTES, 0, WORD_BYTES)
        words[:, n] = table.words[np.minimum(starts + n * WORD_BYTES, last)] & KEEP[left]
    return words.view(np.uint8).reshape(len(starts), width)


def taken(source: TextArray | Texts, segments: Segments) -> Texts:
    """Texts from anywhere in a source, one behind the other."""
    starts, lengths = segments
    widest = int(lengths.max(initial=0))
    if isinstance(source, TextArray) and widest <= MOST_BY_WORDS:
        return compacted(cells(source, segments, rounded(max(1, widest))))
    if lengths.sum() > LONG_ON_AVERAGE * len(lengths):
        text = source.text if isinstance(source, TextArray) else source.data.tobytes()
        spans = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        return of_list([text[start:end] for start, end in spans])
    return Texts(source.data[ragged(segments)], offsets_of(lengths))


def padded(texts: list[bytes]) -> Bytes:
    """Texts as rows of bytes, as long as the longest needs; a multiple of eight."""
    width = rounded(max(map(len, texts), default=0))
    joined = b"".join(text.ljust(width, b"\0") for text in texts)
    return np.frombuffer(joined, np.uint8).reshape(len(texts), width)
