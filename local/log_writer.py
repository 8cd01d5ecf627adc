"""The log of a world: its processes' lines, written to standard output or to a file."""

import os
import select
import threading
from collections.abc import Callable
from typing import TextIO

LOOK_S = 0.2
PIECE_BYTES = 512
"""A pipe or terminal that has any room takes so much whole (POSIX's least PIPE_BUF)."""


class LogWriter:
    """Writes straight to the descriptor of `file`, one thread at a time.

    Nothing here blocks a stop: once `is_stopping()`, or once the reader is gone (the terminal is
    closed, `head` has ended), lines are dropped.
    """

    def __init__(self, file: TextIO, is_stopping: Callable[[], bool]) -> None:
        file.flush()
        self.descriptor, self.is_stopping = file.fileno(), is_stopping
        self.lock = threading.Lock()
        self.is_broken = False

    def write(self, text: str) -> None:
        """Write all of it, unless it cannot be written or its turn does not come before a stop."""
        while not self.lock.acquire(timeout=LOOK_S):
            if self.is_stopping():
                return
        try:
            self._write(text.encode(errors="replace"))
        finally:
            self.lock.release()

    def flush(self) -> None:
        """Nothing is kept back; this completes a file's interface."""

    def has_reader(self) -> bool:
        """Tell whether the other end of the pipe or the terminal is still there."""
        if not self.is_broken:
            probe = select.poll()
            probe.register(self.descriptor, 0)
            self.is_broken = any(
                event & (select.POLLERR | select.POLLHUP) for _, event in probe.poll(0)
            )
        return not self.is_broken

    def _write(self, text: bytes) -> None:
        while text and not self.is_broken:
            if self._has_room():
                text = text[self._write_piece(text) :]
            elif self.is_stopping():
                return

    def _has_room(self) -> bool:
        return bool(select.select([], [self.descriptor], [], LOOK_S)[1])

    def _write_piece(self, text: bytes) -> int:
        try:
            return os.write(self.descriptor, text[:PIECE_BYTES])
        except BlockingIOError:
            return 0
        except OSError:
            self.is_broken = True
            return 0
