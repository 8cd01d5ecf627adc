"""Places for answers that are made while they are sent, each for as long as its reader takes."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

LONGEST_S = 3600
"""An archive of 4 GB takes this long at 9 Mbit/s."""

Part = TypeVar("Part", str, bytes)


class NoPlace(Exception):
    """All places are taken; `own`: all that one reader may have, by this reader."""

    def __init__(self, own: bool) -> None:
        super().__init__("no place for a further stream")
        self.own = own


class TooLong(Exception):
    """A stream that its reader has not taken in within the time limit."""


class Streams:
    """The streams under way in this process: `most` in all, `most_each` of one reader."""

    def __init__(self, most: int, most_each: int, clock: Callable[[], float]) -> None:
        self.most, self.most_each, self.clock = most, most_each, clock
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def begin(self, reader: str) -> None:
        """Take a place, which `end` gives back. Raises NoPlace."""
        with self._lock:
            if self._open[reader] >= self.most_each:
                raise NoPlace(own=True)
            if self._open.total() >= self.most:
                raise NoPlace(own=False)
            self._open[reader] += 1

    def end(self, reader: str) -> None:
        with self._lock:
            self._open[reader] -= 1
            self._open = +self._open

    def bounded(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The parts, then TooLong where the reader's time is over: so it sees that some lack."""
        until = self.clock() + LONGEST_S
        for part in parts:
            if self.clock() > until:
                raise TooLong
            yield part
