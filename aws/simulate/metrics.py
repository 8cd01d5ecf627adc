"""CloudWatch metrics: a value a minute, late or sometimes missing, and the queries over them.

CloudWatch does not wait: a query sees the minutes that are published at that moment, each metric by
itself ("Using math expressions with CloudWatch metrics", on FILL and metrics "being published with
a slight delay", CloudWatch user guide).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aws.simulate import maths
from aws.simulate.clock import MINUTE_S

Delays = Mapping[str, float]
"""Seconds from the end of a minute until its value can be read, by namespace."""
DELAY_S = 60.0
"""The delay of SQS and of the load balancer (assumed: AWS promises none)."""
LONGEST_DELAY_S = 180.0
"""The longest delay that the policies are held to: beyond it an alarm may find no datapoint."""
PUBLISHED = {
    "AWS/SQS": (
        "NumberOfMessagesSent",
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    ),
    "AWS/ApplicationELB": (
        "RequestCountPerTarget",
        "HTTPCode_Target_2XX_Count",
        "TargetResponseTime",
    ),
    "AWS/AutoScaling": ("GroupInServiceInstances",),
}
"""The metrics that the simulated tiers and groups publish, by namespace."""
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
}


def delays(delay_s: float = DELAY_S) -> Delays:
    """SQS and the load balancer publish `delay_s` after each minute; a group at once."""
    return {"AWS/SQS": delay_s, "AWS/ApplicationELB": delay_s, "AWS/AutoScaling": 0.0}


class Metrics:
    """The values of a run, by metric name and minute; a minute without one is missing."""

    def __init__(self, delay_s: Delays | None = None) -> None:
        self.delay_s = delays() if delay_s is None else delay_s
        self._values: dict[str, dict[int, float]] = {}

    def put(self, name: str, minute: int, value: float | None) -> None:
        """Publish the value of one minute; None publishes nothing."""
        if value is not None:
            self._values.setdefault(name, {})[minute] = value

    def statistic(self, stat: "Stat", end_s: int, now_s: float) -> maths.Value:
        """The period that ends at `end_s`, of its minutes published by `now_s`; None of none."""
        published = int((now_s - self.delay_s[stat.namespace]) // MINUTE_S)
        minutes = range((end_s - stat.period_s) // MINUTE_S, min(end_s // MINUTE_S, published))
        values = self._values.get(stat.name, {})
        present = [values[minute] for minute in minutes if minute in values]
        return float(STATISTICS[stat.statistic](present)) if present else None


@dataclass(frozen=True)
class Stat:
    """One metric of a query."""

    namespace: str
    name: str
    statistic: str
    period_s: int = MINUTE_S


@dataclass(frozen=True)
class Query:
    """Metrics and expressions by id, in order of use; the last id is what the query returns."""

    stats: Mapping[str, Stat]
    expressions: Mapping[str, str] = field(default_factory=dict)
    returns: str = "value"

    @property
    def period_s(self) -> int:
        """The period of each of its metrics: an alarm's metrics share one."""
        return max(stat.period_s for stat in self.stats.values())

    def value(self, metrics: Metrics, end_s: int, now_s: float) -> maths.Value:
        """The datapoint of the period that ends at `end_s`, as far as published by `now_s`."""
        values = {name: metrics.statistic(stat, end_s, now_s) for name, stat in self.stats.items()}
        for name, expression in self.expressions.items():
            values[name] = maths.evaluate(expression, values)
        return values[self.returns]


class Watch:
    """A query's datapoints during one run, kept once complete; windows slide by the minute."""

    def __init__(self, query: Query, metrics: Metrics) -> None:
        self.query, self.metrics = query, metrics
        self._complete: dict[int, maths.Value] = {}
        self._delay_s = max(metrics.delay_s[stat.namespace] for stat in query.stats.values())

    def points(self, now_s: int, count: int) -> list[maths.Value]:
        """The newest `count` datapoints as they can be read at `now_s`, the oldest first."""
        period_s = self.query.period_s
        return [self._point(now_s - back * period_s, now_s) for back in range(count - 1, -1, -1)]

    def _point(self, end_s: int, now_s: int) -> maths.Value:
        if end_s in self._complete:
            return self._complete[end_s]
        value = self.query.value(self.metrics, end_s, now_s)
        if end_s + self._delay_s <= now_s:
            self._complete[end_s] = value
        return value
