"""Counts of calls in this process: who has called what how often, minute by minute."""

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CallLimit:
    """A number of calls in each span of `span_s`; `words` is what was called too often."""

    setting: str
    span_s: int
    words: str


class CallCounts:
    """The calls of the present spans, by limit and caller; a span over is forgotten whole."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._spans: dict[CallLimit, tuple[int, Counter[str]]] = {}

    def wait_s(self, limit: CallLimit, caller: str, most: int) -> int:
        """Count a call; 0 while there are no more than `most`, else the seconds to wait."""
        now = self.clock()
        span = int(now // limit.span_s)
        with self._lock:
            known, counts = self._spans.get(limit, (span, Counter[str]()))
            if known != span:
                counts = Counter()
            self._spans[limit] = (span, counts)
            counts[caller] += 1
            over = counts[caller] > most
        return math.ceil((span + 1) * limit.span_s - now) if over else 0
