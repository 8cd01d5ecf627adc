"""The annotators' tier: queue metrics, protection, interrupted jobs, the origin's own worker."""

from collections.abc import Sequence

from aws.simulate import loads
from aws.simulate.annotators import Annotators, SimulatedJob
from aws.simulate.forking import ForkingAnnotators
from aws.simulate.group import GroupSize
from aws.simulate.metrics import Stat
from aws.simulate.run import Scaling, SimulationRun
from aws.simulate.tables import percentile
from aws.simulate.template import ORIGIN, read

NO_POLICY = Scaling(GroupSize(smallest=2), ())


def run(tier: Annotators, minutes: int = 30) -> SimulationRun:
    return SimulationRun(NO_POLICY, tier).run(minutes)


def test_jobs_wait_for_a_free_instance() -> None:
    tier = Annotators([SimulatedJob(10.0, 100.0) for _ in range(3)])
    run(tier)
    assert tier.finished
    assert tier.waits() == [0.0, 0.0, 100.0]


def test_a_higher_concurrency_takes_more_jobs() -> None:
    tier = Annotators([SimulatedJob(10.0, 100.0) for _ in range(4)], concurrency=2)
    run(tier)
    assert tier.waits() == [0.0] * 4


def depths(simulation: SimulationRun, name: str, minutes: Sequence[int]) -> list[float | None]:
    """ApproximateNumberOfMessages and `name`, as it can be read in the end."""
    stat = Stat("AWS/SQS", f"ApproximateNumberOfMessages{name}", "Maximum")
    return [simulation.metrics.statistic(stat, 60 * m + 60, 10**6) for m in minutes]


def test_a_polled_queue_is_active_and_reports_0() -> None:
    """An action on it counts, a receive too: its metrics do not end six hours after a message."""
    simulation = run(Annotators([SimulatedJob(65.0, 30.0)]), minutes=400)
    assert depths(simulation, "NotVisible", (0, 1, 2, 390)) == [0, 1, 0, 0]
    assert depths(simulation, "Visible", (0, 390)) == [0, 0]


def test_a_queue_that_nobody_polls_falls_silent_after_six_hours() -> None:
    tier = Annotators([SimulatedJob(65.0, 30.0)])
    simulation = SimulationRun(Scaling(GroupSize(smallest=0), ()), tier)
    simulation.clock.at(0, lambda: simulation.group.set_desired(1))
    simulation.clock.at(600, lambda: simulation.group.set_desired(0))
    simulation.run(400)
    assert depths(simulation, "Visible", (20, 360, 390)) == [0, 0, None]


def test_sqs_may_leave_out_that_nothing_is_in_flight() -> None:
    tier = Annotators([SimulatedJob(65.0, 30.0)])
    tier.reports_none_in_flight = False
    assert depths(run(tier), "NotVisible", (0, 1, 2)) == [None, 1, None]


def shrunk(protects: bool) -> tuple[Annotators, SimulationRun]:
    """Three instances at work, and the group is asked for two."""
    tier = Annotators([SimulatedJob(0.0, 400.0) for _ in range(3)], protects=protects)
    simulation = SimulationRun(Scaling(GroupSize(smallest=1), ()), tier)
    simulation.clock.at(0, lambda: simulation.group.set_desired(3))
    simulation.clock.at(100, lambda: simulation.group.set_desired(2))
    return tier, simulation.run(30)


def test_a_protected_instance_is_removed_only_after_its_job() -> None:
    tier, simulation = shrunk(protects=True)
    assert (tier.interrupted, simulation.group.serving, tier.finished) == (0, 2, True)
    assert {job.attempts for job in tier.jobs} == {1}


def test_an_unprotected_one_is_interrupted_and_its_job_done_again() -> None:
    tier, simulation = shrunk(protects=False)
    assert (tier.interrupted, simulation.group.serving, tier.finished) == (1, 2, True)


def test_the_origins_worker_loses_what_runs_on_an_instance_that_goes() -> None:
    tier = ForkingAnnotators(loads.burst(60.0))
    SimulationRun(read(ORIGIN, "AnnotatorGroup"), tier, seed=2).run(60)
    assert tier.lost > 0


def test_an_instance_shares_its_processor_fairly() -> None:
    jobs = [SimulatedJob(0.0, 10.0), SimulatedJob(0.0, 20.0)]
    tier = ForkingAnnotators(jobs)
    SimulationRun(Scaling(GroupSize(smallest=1), ()), tier).run(2)
    assert [job.finished for job in jobs] == [20.0, 30.0]


def test_the_same_seed_gives_the_same_load_and_the_same_mean() -> None:
    first, again, other = (loads.day(60.0, seed) for seed in (1, 1, 2))
    assert [job.seconds for job in first] == [job.seconds for job in again]
    assert len(first) != len(other)
    mean = sum(job.seconds for job in first) / len(first)
    assert abs(mean - 60.0) < 3.0


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([float(n) for n in range(100)], 0.95) == 95.0
    assert percentile([], 0.95) == 0.0
