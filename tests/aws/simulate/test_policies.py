"""The request of each kind of policy, and which of several requests wins."""

from collections.abc import Sequence

from aws.simulate.alarms import Alarm
from aws.simulate.clock import SimulatedClock
from aws.simulate.group import Group, GroupSize, Timing
from aws.simulate.metrics import Metrics, Query, Stat
from aws.simulate.policies import Policy, Simple, Step, Tracking, Want, decide, live

LOAD = Query({"value": Stat("AWS/AutoScaling", "load", "Maximum")})
OTHER = Query({"value": Stat("AWS/AutoScaling", "other", "Maximum")})
HIGH = Alarm(LOAD, "GreaterThanOrEqualToThreshold", 1.0)
LOW = Alarm(LOAD, "LessThanThreshold", 1.0)
STEPS = ((0.0, 1.0, 2), (1.0, 3.0, 4), (3.0, float("inf"), 8))


class Bench:
    """A group, and policies to put to it minute by minute."""

    def __init__(self, *policies: Policy, size: int = 2) -> None:
        self.metrics, self.clock = Metrics(), SimulatedClock()
        self.group = Group(self.clock, GroupSize(), Timing(lambda n: 54.0, lambda n: 95.0))
        self.policies = [live(policy, self.metrics) for policy in policies]
        self.group.fill()
        self.minute = 0
        if size > 2:
            self.group.set_desired(size)
            self.group.changes.clear()
            self.pass_minutes(10)

    def pass_minutes(self, count: int) -> None:
        self.minute += count
        self.clock.run(self.minute * 60)
        self.clock.now = self.minute * 60

    def show(self, **values: float | None) -> Want | None:
        """Pass one minute with these metrics; return the policies' request."""
        for name, value in values.items():
            self.metrics.put(name, self.minute, value)
        self.pass_minutes(1)
        want = decide(self.policies, self.group, self.minute * 60)
        if want is not None:
            self.group.set_desired(want.capacity, want.cooldown_s)
        return want

    def desired(self, loads: Sequence[float | None]) -> list[int]:
        """The desired capacity after each minute with such a load."""
        return [(self.show(load=load), self.group.desired)[1] for load in loads]


def test_simple_scaling_acts_again_once_its_cooldown_is_over() -> None:
    bench = Bench(Simple("out", 1, 300.0, HIGH))
    assert bench.desired([2.0] * 13) == [3] * 6 + [4] * 6 + [5]


def test_simple_scaling_without_cooldown_waits_for_each_termination() -> None:
    bench = Bench(Simple("in", -1, 0.0, LOW), size=6)
    assert bench.desired([0.5] * 5) == [5, 5, 4, 4, 3]


def test_the_largest_capacity_wins() -> None:
    bench = Bench(Simple("out", 1, 0.0, HIGH), Simple("in", -1, 0.0, HIGH), size=4)
    assert bench.desired([2.0]) == [5]


def test_step_scaling_never_waits_and_counts_warming_instances_as_capacity() -> None:
    bench = Bench(Step("out", STEPS, HIGH))
    assert bench.desired([1.0, 2.5, 1.0]) == [4, 6, 6]


def test_the_size_of_the_breach_chooses_the_step() -> None:
    assert [Bench(Step("out", STEPS, HIGH)).desired([load])[0] for load in (1, 2, 4, 99)] == [
        4,
        6,
        10,
        10,
    ]


def test_a_step_goes_by_the_aggregate_of_what_was_evaluated() -> None:
    two = Alarm(LOAD, "GreaterThanOrEqualToThreshold", 1.0, 2, 2)
    for aggregation, desired in (("Minimum", 4), ("Average", 6), ("Maximum", 10)):
        bench = Bench(Step("out", STEPS, two, aggregation))
        assert bench.desired([4.0, 1.0]) == [2, desired], aggregation


def test_scale_in_is_blocked_while_any_instance_warms() -> None:
    out, into = Step("out", STEPS, HIGH), Step("in", ((float("-inf"), 0.0, -1),), LOW)
    bench = Bench(out, into, size=4)
    assert bench.desired([1.0, 0.5, 0.5, 0.5]) == [6, 6, 5, 4]


def test_target_tracking_scales_out_in_proportion_after_three_datapoints() -> None:
    bench = Bench(Tracking("t", LOAD, 10.0))
    assert bench.desired([25.0, 25.0, 25.0]) == [2, 2, 5]


def test_target_tracking_scales_in_after_fifteen_datapoints_by_one_at_a_time() -> None:
    bench = Bench(Tracking("t", LOAD, 10.0), size=5)
    assert bench.desired([5.0] * 17) == [5] * 14 + [4, 3, 2]


def test_target_tracking_leaves_a_metric_just_under_its_target_alone() -> None:
    bench = Bench(Tracking("t", LOAD, 10.0), size=5)
    assert bench.desired([9.5] * 20) == [5] * 20


def test_target_tracking_can_be_kept_from_scaling_in() -> None:
    bench = Bench(Tracking("t", LOAD, 10.0, scales_in=False), size=5)
    assert bench.desired([0.0] * 20) == [5] * 20


def test_any_target_tracking_policy_scales_out_and_all_must_agree_to_scale_in() -> None:
    both = (Tracking("a", LOAD, 10.0), Tracking("b", OTHER, 10.0))
    apart, together, rising = Bench(*both, size=5), Bench(*both, size=5), Bench(*both, size=5)
    for _ in range(15):
        apart.show(load=1.0, other=10.0)
        together.show(load=1.0, other=1.0)
    for _ in range(3):
        rising.show(load=1.0, other=20.0)
    assert [bench.group.desired for bench in (apart, together, rising)] == [5, 4, 10]


def test_missing_data_moves_target_tracking_neither_way() -> None:
    bench = Bench(Tracking("t", LOAD, 10.0), size=5)
    assert bench.desired([None] * 20) == [5] * 20
