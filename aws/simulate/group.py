"""An EC2 Auto Scaling group: instances that start, serve, are protected, drain and end."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from aws.simulate.clock import MINUTE_S, SimulatedClock


class Phase(StrEnum):
    """The state of an instance, by EC2 Auto Scaling's names."""

    PENDING = "Pending"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


@dataclass(eq=False)
class SimulatedInstance:
    """One instance; times are seconds of the run."""

    number: int
    launched: float
    phase: Phase = Phase.PENDING
    in_service: float = 0.0
    ended: float | None = None
    """The second at which its shutdown began."""
    protected: bool = False


@dataclass(frozen=True)
class GroupSize:
    """The limits and the warm-up that the template sets for a group."""

    smallest: int = 2
    largest: int = 10
    warmup_s: float = 60.0


@dataclass(frozen=True)
class Timing:
    """Seconds that starts and terminations take; the argument counts them from 0."""

    start_s: Callable[[int], float] = lambda launch: 54.0
    terminate_s: Callable[[int], float] = lambda termination: 95.0


Hook = Callable[[SimulatedInstance], None]


class Group:
    """The instances, and the desired capacity, which is all that policies change."""

    def __init__(
        self, clock: SimulatedClock, limits: GroupSize, timing: Timing, seed: int = 1
    ) -> None:
        self.clock, self.limits, self.timing = clock, limits, timing
        self._random = Random(seed)  # noqa: S311 (a simulation)
        self.desired = limits.smallest
        self.instances: list[SimulatedInstance] = []
        self.changes: list[tuple[float, int]] = []
        """Every change of the desired capacity by a policy: second, difference."""
        self.on_in_service: Hook = lambda instance: None
        self.on_terminating: Hook = lambda instance: None
        self._cooldown_s = 0.0
        self._cooldown_until = 0.0
        self._launches = self._terminations = 0

    def fill(self) -> None:
        """Begin with the smallest capacity, all of it long in service."""
        for _ in range(self.limits.smallest):
            instance = self._add()
            instance.in_service = -self.limits.warmup_s
            self._enter_service(instance)

    def of(self, phase: Phase) -> list[SimulatedInstance]:
        """The instances in `phase`, the oldest first."""
        return [instance for instance in self.instances if instance.phase is phase]

    @property
    def serving(self) -> int:
        """GroupInServiceInstances."""
        return len(self.of(Phase.IN_SERVICE))

    @property
    def warm(self) -> int:
        """Instances in service whose warm-up is over: the capacity that steps add to."""
        since = self.clock.now - self.limits.warmup_s
        return sum(instance.in_service <= since for instance in self.of(Phase.IN_SERVICE))

    @property
    def warming(self) -> bool:
        """True while any instance starts or warms up, which blocks scale-in."""
        return bool(self.of(Phase.PENDING)) or self.warm < self.serving

    @property
    def cooling(self) -> bool:
        """True while simple scaling must wait for an activity in progress or for its cooldown."""
        in_progress = self.of(Phase.PENDING) or self.of(Phase.TERMINATING)
        return bool(in_progress) or self.clock.now < self._cooldown_until

    @property
    def resting(self) -> bool:
        """True when the group is at its smallest and no instance is starting or ending."""
        alive = [i for i in self.instances if i.phase is not Phase.TERMINATED]
        return len(alive) == self.serving == self.desired == self.limits.smallest

    def set_desired(self, capacity: int, cooldown_s: float = 0.0) -> None:
        """Set the desired capacity, within the limits; `cooldown_s` follows its last activity."""
        capacity = min(max(capacity, self.limits.smallest), self.limits.largest)
        if capacity == self.desired:
            return
        self.changes.append((self.clock.now, capacity - self.desired))
        self.desired, self._cooldown_s = capacity, cooldown_s
        self._adjust()

    def _adjust(self) -> None:
        """Launch or terminate towards the desired capacity; protected instances stay.

        The default termination policy goes by the billing hour, so the choice here is random.
        """
        missing = self.desired - len(self.of(Phase.PENDING)) - self.serving
        for _ in range(missing):
            self._launch()
        spare = [i for i in self.of(Phase.IN_SERVICE) if not i.protected]
        for instance in self._random.sample(spare, min(len(spare), max(-missing, 0))):
            self._terminate(instance)

    def protect(self, instance: SimulatedInstance, protected: bool) -> None:
        """Set or lift scale-in protection; lifting it starts a termination that waited for it."""
        instance.protected = protected
        if not protected:
            self._adjust()

    def replace(self, instance: SimulatedInstance) -> None:
        """Replace an instance (failed health check, Spot notice, operator), protected or not."""
        self._terminate(instance)
        self._adjust()

    def cost_minutes(self) -> float:
        """Instance-minutes that EC2 bills so far: from launch to the start of the shutdown."""
        now = self.clock.now
        return sum((i.ended or now) - i.launched for i in self.instances) / MINUTE_S

    def _add(self) -> SimulatedInstance:
        instance = SimulatedInstance(len(self.instances), self.clock.now)
        self.instances.append(instance)
        return instance

    def _launch(self) -> None:
        instance = self._add()
        delay_s = self.timing.start_s(self._launches)
        self._launches += 1
        self.clock.after(delay_s, lambda: self._started(instance))

    def _started(self, instance: SimulatedInstance) -> None:
        instance.in_service = self.clock.now
        self._enter_service(instance)
        self._activity_ended()
        self._adjust()

    def _enter_service(self, instance: SimulatedInstance) -> None:
        instance.phase = Phase.IN_SERVICE
        self.on_in_service(instance)

    def _terminate(self, instance: SimulatedInstance) -> None:
        instance.phase, instance.ended = Phase.TERMINATING, self.clock.now
        delay_s = self.timing.terminate_s(self._terminations)
        self._terminations += 1
        self.clock.after(delay_s, lambda: self._terminated(instance))
        self.on_terminating(instance)

    def _terminated(self, instance: SimulatedInstance) -> None:
        instance.phase = Phase.TERMINATED
        self._activity_ended()

    def _activity_ended(self) -> None:
        self._cooldown_until = self.clock.now + self._cooldown_s
