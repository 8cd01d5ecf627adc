"""CloudWatch alarms: datapoints against a threshold, with the rules for missing data.

Rules: "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data", under "How
alarm state is evaluated when data is missing", CloudWatch user guide; the tests have its tables.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from aws.simulate.maths import Value
from aws.simulate.metrics import Metrics, Query, Watch

EXTRA_POINTS = 2
"""Datapoints that an alarm retrieves beyond its evaluation periods, to fall back on.

Two in the guide's tables; "the exact number" depends on the period and is not published."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class AlarmState(StrEnum):
    """The three states of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class Alarm:
    """An alarm as declared: in ALARM when `datapoints` of `periods` breach."""

    query: Query
    comparison: str
    threshold: float
    periods: int = 1
    datapoints: int = 1
    missing: str = "missing"
    """missing, notBreaching, breaching or ignore."""

    def breaches(self, value: float) -> bool:
        """Compare one datapoint with the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)

    def evaluated(self, points: list[Value]) -> list[float]:
        """The newest datapoints that exist, of all that were retrieved: what decides first."""
        return [point for point in points if point is not None][-self.periods :]

    def state(self, points: list[Value], before: AlarmState) -> AlarmState:
        """The state from the retrieved datapoints, the oldest first; None is a missing one.

        The treatment of missing data matters only where fewer exist than evaluation periods.
        """
        breaching = [self.breaches(point) for point in self.evaluated(points)]
        lacking = self.periods - len(breaching)
        filled = sum(breaching) + (lacking if self.missing == "breaching" else 0)
        if filled >= self.datapoints:
            return AlarmState.ALARM
        if not lacking or not all(breaching) or self.missing in ("notBreaching", "breaching"):
            return AlarmState.OK
        if self.missing == "ignore":
            return before
        old_breach = any(point is not None for point in points[: len(points) - self.datapoints + 1])
        return AlarmState.ALARM if old_breach else AlarmState.INSUFFICIENT_DATA


class LiveAlarm:
    """An alarm during one run."""

    def __init__(self, alarm: Alarm, metrics: Metrics) -> None:
        self.alarm = alarm
        self.state = AlarmState.INSUFFICIENT_DATA
        self._watch = Watch(alarm.query, metrics)

    def evaluate(self, now_s: int) -> list[float]:
        """The datapoints evaluated where the alarm is in ALARM at `now_s`, else none.

        Scaling actions are repeated every minute that the alarm stays in ALARM.
        """
        points = self._watch.points(now_s, self.alarm.periods + EXTRA_POINTS)
        self.state = self.alarm.state(points, self.state)
        if self.state is not AlarmState.ALARM:
            return []
        return self.alarm.evaluated(points) or [self.alarm.threshold]
