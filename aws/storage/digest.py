"""Counts and hashes bytes on their way between S3 and the archive, to compare with the row's."""

import hashlib
import threading
from typing import BinaryIO


class DamagedError(RuntimeError):
    """The bytes are not those that the row recorded."""


class Digest:
    """A stream that counts and hashes the bytes read through it, until `released` is set."""

    def __init__(self, stream: BinaryIO, released: threading.Event | None = None) -> None:
        self.stream, self.bytes, self._hash = stream, 0, hashlib.sha256()
        self.released = released or threading.Event()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all of them where it is negative. Raises InterruptedError."""
        if self.released.is_set():
            raise InterruptedError("the heartbeat was released: another may be copying this")
        part = self.stream.read() if size < 0 else self.stream.read(size)
        self.bytes += len(part)
        self._hash.update(part)
        return part

    def demand(self, size: int | None, sha256: str | None) -> None:
        """Raise DamagedError unless size and SHA-256 of what was read are these."""
        if (self.bytes, self.sha256) != (size, sha256):
            raise DamagedError(f"{self.bytes} bytes with SHA-256 {self.sha256[:12]}…")
