"""The web tier: response time grows with load, and the policies follow it."""

import pytest

from aws.simulate import loads
from aws.simulate.group import GroupSize
from aws.simulate.metrics import Stat
from aws.simulate.run import Scaling, SimulationRun
from aws.simulate.template import TEMPLATE
from aws.simulate.web import Instances, WebTier
from aws.simulate.web_compare import WebComparison

TWO = Scaling(GroupSize(smallest=2, largest=2), ())


def mean_ms(requests_s: float) -> float:
    tier = WebTier(loads.web_steady(requests_s), Instances(50.0))
    SimulationRun(TWO, tier).run(10)
    return 1000 * tier.total.seconds / tier.total.requests


def test_the_response_time_grows_with_load_and_without_bound_beyond_capacity() -> None:
    times = [mean_ms(load) for load in (1, 50, 90, 120)]
    assert times == sorted(times)
    assert times[0] < 25
    assert times[3] > 10_000


def test_a_minute_without_requests_publishes_nothing() -> None:
    simulation = SimulationRun(TWO, WebTier(loads.web_step(5.0, 0.0, 60.0), Instances(50.0))).run(5)
    stat = Stat("AWS/ApplicationELB", "TargetResponseTime", "Average")
    read = [simulation.metrics.statistic(stat, end_s, 600) for end_s in (60, 180)]
    assert read == [pytest.approx(0.021, abs=0.002), None]


@pytest.fixture(scope="module")
def web() -> dict[str, dict[str, dict[str, float]]]:
    return WebComparison(TEMPLATE).all()


def test_the_template_spends_less_than_half_on_the_origins_load(
    web: dict[str, dict[str, dict[str, float]]],
) -> None:
    report = web["origin's load"]
    assert report["ours"]["instance_min"] < 0.5 * report["theirs"]["instance_min"]
    assert report["ours"]["mean_ms"] < 1.1 * report["theirs"]["mean_ms"]


@pytest.mark.parametrize("name", ["16-fold step", "burst of 20 minutes", "sawtooth of 6 minutes"])
def test_a_rise_makes_less_than_half_as_many_requests_slow(
    web: dict[str, dict[str, dict[str, float]]], name: str
) -> None:
    ours, theirs = web[name]["ours"], web[name]["theirs"]
    assert 2 * ours["slow_percent"] < theirs["slow_percent"]
    assert ours["fights"] == 0
