"""The web tier behind its load balancer: response time as a function of load, second by second."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from aws.simulate.run import SimulationRun

Load = Callable[[float], float]
"""Requests a second, at a second of the run."""
SLOW_S = 1.0
"""A response that takes longer counts as slow."""
BUSIEST = 0.98
"""Utilisation above which the response time grows by the backlog alone."""
GIVES_UP_S = 60.0
"""The load balancer's idle time-out: a backlog longer than this becomes errors."""


@dataclass(frozen=True)
class Instances:
    """The capacity of one web instance in requests a second, and its response time when idle."""

    requests_s: float
    service_s: float = 0.02

    def mean_s(self, utilisation: float) -> float:
        """Mean response time of a shared processor at `utilisation`, without a backlog."""
        return self.service_s / (1 - min(utilisation, BUSIEST))


@dataclass
class RequestCounts:
    """Requests of a minute or of a run, and the seconds that they took."""

    requests: float = 0.0
    seconds: float = 0.0
    slow: float = 0.0
    failed: float = 0.0

    def add(self, requests: float, mean_s: float, slow: float) -> None:
        """Count `requests` of `mean_s`, the part `slow` of them above SLOW_S."""
        self.requests += requests
        self.seconds += requests * mean_s
        self.slow += requests * slow


class WebTier:
    """The tier: a fluid of requests, served first come first served, in steps of one second."""

    finished = True

    def __init__(self, load: Load, instances: Instances) -> None:
        self.load, self.instances = load, instances
        self.total, self._minute = RequestCounts(), RequestCounts()
        self._backlog = 0.0

    def begin(self, simulation: SimulationRun) -> None:
        """Schedule the first second."""
        self._clock, self._group, self._metrics = (
            simulation.clock,
            simulation.group,
            simulation.metrics,
        )
        self._clock.after(0, self._second)

    def read_gauges(self, minute: int) -> None:
        """Publish nothing: all of the load balancer's metrics are counts."""

    def close_minute(self, minute: int) -> None:
        """Publish the minute as the load balancer does: nothing where there was no request."""
        counts, self._minute = self._minute, RequestCounts()
        if not counts.requests:
            return
        put, serving = self._metrics.put, max(self._group.serving, 1)
        put("RequestCountPerTarget", minute, counts.requests / serving)
        put("HTTPCode_Target_2XX_Count", minute, counts.requests - counts.failed)
        put("TargetResponseTime", minute, counts.seconds / counts.requests)

    def _second(self) -> None:
        requests = self.load(self._clock.now)
        capacity = max(self._group.serving, 1) * self.instances.requests_s
        self._backlog = max(0.0, self._backlog + requests - capacity)
        failed = max(0.0, self._backlog - capacity * GIVES_UP_S)
        self._backlog -= failed
        waiting_s = self._backlog / capacity
        busy = 1.0 if self._backlog else requests / capacity
        self._count(requests, waiting_s, self.instances.mean_s(busy), failed)
        self._clock.after(1, self._second)

    def _count(self, requests: float, waiting_s: float, mean_s: float, failed: float) -> None:
        slow = 1.0 if waiting_s >= SLOW_S else math.exp((waiting_s - SLOW_S) / mean_s)
        for counts in (self.total, self._minute):
            counts.add(requests, waiting_s + mean_s, slow)
            counts.failed += failed
