"""The Auto Scaling group: starting, protecting, replacing, billing."""

import pytest

from aws.simulate.clock import SimulatedClock
from aws.simulate.group import Group, GroupSize, Phase, Timing


@pytest.fixture
def group() -> Group:
    group = Group(SimulatedClock(), GroupSize(), Timing(lambda n: 50.0, lambda n: 90.0))
    group.fill()
    return group


def at(group: Group, second: float) -> Group:
    group.clock.run(second)
    group.clock.now = second
    return group


def test_a_group_begins_warm_at_its_smallest(group: Group) -> None:
    assert (group.serving, group.warm, group.resting) == (2, 2, True)


def test_capacity_stays_within_the_limits(group: Group) -> None:
    group.set_desired(99)
    assert group.desired == 10
    group.set_desired(0)
    assert group.desired == 2


def test_an_instance_serves_after_its_start_and_is_warm_after_the_warm_up(group: Group) -> None:
    group.set_desired(3)
    assert (at(group, 49).serving, at(group, 50).serving) == (2, 3)
    assert group.warming
    assert at(group, 109).warm == 2
    assert (at(group, 110).warm, group.warming) == (3, False)


def test_protection_keeps_an_instance_and_lifting_it_lets_it_go(group: Group) -> None:
    at(group, 0).set_desired(3)
    at(group, 200)
    for instance in group.instances:
        group.protect(instance, True)
    group.set_desired(2)
    assert (group.desired, group.serving) == (2, 3)
    group.protect(group.instances[1], False)
    assert group.instances[1].phase is Phase.TERMINATING
    assert group.serving == 2


def test_protection_does_not_help_against_replacement(group: Group) -> None:
    lost = group.instances[0]
    group.protect(lost, True)
    group.replace(lost)
    assert lost.phase is Phase.TERMINATING
    assert at(group, 50).serving == 2


def test_simple_scaling_waits_for_the_activity_and_then_for_the_cooldown(group: Group) -> None:
    group.set_desired(3, cooldown_s=300)
    assert at(group, 40).cooling
    assert at(group, 349).cooling
    assert not at(group, 350).cooling


def test_simple_scaling_waits_for_a_termination(group: Group) -> None:
    group.set_desired(3)
    at(group, 200).set_desired(2)
    assert at(group, 289).cooling
    assert not at(group, 290).cooling


def test_ec2_bills_from_launch_to_the_start_of_the_shutdown(group: Group) -> None:
    group.set_desired(3)
    at(group, 600).set_desired(2)
    assert at(group, 1200).cost_minutes() == 2 * 20 + 10
