"""CloudWatch metrics: a value a minute, late or sometimes missing, and the queries over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aws.simulate import maths
from aws.simulate.clock import MINUTE_S

LATE_S = {"AWS/SQS": 60, "AWS/ApplicationELB": 60, "AWS/AutoScaling": 0}
"""Seconds from the end of a minute until its value can be read (assumed: AWS promises none)."""
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


class Metrics:
    """The values of a run, by metric name and minute; a minute without one is missing."""

    def __init__(self) -> None:
        self._values: dict[str, dict[int, float]] = {}

    def put(self, name: str, minute: int, value: float | None) -> None:
        """Publish the value of one minute; None publishes nothing."""
        if value is not None:
            self._values.setdefault(name, {})[minute] = value

    def statistic(self, name: str, statistic: str, period_s: int, end_s: int) -> maths.Value:
        """`statistic` over the minutes of [end_s - period_s, end_s); None where all are missing."""
        minutes = range((end_s - period_s) // MINUTE_S, end_s // MINUTE_S)
        values = self._values.get(name, {})
        present = [values[minute] for minute in minutes if minute in values]
        return float(STATISTICS[statistic](present)) if present else None


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
    def late_s(self) -> int:
        """A query waits for the latest of its metrics."""
        return max(LATE_S[stat.namespace] for stat in self.stats.values())

    def value(self, metrics: Metrics, end_s: int) -> maths.Value:
        """The datapoint of the period that ends at `end_s`."""
        values = {
            name: metrics.statistic(stat.name, stat.statistic, stat.period_s, end_s)
            for name, stat in self.stats.items()
        }
        for name, expression in self.expressions.items():
            values[name] = maths.evaluate(expression, values)
        return values[self.returns]


class Watch:
    """A query's datapoints during one run, each computed once; windows slide by the minute."""

    def __init__(self, query: Query, metrics: Metrics) -> None:
        self.query, self.metrics = query, metrics
        self._seen: dict[int, maths.Value] = {}

    def points(self, now_s: int, count: int) -> list[maths.Value]:
        """The newest `count` datapoints that can be read at `now_s`, the oldest first."""
        end_s = now_s - self.query.late_s
        ends = [end_s - back * MINUTE_S for back in range(count - 1, -1, -1)]
        return [self._point(end) for end in ends]

    def _point(self, end_s: int) -> maths.Value:
        if end_s not in self._seen:
            self._seen[end_s] = self.query.value(self.metrics, end_s)
        return self._seen[end_s]
