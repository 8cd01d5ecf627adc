"""A block of VCF records as arrays of bytes and offsets, so that numpy can look at all at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, FORMAT = range(9)
TAB, NEWLINE, SPACE, HASH, DELETE = 9, 10, 32, ord("#"), 127
PAD = bytes(16)
"""Behind the text, so that a word may be read at its very end."""
WORD_BYTES = 8
MOST_DIGITS = 10
LONGEST_COMPARED = 256
MOST_DIGESTED = 64
LONGEST_LOOKED_AT = 1_000_000
"""Longer cells are not looked at byte by byte: eight bytes of index for each would not do."""
LONG_ON_AVERAGE = 256
"""Bytes of a part from which on it is copied by itself: an index of each byte would cost more."""
MOST_OFFSETS = 2**31 - 1
EMPTY_HASH = np.uint64(0)
KEEP = np.array([(1 << (8 * n)) - 1 for n in range(WORD_BYTES + 1)], np.uint64)
"""What of a word is kept of a text that has so many bytes left."""
FNV_PRIME = np.uint64(0x100000001B3)


class Segments(NamedTuple):
    """Places in an array of bytes: where each begins, and its length."""

    starts: Ints
    lengths: Ints


class TextArray:
    """Text as an array of its bytes, and as one of the eight bytes from each byte on."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.data: Bytes = np.frombuffer(text + PAD, np.uint8)
        self.words: Hashes = np.ndarray(
            (len(self.data) - WORD_BYTES + 1,), "<u8", self.data, strides=(1,)
        )


class RecordTable(TextArray):
    """Records of one width: `seps` has, for each, where its columns end (tabs, then newline)."""

    def __init__(self, text: bytes, seps: Ints) -> None:
        super().__init__(text)
        self.seps = seps
        self.begins = np.zeros(len(seps), np.int64)
        self.begins[1:] = seps[:-1, -1] + 1

    def __len__(self) -> int:
        return len(self.seps)

    @property
    def width(self) -> int:
        return int(self.seps.shape[1])

    def starts(self, column: int) -> Ints:
        return self.seps[:, column - 1] + 1 if column else self.begins

    def segments(self, column: int) -> Segments:
        starts = self.starts(column)
        return Segments(starts, self.seps[:, column] - starts)

    def line(self, record: int) -> bytes:
        """One record, without its end."""
        return self.text[self.begins[record] : self.seps[record, -1]]

    def cell(self, record: int, column: int) -> bytes:
        return self.text[self.starts(column)[record] : self.seps[record, column]]


def table_of(text: bytes, width: int) -> RecordTable | None:
    """The table of whole lines; None where a line has another width, a zero byte or a #."""
    data = np.frombuffer(text, np.uint8)
    seps = np.flatnonzero((data == TAB) | (data == NEWLINE))
    if len(seps) % width or b"\0" in text or not text.endswith(b"\n"):
        return None
    table = RecordTable(text, seps.reshape(-1, width))
    is_end = data[table.seps] == NEWLINE
    if not is_end[:, -1].all() or is_end[:, :-1].any() or (data[table.begins] == HASH).any():
        return None
    return table


def part(table: RecordTable, first: int, stop: int) -> RecordTable:
    """Some rows of a table as a table of their own."""
    if first == 0 and stop >= len(table):
        return table
    seps = table.seps[first:stop]
    if not len(seps):
        return RecordTable(b"", seps)
    begin = int(table.begins[first])
    return RecordTable(table.text[begin : int(seps[-1, -1]) + 1], seps - begin)


def along(rows: Bytes, columns: Ints) -> Bytes:
    """The bytes in these columns, each row's by itself; quicker than np.take_along_axis."""
    found: Bytes = rows[np.arange(len(rows))[:, None], columns]
    return found


def ragged(segments: Segments) -> Ints:
    """The offsets of all bytes of these segments, one after another."""
    lengths = segments.lengths
    ends = np.cumsum(lengths)
    offsets = np.repeat(segments.starts - ends + lengths, lengths)
    offsets += np.arange(len(offsets))
    return offsets


def stitch(source: Bytes, parts: list[Segments]) -> bytes:
    """Text made row by row of its parts: the first of each, then the second of each …"""
    starts = np.stack([part.starts for part in parts], axis=1).ravel()
    lengths = np.stack([part.lengths for part in parts], axis=1).ravel()
    ends = np.cumsum(lengths)
    size = int(ends[-1]) if len(ends) else 0
    if size > LONG_ON_AVERAGE * len(ends) or len(source) > MOST_OFFSETS:
        spans = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        return b"".join([source[start:end].tobytes() for start, end in spans])
    offsets = np.repeat((starts - ends + lengths).astype(np.int32), lengths)
    offsets += np.arange(size, dtype=np.int32)
    return source.take(offsets).tobytes()


def decimals(numbers: Ints) -> tuple[Bytes, Segments]:
    """Numbers from 0 on as text: an array of bytes, and where in it each stands."""
    most = int(numbers.max(initial=0))
    width = len(str(most))
    digits = np.empty((len(numbers), width), np.uint8)
    lengths = np.ones(len(numbers), np.int64)
    for place in range(width):
        tens = 10**place
        digits[:, width - 1 - place] = numbers // tens % 10 + ord("0")
        lengths += numbers >= tens * 10
    ends = np.arange(1, len(numbers) + 1) * width
    return digits.ravel(), Segments(ends - lengths, lengths)


