"""One run: a clock, metrics, a group with its policies, and the tier of machines that serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from aws.simulate.clock import MINUTE_S, SimulatedClock
from aws.simulate.group import Group, GroupSize, Timing
from aws.simulate.metrics import Delays, Metrics
from aws.simulate.policies import Live, Policy, decide, live

GAUGE_S = 30
"""The second of its minute at which a gauge is read, and the in-service count for the charts."""
FIGHT_S = 300
"""A change of the desired capacity that is reversed within this time is a fight of policies."""


@dataclass(frozen=True)
class Scaling:
    """A group's limits and its policies, as read from a template."""

    limits: GroupSize
    policies: tuple[Policy, ...]


class Tier(Protocol):
    """The machines' work: it feeds metrics and may protect instances from scale-in."""

    def begin(self, simulation: "SimulationRun") -> None:
        """Set the hooks of the group and the first actions of the clock."""

    def read_gauges(self, minute: int) -> None:
        """Publish the gauges read in the middle of a minute."""

    def close_minute(self, minute: int) -> None:
        """Publish the counts of a whole minute."""

    @property
    def finished(self) -> bool:
        """True once all work is done, so that a run may end."""


@dataclass
class SimulationRun:
    """One run: clock, metrics, group; `late` delays evaluations: {(policy, minute): seconds}.

    `delays` has the seconds until metrics can be read, by namespace.
    """

    scaling: Scaling
    tier: Tier
    timing: Timing = field(default_factory=Timing)
    seed: int = 1
    late: Mapping[tuple[str, int], float] = field(default_factory=dict)
    delays: Delays | None = None

    def __post_init__(self) -> None:
        self.clock, self.metrics = SimulatedClock(), Metrics(self.delays)
        self.group = Group(self.clock, self.scaling.limits, self.timing, self.seed)
        self.policies = [live(policy, self.metrics) for policy in self.scaling.policies]
        self.serving: list[int] = []
        """Instances in service, minute by minute."""

    def run(self, minutes: int, until_idle: bool = False) -> "SimulationRun":
        """Run for `minutes`, or until the work is done and the group is back at its smallest."""
        self.tier.begin(self)
        self.group.fill()
        self._minute(0)
        idle = self._idle if until_idle else (lambda: False)
        self.clock.run(minutes * MINUTE_S - 1, idle)
        return self

    @property
    def fights(self) -> int:
        """Number of changes of the desired capacity that were reversed within FIGHT_S."""
        changes = self.group.changes
        return sum(
            (first > 0) != (second > 0) and after - before < FIGHT_S
            for (before, first), (after, second) in zip(changes, changes[1:], strict=False)
        )

    def _idle(self) -> bool:
        return self.tier.finished and self.group.resting

    def _minute(self, minute: int) -> None:
        start = minute * MINUTE_S
        if minute:
            self.tier.close_minute(minute - 1)
        self._evaluate(minute)
        self.clock.at(start + GAUGE_S, lambda: self._read_gauges(minute))
        self.clock.at(start + MINUTE_S, lambda: self._minute(minute + 1))

    def _read_gauges(self, minute: int) -> None:
        self.serving.append(self.group.serving)
        self.metrics.put("GroupInServiceInstances", minute, self.group.serving)
        self.tier.read_gauges(minute)

    def _evaluate(self, minute: int) -> None:
        punctual: list[Live] = []
        for policy in self.policies:
            late_s = self.late.get((policy.name, minute))
            if late_s is None:
                punctual.append(policy)
            else:
                self.clock.after(late_s, partial(self._decide, [policy], minute))
        self._decide(punctual, minute)

    def _decide(self, policies: list[Live], minute: int) -> None:
        want = decide(policies, self.group, minute * MINUTE_S)
        if want is not None:
            self.group.set_desired(want.capacity, want.cooldown_s)
