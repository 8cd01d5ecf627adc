"""Answers with part of a file, without holding it in memory."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from local.server.wsgi import PIECE_BYTES

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class NotSatisfiable(ValueError):
    """The range begins behind the end."""


@dataclass(frozen=True)
class Span:
    """The bytes `first` to `last` of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Content-Length": str(self.length), "Accept-Ranges": "bytes"}
        if self.length < self.size:
            headers["Content-Range"] = f"bytes {self.first}-{self.last}/{self.size}"
        return headers

    @property
    def status(self) -> int:
        return 206 if self.length < self.size else 200


def span_of(header: str, size: int) -> Span:
    """The span of a Range header; the whole file where the header is of a form not served.

    Raises NotSatisfiable.
    """
    match = RANGE.fullmatch(header)
    if not match or match.groups() == ("", ""):
        return Span(0, size - 1, size)
    if not match[1]:
        return Span(max(0, size - int(match[2])), size - 1, size)
    first, last = int(match[1]), int(match[2] or size - 1)
    if first >= size:
        raise NotSatisfiable(header)
    return Span(first, min(last, size - 1), size)


class Slice:
    """An answer's body: the span of an open file, closed after it."""

    def __init__(self, descriptor: int, span: Span) -> None:
        self.descriptor, self.span = descriptor, span

    def __iter__(self) -> Iterator[bytes]:
        for first in range(self.span.first, self.span.last + 1, PIECE_BYTES):
            length = min(PIECE_BYTES, self.span.last + 1 - first)
            yield os.pread(self.descriptor, length, first)

    def close(self) -> None:
        os.close(self.descriptor)