class Source:
    """An array of bytes that grows, so that all parts of a row can be taken from one."""

    def __init__(self, first: Bytes) -> None:
        self.parts, self.size = [first], len(first)

    def add(self, values: Bytes) -> int:
        """The offset at which the added bytes begin."""
        self.parts.append(values)
        self.size += len(values)
        return self.size - len(values)

    def constant(self, text: bytes, rows: int) -> Segments:
        """The same text for each row."""
        start = self.add(np.frombuffer(text, np.uint8))
        return Segments(np.full(rows, start), np.full(rows, len(text)))

    def numbers(self, values: Ints) -> Segments:
        digits, segments = decimals(values)
        return Segments(segments.starts + self.add(digits), segments.lengths)

    def stitch(self, parts: list[Segments]) -> bytes:
        return stitch(np.concatenate(self.parts), parts)


def positions(table: RecordTable) -> tuple[Ints, Mask]:
    """POS of every record, and which of them are whole numbers of at most ten digits."""
    return whole_numbers(table, POS)


def whole_numbers(table: RecordTable, column: int) -> tuple[Ints, Mask]:
    """A column's numbers, and which of them are whole ones of at most ten digits."""
    lengths = table.segments(column).lengths
    ends = table.seps[:, column]
    values = np.zeros(len(table), np.int64)
    good = (lengths > 0) & (lengths <= MOST_DIGITS)
    for place in range(min(MOST_DIGITS, int(lengths.max(initial=0)))):
        is_there = place < lengths
        digits = table.data[ends - 1 - place].astype(np.int64) - ord("0")
        good &= ~is_there | ((digits >= 0) & (digits <= 9))
        values += np.where(is_there, digits, 0) * 10**place
    return values, good


def strangers(table: RecordTable, column: int, allowed: Mask) -> Mask:
    """The records where a column is empty, endless, or has a byte that is not allowed.

    `allowed` are 256 booleans.
    """
    starts, lengths = table.segments(column)
    is_long = lengths > LONGEST_LOOKED_AT
    segments = Segments(starts, np.where(is_long, 0, lengths))
    found: Mask = (lengths == 0) | is_long
    is_bad = ~allowed[table.data[ragged(segments)]]
    if is_bad.any():
        owners = np.repeat(np.arange(len(table)), segments.lengths)
        found[owners[is_bad]] = True
    return found


def letters(allowed: bytes) -> Mask:
    """The booleans of the bytes that are in `allowed`."""
    table = np.zeros(256, np.bool_)
    table[list(allowed)] = True
    return table


def hashes(table: TextArray, segments: Segments) -> Hashes:
    """A number for each text, of all its bytes, good within this process."""
    starts, lengths = segments
    short = np.minimum(lengths, WORD_BYTES).astype(np.uint64)
    keep = np.where(
        short == WORD_BYTES, ~np.uint64(0), (np.uint64(1) << (short * np.uint64(8))) - np.uint64(1)
    )
    first = table.words[starts] & keep
    last = table.words[starts + np.maximum(lengths - WORD_BYTES, 0)] & keep
    mixed = first * np.uint64(0x9E3779B97F4A7C15) ^ last * np.uint64(0xC2B2AE3D27D4EB4F)
    found: Hashes = mixed + lengths.astype(np.uint64) * np.uint64(0x165667B19E3779F9)
    longer = np.flatnonzero(lengths > 2 * WORD_BYTES)
    by_words = np.minimum(lengths[longer], MOST_DIGESTED)
    found[longer] ^= digests(table, Segments(starts[longer], by_words))
    for n in np.flatnonzero(lengths > MOST_DIGESTED).tolist():
        text = table.text[starts[n] : starts[n] + lengths[n]]
        found[n] = np.uint64(hash(text) % (1 << 64))
    return found


def digests(text: TextArray, segments: Segments) -> Hashes:
    """A number for each text, of all its bytes: FNV-1a's steps, taken by words."""
    starts, lengths = segments
    found, last = lengths.astype(np.uint64), len(text.words) - 1
    for place in range(0, int(lengths.max(initial=0)), WORD_BYTES):
        left = np.clip(lengths - place, 0, WORD_BYTES)
        found ^= text.words[np.minimum(starts + place, last)] & KEEP[left]
        found *= FNV_PRIME
        found ^= found >> np.uint64(32)
    return found


def changes(table: RecordTable, column: int) -> Ints:
    """The records whose text in a column differs from the one before; the first always.

    A long text counts as another.
    """
    starts, lengths = table.segments(column)
    is_long = lengths > LONGEST_COMPARED
    differs = np.ones(len(table), np.bool_)
    differs[1:] = (lengths[1:] != lengths[:-1]) | is_long[1:]
    for place in range(0, int(lengths[~is_long].max(initial=0)), WORD_BYTES):
        left = np.clip(lengths - place, 0, WORD_BYTES).astype(np.uint64)
        keep = np.where(
            left == WORD_BYTES,
            ~np.uint64(0),
            (np.uint64(1) << (left * np.uint64(8))) - np.uint64(1),
        )
        word = table.words[np.minimum(starts + place, len(table.words) - 1)] & keep
        differs[1:] |= word[1:] != word[:-1]
    return np.flatnonzero(differs)
