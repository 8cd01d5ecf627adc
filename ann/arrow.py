"""Hands columns of numpy arrays to DuckDB through Arrow's C stream interface, without a copy.

https://arrow.apache.org/docs/format/CStreamInterface.html
"""

import ctypes
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ann.table import Bytes, Ints, Mask

NULLABLE = 2
FAILED = 5
"""EIO, as the interface wants an errno."""
MESSAGE = ctypes.create_string_buffer(b"the rows could not be made")
STREAM_NAME = b"arrow_array_stream"
FORMATS = {"<i8": b"l", "<i4": b"i", "<f8": b"g", "|b1": b"b"}


@dataclass
class ArrowColumn:
    """A column of Arrow's layout: its format, its buffers (validity first), and what is in it."""

    format: bytes
    length: int
    buffers: list[NDArray[Any] | None]
    children: list[tuple[str, "ArrowColumn"]] = field(default_factory=list)
    dictionary: "ArrowColumn | None" = None

    @property
    def size(self) -> int:
        """The bytes of its buffers, and of all that is in it."""
        parts = [child for _, child in self.children] + [self.dictionary] * bool(self.dictionary)
        own = sum(buffer.nbytes for buffer in self.buffers if buffer is not None)
        return own + sum(part.size for part in parts if part)


def _validity(valid: Mask | None) -> NDArray[Any] | None:
    return None if valid is None else np.packbits(valid, bitorder="little")


def numbers(values: NDArray[Any], valid: Mask | None = None) -> ArrowColumn:
    """A column of int64, int32, float64 or booleans."""
    data = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values
    return ArrowColumn(FORMATS[values.dtype.str], len(values), [_validity(valid), data])


def texts(data: Bytes, offsets: Ints, valid: Mask | None = None) -> ArrowColumn:
    """A column of UTF-8: text `n` is `data[offsets[n]:offsets[n + 1]]`."""
    ends = offsets.astype(np.int32)
    return ArrowColumn(b"u", len(offsets) - 1, [_validity(valid), ends, data])


def coded(codes: Ints, words: Sequence[str], valid: Mask | None = None) -> ArrowColumn:
    """A column of UTF-8 in which few words come again and again."""
    data = [word.encode() for word in words] or [b""]
    offsets = np.concatenate([[0], np.cumsum([len(word) for word in data])])
    dictionary = texts(np.frombuffer(b"".join(data) or b"\0", np.uint8), offsets)
    buffers = [_validity(valid), codes.astype(np.int32)]
    return ArrowColumn(b"i", len(codes), buffers, dictionary=dictionary)


def lists(lengths: Ints, items: ArrowColumn, valid: Mask | None = None) -> ArrowColumn:
    """A column of lists, whose items stand in `items` one list after the other."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ArrowColumn(b"+l", len(lengths), [_validity(valid), ends], [("item", items)])


def struct(columns: dict[str, ArrowColumn]) -> ArrowColumn:
    length = next(iter(columns.values())).length
    return ArrowColumn(b"+s", length, [None], list(columns.items()))


class _Schema(ctypes.Structure):
    """Arrow's ArrowSchema."""


class _Array(ctypes.Structure):
    """Arrow's ArrowArray."""


class _Stream(ctypes.Structure):
    """Arrow's ArrowArrayStream."""


_Pointer = ctypes.POINTER
_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", _Pointer(_Pointer(_Schema))),
    ("dictionary", _Pointer(_Schema)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", _Pointer(ctypes.c_void_p)),
    ("children", _Pointer(_Pointer(_Array))),
    ("dictionary", _Pointer(_Array)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
_GetSchema = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Pointer(_Schema))
_GetNext = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Pointer(_Array))
_GetError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_ReleaseSchema = ctypes.CFUNCTYPE(None, _Pointer(_Schema))
_ReleaseArray = ctypes.CFUNCTYPE(None, _Pointer(_Array))
_ReleaseStream = ctypes.CFUNCTYPE(None, _Pointer(_Stream))
_Stream._fields_ = [
    ("get_schema", _GetSchema),
    ("get_next", _GetNext),
    ("get_last_error", _GetError),
    ("release", _ReleaseStream),
    ("private_data", ctypes.c_void_p),
]


