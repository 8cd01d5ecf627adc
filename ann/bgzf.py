"""Writes a BGZF file, its blocks compressed side by side in threads (SAM specification, 4.1)."""

import os
import shutil
import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
from isal import isal_zlib

from ann.table import Ints

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a whole BGZF file (SAM specification, 4.1.2)."""
BLOCK_BYTES = 0xFF00
"""Text in a block, as htslib has it: what cannot be compressed fits into 64 KiB as well."""
BLOCKS_AT_A_TIME = 16
LEVEL = 2
"""ISA-L's takes a quarter of the time of zlib's level 1, for a file a little smaller."""
COPY_BYTES = 1 << 20
RAW = -15
"""DEFLATE's largest window, without zlib's header."""
HEAD = bytes.fromhex("1f8b08040000000000ff0600424302 00")
MOST_THREADS = 4


class BgzfWriter:
    """A file that takes text in order; a context manager, whose end makes the file whole."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        threads = threads or min(MOST_THREADS, len(os.sched_getaffinity(0)))
        self.file = path.open("wb")
        self.pool = ThreadPoolExecutor(threads)
        self.most_waiting = threads * 2
        self.waiting: deque[Future[list[bytes]]] = deque()
        self.parts: list[bytes] = []
        self.held = 0
        self.sizes: list[int] = []

    def __enter__(self) -> "BgzfWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        try:
            if fault is None:
                self._end()
        finally:
            self.pool.shutdown(cancel_futures=True)
            self.file.close()

    def write(self, text: bytes) -> None:
        """Add text; it is compressed once some blocks of it have come together."""
        self.parts.append(text)
        self.held += len(text)
        if self.held >= BLOCKS_AT_A_TIME * BLOCK_BYTES:
            whole = b"".join(self.parts)
            cut = len(whole) // BLOCK_BYTES * BLOCK_BYTES
            self._submit(whole[:cut])
            self.parts, self.held = [whole[cut:]], len(whole) - cut

    def offsets(self) -> Ints:
        """The place of each block of BLOCK_BYTES of text in the file, and the end of the last."""
        return np.concatenate([[0], np.cumsum(np.array(self.sizes, np.int64))])

    def _submit(self, text: bytes) -> None:
        while len(self.waiting) >= self.most_waiting:
            self._take()
        self.waiting.append(self.pool.submit(_blocks, text))

    def _take(self) -> None:
        blocks = self.waiting.popleft().result()
        self.sizes += [len(block) for block in blocks]
        self.file.write(b"".join(blocks))

    def _end(self) -> None:
        if self.held:
            self._submit(b"".join(self.parts))
        while self.waiting:
            self._take()
        self.file.write(EOF_BLOCK)


def put_before(header: bytes, body: Path, whole: Path) -> int:
    """Write a BGZF file of a header and a body that is one; the bytes before the body."""
    blocks = b"".join(_blocks(header))
    with body.open("rb") as source, whole.open("wb") as out:
        out.write(blocks)
        shutil.copyfileobj(source, out, COPY_BYTES)
    return len(blocks)


def _blocks(text: bytes) -> list[bytes]:
    return [block(text[at : at + BLOCK_BYTES]) for at in range(0, len(text), BLOCK_BYTES)]


def block(text: bytes) -> bytes:
    """One block of at most BLOCK_BYTES of text."""
    body = isal_zlib.compress(text, LEVEL, RAW)
    size = len(HEAD) + 2 + len(body) + 8
    tail = struct.pack("<II", isal_zlib.crc32(text), len(text))
    return HEAD + struct.pack("<H", size - 1) + body + tail
