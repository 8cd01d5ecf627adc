"""Scaling policies as EC2 Auto Scaling understands them: simple, step and target tracking.

Rules: "Dynamic scaling", "Step and simple scaling policies", "Target tracking scaling policies"
and "Set the default instance warmup" in the EC2 Auto Scaling user guide.
"""

import math
from dataclasses import dataclass

from aws.simulate.alarms import Alarm, LiveAlarm
from aws.simulate.group import Group
from aws.simulate.metrics import STATISTICS, Metrics, Query

OUT_POINTS, IN_POINTS, IN_BELOW = 3, 15, 0.9
"""Target tracking's own alarms: minutes above the target, minutes below this part of it.

Convention rather than promise: AWS tunes them by itself since late 2024."""


@dataclass(frozen=True)
class Simple:
    """Add `adjustment`, then wait `cooldown_s` from the moment that the activity has ended."""

    name: str
    adjustment: int
    cooldown_s: float
    alarm: Alarm


@dataclass(frozen=True)
class Step:
    """Adjust by the size of the breach: steps are (from, below, adjustment) past the threshold."""

    name: str
    steps: tuple[tuple[float, float, int], ...]
    alarm: Alarm
    aggregation: str = "Average"
    """MetricAggregationType: of the datapoints that the alarm evaluated."""

    def adjustment(self, values: list[float]) -> int:
        """The adjustment for a metric of `values`; 0 where no step covers it."""
        over = STATISTICS[self.aggregation](values) - self.alarm.threshold
        return next((add for low, high, add in self.steps if low <= over < high), 0)


@dataclass(frozen=True)
class Tracking:
    """Keep a metric that falls with capacity at `target`."""

    name: str
    query: Query
    target: float
    scales_in: bool = True

    def alarms(self) -> tuple[Alarm, Alarm]:
        """The two that AWS makes for it: high and low."""
        high = Alarm(self.query, "GreaterThanThreshold", self.target, OUT_POINTS, OUT_POINTS)
        low_at = self.target * IN_BELOW
        return high, Alarm(self.query, "LessThanThreshold", low_at, IN_POINTS, IN_POINTS)


Policy = Simple | Step | Tracking


@dataclass(frozen=True)
class Want:
    """The capacity that a policy requests, and the cooldown that follows it."""

    capacity: int
    cooldown_s: float = 0.0


class LiveSimple:
    """Simple scaling in one run: waits for any activity, then for the cooldown."""

    def __init__(self, policy: Simple, metrics: Metrics) -> None:
        self.name, self.policy = policy.name, policy
        self.alarm = LiveAlarm(policy.alarm, metrics)

    def want(self, group: Group, now_s: int) -> Want | None:
        """The policy's request at this evaluation; None where it requests nothing."""
        if not self.alarm.evaluate(now_s) or group.cooling:
            return None
        return Want(group.desired + self.policy.adjustment, self.policy.cooldown_s)


class LiveStep:
    """Step scaling in one run: never waits; out adds to the warm capacity, in to the desired."""

    def __init__(self, policy: Step, metrics: Metrics) -> None:
        self.name, self.policy = policy.name, policy
        self.alarm = LiveAlarm(policy.alarm, metrics)

    def want(self, group: Group, now_s: int) -> Want | None:
        """The policy's request at this evaluation; None where it requests nothing."""
        values = self.alarm.evaluate(now_s)
        if not values:
            return None
        add = self.policy.adjustment(values)
        return out(group, group.warm + add) if add > 0 else into(group, group.desired + add)


class LiveTracking:
    """Target tracking in one run: out in proportion, in by one at a time."""

    def __init__(self, policy: Tracking, metrics: Metrics) -> None:
        self.name, self.policy = policy.name, policy
        high, low = policy.alarms()
        self.high, self.low = LiveAlarm(high, metrics), LiveAlarm(low, metrics)

    def want(self, group: Group, now_s: int) -> Want | None:
        """The policy's request at this evaluation; None where it requests nothing."""
        above, below = self.high.evaluate(now_s), self.low.evaluate(now_s)
        if above:
            return out(group, math.ceil(group.warm * above[-1] / self.policy.target))
        if not below or not self.policy.scales_in:
            return None
        needed = math.ceil(group.desired * below[-1] / self.policy.target)
        return into(group, max(needed, group.desired - 1))


Live = LiveSimple | LiveStep | LiveTracking


def out(group: Group, capacity: int) -> Want | None:
    """Scale out; warming instances count, so only capacity beyond them is requested."""
    return Want(capacity) if capacity > group.desired else None


def into(group: Group, capacity: int) -> Want | None:
    """Scale in, unless any instance is warming up."""
    return Want(capacity) if capacity < group.desired and not group.warming else None


def live(policy: Policy, metrics: Metrics) -> Live:
    """The policy, ready for a run."""
    match policy:
        case Simple():
            return LiveSimple(policy, metrics)
        case Step():
            return LiveStep(policy, metrics)
        case Tracking():
            return LiveTracking(policy, metrics)


def decide(policies: list[Live], group: Group, now_s: int) -> Want | None:
    """One evaluation of `policies` together: the largest capacity wins.

    Target-tracking policies scale in only when all that may scale in agree.
    """
    wants = [(policy, policy.want(group, now_s)) for policy in policies]
    trackers = [w for p, w in wants if isinstance(p, LiveTracking) and p.policy.scales_in]
    agreed = all(want is not None for want in trackers)
    counted = [
        want
        for policy, want in wants
        if want is not None
        and (want.capacity > group.desired or agreed or not isinstance(policy, LiveTracking))
    ]
    return max(counted, key=lambda want: want.capacity, default=None)