class Stream:
    """Tables of the same columns, one after the other, as one relation that is read once.

    What `tables` raises ends the reading, and is kept in `fault`. DuckDB takes the stream by
    `__arrow_c_stream__`; each table is held until it has done with it.
    """

    def __init__(self, tables: Iterator[ArrowColumn]) -> None:
        self.fault: BaseException | None = None
        self.first = next(tables)
        self._tables = itertools.chain([self.first], tables)
        self._held: dict[int, list[Any]] = {}
        self._keys = itertools.count(1)
        self._schema_parts: list[Any] = []
        self._release_array = _ReleaseArray(self._released)
        self._release_part = _ReleaseArray(_forget)
        self._release_schema = _ReleaseSchema(_forget)
        self._stream = _Stream(
            _GetSchema(self._get_schema),
            _GetNext(self._get_next),
            _GetError(self._get_error),
            _ReleaseStream(_forget_stream),
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        capsule: object = new(ctypes.addressof(self._stream), STREAM_NAME, None)
        return capsule

    def _get_schema(self, _: int, out: Any) -> int:
        self._describe(out.contents, "", self.first)
        return 0

    def _describe(self, schema: Any, name: str, column: ArrowColumn) -> None:
        schema.format, schema.name, schema.flags = column.format, name.encode(), NULLABLE
        schema.release = ctypes.cast(self._release_schema, ctypes.c_void_p)
        parts = [_Schema() for _ in column.children]
        for part, (child_name, child) in zip(parts, column.children, strict=True):
            self._describe(part, child_name, child)
        schema.n_children, schema.children = len(parts), _pointers(_Schema, parts)
        if column.dictionary:
            parts.append(_Schema())
            self._describe(parts[-1], "", column.dictionary)
            schema.dictionary = ctypes.pointer(parts[-1])
        self._schema_parts += [parts, schema.children]

    def _get_next(self, _: int, out: Any) -> int:
        try:
            table = next(self._tables, None)
        except BaseException as fault:
            self.fault = fault
            return FAILED
        if table is None:
            out.contents.release = None
            return 0
        key = next(self._keys)
        held: list[Any] = [table]
        self._fill(out.contents, table, held)
        out.contents.release = ctypes.cast(self._release_array, ctypes.c_void_p)
        out.contents.private_data = key
        self._held[key] = held
        return 0

    def _fill(self, array: Any, column: ArrowColumn, held: list[Any]) -> None:
        array.length, array.offset, array.n_buffers = column.length, 0, len(column.buffers)
        array.null_count = 0 if column.buffers[0] is None else -1
        places = [None if b is None else b.ctypes.data for b in column.buffers]
        array.buffers = (ctypes.c_void_p * len(places))(*places)
        array.release = ctypes.cast(self._release_part, ctypes.c_void_p)
        parts = [_Array() for _ in column.children]
        for part, (_, child) in zip(parts, column.children, strict=True):
            self._fill(part, child, held)
        array.n_children, array.children = len(parts), _pointers(_Array, parts)
        if column.dictionary:
            parts.append(_Array())
            self._fill(parts[-1], column.dictionary, held)
            array.dictionary = ctypes.pointer(parts[-1])
        held += [parts, array.children, array.buffers]

    def _released(self, array: Any) -> None:
        self._held.pop(array.contents.private_data, None)
        array.contents.release = None

    def _get_error(self, _: int) -> int:
        return ctypes.addressof(MESSAGE)


def _pointers(kind: Any, parts: list[Any]) -> Any:
    return (_Pointer(kind) * len(parts))(*map(ctypes.pointer, parts))


def _forget(part: Any) -> None:
    part.contents.release = None


def _forget_stream(stream: Any) -> None:
    stream.contents.release = _ReleaseStream()
