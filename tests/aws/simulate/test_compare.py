"""The template's policies against the origin's, on the same loads."""

import pytest

from aws.simulate.compare import JOB_SECONDS, Comparison, settings
from aws.simulate.template import TEMPLATE


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return Comparison(TEMPLATE)


@pytest.mark.parametrize("job_s", JOB_SECONDS)
def test_a_burst_is_drained_four_times_faster_at_the_same_price(
    comparison: Comparison, job_s: int
) -> None:
    report = comparison.burst(job_s)
    assert report["drain_ratio"] >= 4
    assert report["p95_wait_ratio"] >= 4
    assert report["instance_minutes_ratio"] <= (1.1 if job_s >= 60 else 1.12)
    assert (report["interrupted"], report["fights"]) == (0, 0)


@pytest.mark.parametrize("job_s", [60, pytest.param(5, marks=pytest.mark.slow), 600])
def test_on_days_with_peaks_people_wait_a_third_and_less(
    comparison: Comparison, job_s: int
) -> None:
    report = comparison.day(job_s)
    assert report["p95_wait_ratio"] >= 3
    assert (report["interrupted"], report["fights"]) == (0, 0)
    assert report["equal_wait"]["instance_minutes_ratio"] < 0.5
    assert report["policy_b"]["p95_wait_ratio"] > 1.3
    assert report["policy_b"]["instance_minutes_ratio"] < 1.11


def test_the_same_seed_gives_the_same_outcome(comparison: Comparison) -> None:
    assert comparison.burst(60) == comparison.burst(60)


def test_the_result_does_not_hang_on_one_seed() -> None:
    for seed in (2, 3):
        report = Comparison(TEMPLATE, seed).burst(60)
        assert report["drain_ratio"] >= 4
        assert (report["interrupted"], report["fights"]) == (0, 0)


def test_default_parameters_cost_but_do_not_break(comparison: Comparison) -> None:
    for report in (comparison.defaults(600), comparison.defaults(60)):
        assert report["p95_wait_ratio"] >= 3
        assert report["interrupted"] == 0


def test_the_origins_own_worker_loses_jobs(comparison: Comparison) -> None:
    assert comparison.origin_worker(60)["lost_mean"] > 0.2


@pytest.mark.parametrize(("job_s", "idle"), [(5, 2), (60, 3), (600, 20)])
def test_longer_jobs_keep_idle_instances_longer(job_s: int, idle: int) -> None:
    assert settings(job_s)["IdleMinutes"] == idle
