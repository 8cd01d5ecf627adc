"""Makes one Parquet file of pieces with the same columns, without reading a value.

Row groups are self-contained; only the places of their pages, in the footer, count from the
file's beginning. The footer is Thrift's compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"PAR1"
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
FILE_ROWS, FILE_ROW_GROUPS = 3, 4
GROUP_COLUMNS, GROUP_OFFSET, GROUP_ORDINAL = 1, 5, 7
CHUNK_OFFSETS = (2, 4, 6)
"""ColumnChunk: file_offset, offset_index_offset, column_index_offset."""
CHUNK_META_DATA = 3
META_DATA_OFFSETS = (9, 10, 11, 14)
"""ColumnMetaData: data_page, index_page, dictionary_page and bloom_filter offsets."""


class Field(NamedTuple):
    """A field of a struct: its Thrift type, and its value (an element: type, values)."""

    kind: int
    value: Any


Struct = dict[int, Field]


def join_pieces(pieces: Sequence[Path], out: Path) -> None:
    """Write `out` from one piece or more; the pieces are removed as they are used up."""
    if len(pieces) == 1:
        pieces[0].replace(out)
        return
    footer: Struct = {}
    with out.open("wb") as stream:
        stream.write(MAGIC)
        for piece in pieces:
            piece_footer, size = _footer(piece)
            _move(piece_footer, stream.tell() - len(MAGIC))
            with piece.open("rb") as source:
                source.seek(len(MAGIC))
                _copy(source, stream, size - len(MAGIC))
            piece.unlink()
            footer = _extended(footer, piece_footer) if footer else piece_footer
        written = bytes(_struct_bytes(footer))
        stream.write(written + len(written).to_bytes(4, "little") + MAGIC)


def _copy(source: Any, stream: Any, size: int) -> None:
    while size > 0:
        block = source.read(min(size, 1 << 20))
        stream.write(block)
        size -= len(block)


def _footer(path: Path) -> tuple[Struct, int]:
    """A file's footer, and how many bytes stand before it."""
    with path.open("rb") as stream:
        end = stream.seek(-8, 2)
        size = int.from_bytes(stream.read(4), "little")
        stream.seek(end - size)
        return _Reader(stream.read(size)).struct(), end - size


def _extended(footer: Struct, other: Struct) -> Struct:
    """The footer with the row groups of another behind its own."""
    rows, groups = footer[FILE_ROWS], footer[FILE_ROW_GROUPS]
    kind, own = groups.value
    added = other[FILE_ROW_GROUPS].value[1]
    for number, group in enumerate(added, len(own)):
        if GROUP_ORDINAL in group:
            group[GROUP_ORDINAL] = Field(I16, min(number, 32767))
    footer[FILE_ROW_GROUPS] = Field(LIST, (kind, own + added))
    footer[FILE_ROWS] = Field(I64, rows.value + other[FILE_ROWS].value)
    return footer


def _move(footer: Struct, by: int) -> None:
    """Let every place in the footer count from another beginning."""
    for group in footer[FILE_ROW_GROUPS].value[1]:
        _shift(group, (GROUP_OFFSET,), by)
        for chunk in group[GROUP_COLUMNS].value[1]:
            _shift(chunk, CHUNK_OFFSETS, by)
            _shift(chunk[CHUNK_META_DATA].value, META_DATA_OFFSETS, by)


def _shift(struct: Struct, fields: tuple[int, ...], by: int) -> None:
    for number in fields:
        if number in struct and struct[number].value > 0:
            struct[number] = Field(struct[number].kind, struct[number].value + by)


class _Reader:
    """Reads Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields[number] = Field(head & 15, self._value(head & 15))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            return self._list()
        if kind in (I16, I32, I64):
            return self._integer()
        size = {BYTE: 1, DOUBLE: 8}.get(kind) or self._unsigned()
        self.at += size
        return self.data[self.at - size : self.at]

    def _list(self) -> tuple[int, list[Any]]:
        head = self._byte()
        size = head >> 4 if head >> 4 != 15 else self._unsigned()
        kind = head & 15
        if kind in (TRUE, FALSE):
            return kind, [self._byte() for _ in range(size)]
        return kind, [self._value(kind) for _ in range(size)]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


def _struct_bytes(fields: Struct) -> Iterator[int]:
    before = 0
    for number, (kind, value) in fields.items():
        kind = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        step = number - before
        yield from (step << 4 | kind,) if 0 < step < 16 else (kind, *_varint(_zigzag(number)))
        before = number
        if kind not in (TRUE, FALSE):
            yield from _value_bytes(kind, value)
    yield 0


def _value_bytes(kind: int, value: Any) -> Iterator[int]:
    if kind == STRUCT:
        yield from _struct_bytes(value)
    elif kind in (LIST, SET):
        yield from _list_bytes(*value)
    elif kind in (I16, I32, I64):
        yield from _varint(_zigzag(value))
    else:
        yield from _varint(len(value)) if kind == BINARY else ()
        yield from value


def _list_bytes(kind: int, values: list[Any]) -> Iterator[int]:
    size = len(values)
    yield from (size << 4 | kind,) if size < 15 else (15 << 4 | kind, *_varint(size))
    for value in values:
        yield from (value,) if kind in (TRUE, FALSE) else _value_bytes(kind, value)


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def _varint(value: int) -> Iterator[int]:
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
