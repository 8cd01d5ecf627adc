"""Delayed calls, all of them made by one thread."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Timers:
    """Calls what it was given, each when its time has come; a call that fails is logged."""

    def __init__(self) -> None:
        self.ready = threading.Condition()
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        threading.Thread(target=self._run, daemon=True).start()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        with self.ready:
            heapq.heappush(self.heap, (time.monotonic() + seconds, next(self.order), act))
            self.ready.notify()

    def _run(self) -> None:
        while True:
            act = self._next()
            try:
                act()
            except Exception:
                log.exception("a delayed call failed")

    def _next(self) -> Callable[[], None]:
        with self.ready:
            while not self.heap or self.heap[0][0] > time.monotonic():
                self.ready.wait(self.heap[0][0] - time.monotonic() if self.heap else None)
            return heapq.heappop(self.heap)[2]
