"""Simulated time: actions wait in a heap and run in order of their second."""

import heapq
from collections.abc import Callable
from itertools import count

MINUTE_S = 60

Action = Callable[[], None]


class SimulatedClock:
    """Seconds from the start of a run; two actions of one second run in the order they were set."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Action]] = []
        self._order = count()

    def at(self, second: float, action: Action) -> None:
        """Run `action` at `second`, or next where that is already past."""
        heapq.heappush(self._waiting, (max(second, self.now), next(self._order), action))

    def after(self, delay_s: float, action: Action) -> None:
        """Run `action` `delay_s` seconds from now."""
        self.at(self.now + delay_s, action)

    def run(self, until: float, finished: Callable[[], bool] = lambda: False) -> None:
        """Run what is due up to and including `until`; stop early once `finished()`."""
        while self._waiting and self._waiting[0][0] <= until and not finished():
            self.now, _, action = heapq.heappop(self._waiting)
            action()
