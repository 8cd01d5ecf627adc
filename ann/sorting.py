"""Sorts lines that may not fit into memory: chunks on disk, then one merge."""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1 << 29
"""Lines held in memory at a time; each chunk is an open file, of which there may be some 200."""
LINE_BYTES = 150
"""A line takes so much more than its text while it is sorted: Python's objects, and its key's."""
Key = Callable[[bytes], tuple[int, int]]


def in_order(
    lines: Iterable[bytes], key: Key, folder: Path, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[bytes]:
    """The lines by key; those of one key keep their order. Chunks go to `folder`."""
    with ExitStack() as files:
        chunks = []
        for chunk in _chunks(lines, chunk_bytes):
            chunk.sort(key=key)
            # with a name, so that it counts for the disk that a job uses (ann.disk)
            file: IO[bytes] = files.enter_context(tempfile.NamedTemporaryFile(dir=folder))
            file.writelines(chunk)
            file.seek(0)
            chunks.append(file)
            chunk.clear()
        yield from heapq.merge(*chunks, key=key)


def _chunks(lines: Iterable[bytes], chunk_bytes: int) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    held = 0
    for line in lines:
        chunk.append(line)
        held += len(line) + LINE_BYTES
        if held >= chunk_bytes:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
