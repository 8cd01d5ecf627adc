"""Stretches of a contig that things lie on, and what lies where."""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from ann.table import Ints, Mask

Thing = TypeVar("Thing")


class Stretch(NamedTuple, Generic[Thing]):
    """A stretch, both ends included, and what lies on it."""

    start: int
    stop: int
    thing: Thing


class Intervals(Generic[Thing]):
    """The stretches of one contig."""

    def __init__(self, intervals: Iterable[Stretch[Thing]]) -> None:
        self.sorted = sorted(intervals, key=lambda i: (i.start, i.stop))
        self.starts = np.array([interval.start for interval in self.sorted], np.int64)
        stops = np.array([interval.stop for interval in self.sorted], np.int64)
        self.reach = np.maximum.accumulate(stops)
        """The last place of this stretch and of all before it."""

    def may_hit(self, lows: Ints, highs: Ints) -> Mask:
        """Those of some spans that something may lie on."""
        behind = np.searchsorted(self.starts, highs, "right")
        found: Mask = (behind > 0) & (self.reach[np.maximum(behind - 1, 0)] >= lows)
        return found

    def hits(self, low: int, high: int) -> list[Thing]:
        """The things on a span, each once, by their first place."""
        number = int(np.searchsorted(self.starts, high, "right")) - 1
        found = []
        while number >= 0 and self.reach[number] >= low:
            if self.sorted[number].stop >= low:
                found.append(self.sorted[number].thing)
            number -= 1
        return list(dict.fromkeys(reversed(found)))
