"""Policies under CloudWatch's rules for late and missing data: the old ones fail, ours do not."""

from pathlib import Path

import pytest

from aws.simulate import loads
from aws.simulate.annotators import Annotators
from aws.simulate.compare import GROUP, Comparison, outcome, settings
from aws.simulate.metrics import Delays, delays
from aws.simulate.run import SimulationRun
from aws.simulate.template import TEMPLATE, read

WITH_FILL = Path(__file__).parent / "recorded" / "with_fill.yaml"
SHORT_MIN = 120


def largest(path: Path, delay_s: Delays, minutes: int = SHORT_MIN) -> int:
    """The most instances in service while a burst of 60 s jobs waits."""
    tier = Annotators(loads.burst(60.0))
    run = SimulationRun(read(path, GROUP, settings(60.0)), tier, delays=delay_s)
    return max(run.run(minutes).serving)


def test_with_fill_a_burst_of_4000_jobs_takes_1979_minutes() -> None:
    found = outcome(read(WITH_FILL, GROUP, settings(60.0)), [loads.burst(60.0)])
    assert (round(found.drain_min), found.largest) == (1979, 2)


def test_without_it_the_burst_takes_401() -> None:
    found = outcome(read(TEMPLATE, GROUP, settings(60.0)), [loads.burst(60.0)])
    assert (round(found.drain_min), found.largest) == (401, 10)


def test_fill_works_only_where_sqs_is_as_quick_as_the_group() -> None:
    assert largest(WITH_FILL, delays(0.0)) == 10
    assert largest(WITH_FILL, delays(1.0)) == 2


@pytest.mark.parametrize("delay_s", [0.0, 30.0, 120.0, 180.0])
def test_ours_scale_out_however_late_the_queues_metrics_are(delay_s: float) -> None:
    assert largest(TEMPLATE, delays(delay_s)) == 10


@pytest.mark.parametrize("group_s", [60.0, 120.0, 180.0])
def test_ours_scale_out_too_where_the_groups_metrics_are_the_late_ones(group_s: float) -> None:
    late = {**delays(0.0), "AWS/AutoScaling": group_s}
    assert largest(TEMPLATE, late) == 10


@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("delay_s", [0.0, 60.0, 180.0])
@pytest.mark.parametrize("job_s", [5.0, 60.0])
def test_ours_scale_in_again_whether_or_not_sqs_reports_that_nothing_is_in_flight(
    job_s: float, delay_s: float, reports: bool
) -> None:
    """SQS's page: "reported if in-flight messages exist"; elsewhere: of every active queue."""
    tier = Annotators(loads.burst(job_s, count=300))
    tier.reports_none_in_flight = reports
    scaling = read(TEMPLATE, GROUP, settings(job_s))
    run = SimulationRun(scaling, tier, delays=delays(delay_s)).run(SHORT_MIN)
    assert max(run.serving) > 2
    assert (run.serving[-1], run.fights, tier.interrupted) == (2, 0, 0)


@pytest.mark.parametrize(("job_s", "delay_s"), [(60, 0.0), (60, 120.0), (60, 180.0), (600, 180.0)])
def test_late_metrics_change_little(job_s: int, delay_s: float) -> None:
    report = Comparison(TEMPLATE, delay_s=delay_s).burst(job_s)
    assert report["drain_ratio"] >= 4
    assert report["instance_minutes_ratio"] <= 1.1
    assert (report["interrupted"], report["fights"]) == (0, 0)


class SilentQueue(Annotators):
    """Annotators of a queue of which SQS reports nothing for ten minutes."""

    def read_gauges(self, minute: int) -> None:
        if not 30 <= minute < 40:
            super().read_gauges(minute)


def test_an_outage_of_the_queues_metrics_moves_nothing() -> None:
    """Once the alarms look back on nothing, no instance is added or removed until it is over."""
    tier = SilentQueue(loads.steady(60.0, 5.0, 3600.0))
    run = SimulationRun(read(TEMPLATE, GROUP, settings(60.0)), tier).run(60)
    assert not [second for second, _ in run.group.changes if 36 * 60 <= second < 41 * 60]
    assert tier.interrupted == 0
