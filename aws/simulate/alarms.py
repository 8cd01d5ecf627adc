"""CloudWatch alarms: datapoints against a threshold, with the rules for missing data.

Rules: "Using Amazon CloudWatch alarms", evaluating and missing data, CloudWatch user guide.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from aws.simulate.maths import Value
from aws.simulate.metrics import Metrics, Query, Watch

EXTRA_POINTS = 2
"""Older datapoints that an alarm falls back on when newer ones are missing."""
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

    def state(self, points: list[Value], before: AlarmState) -> AlarmState:
        """The state from the newest datapoints, the oldest first; None is a missing one."""
        if self.missing in ("notBreaching", "breaching"):
            bad = self.missing == "breaching"
            recent = [bad if p is None else self.breaches(p) for p in points[-self.periods :]]
            return AlarmState.ALARM if sum(recent) >= self.datapoints else AlarmState.OK
        present = [self.breaches(p) for p in points if p is not None][-self.periods :]
        if self.missing == "ignore" and len(present) < self.periods:
            return before
        if not present:
            return AlarmState.INSUFFICIENT_DATA
        if len(present) == self.periods:
            return AlarmState.ALARM if sum(present) >= self.datapoints else AlarmState.OK
        return AlarmState.ALARM if self._old_breach(points) else AlarmState.OK

    def _old_breach(self, points: list[Value]) -> bool:
        """With too few datapoints: a breach at least `datapoints` old, and nothing good since."""
        kinds = [None if p is None else self.breaches(p) for p in points]
        since = next((age for age, kind in enumerate(reversed(kinds)) if kind is False), len(kinds))
        return any(kinds[len(kinds) - since : len(kinds) - self.datapoints + 1])


class LiveAlarm:
    """An alarm during one run."""

    def __init__(self, alarm: Alarm, metrics: Metrics) -> None:
        self.alarm = alarm
        self.state = AlarmState.INSUFFICIENT_DATA
        self._watch = Watch(alarm.query, metrics)

    def evaluate(self, now_s: int) -> Value:
        """The newest datapoint where the alarm is in ALARM at `now_s`, else None.

        Scaling actions are repeated every minute that the alarm stays in ALARM.
        """
        points = self._watch.points(now_s, self.alarm.periods + EXTRA_POINTS)
        self.state = self.alarm.state(points, self.state)
        if self.state is not AlarmState.ALARM:
            return None
        return next((p for p in reversed(points) if p is not None), self.alarm.threshold)
