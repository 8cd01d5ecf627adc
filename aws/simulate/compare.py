"""Annotator policies on the same loads: the template's, the origin's, and an earlier draft's."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from aws.simulate import loads
from aws.simulate.annotators import Annotators, SimulatedJob
from aws.simulate.forking import ForkingAnnotators
from aws.simulate.metrics import DELAY_S, delays
from aws.simulate.run import Scaling, SimulationRun
from aws.simulate.tables import percentile
from aws.simulate.template import ORIGIN, read

POLICY_B = Path(__file__).with_name("policy_b.yaml")
GROUP = "AnnotatorGroup"
JOB_SECONDS = (5, 60, 600)
LATE_MIN = (0, 1, 2, 3)
"""Minutes by which metrics are late in the table of late metrics."""
DAYS = 3
"""Days of different seeds that make one figure."""
WORKER_RUNS = 10
"""Runs of the origin's own worker that make one figure."""
WORKER_RUN_MIN = 60
"""After this long its group is back at its smallest, and no more jobs are lost."""
LONGEST_MIN = 60 * 24 * 30
"""A run that is not done by then is given up."""
NO_WAIT_S = 1.0
"""Shorter waits count as this one, so that ratios stay finite."""
INSTANCE_HOUR_USD = 0.085
"""One c6i.large, the template's annotator, on demand in us-east-1."""

Jobs = list[SimulatedJob]
Run = tuple[Annotators, SimulationRun]
Settings = dict[str, object]


def settings(job_s: float, workers: int = 1) -> Settings:
    """The template's parameters that suit jobs of `job_s`, as docs/simulation.md advises."""
    return {
        "JobSeconds": job_s,
        "AnnotatorWorkers": workers,
        "AcceptableWaitSeconds": max(120.0, job_s / 2),
        "IdleMinutes": round(min(max(2.0, job_s / 20), 20.0)),
    }


def settings_b(job_s: float) -> Settings:
    """The parameters that the earlier draft prescribed."""
    return {"JobSeconds": job_s, "IdleMinutes": round(min(max(3.0, job_s / 60), 15.0))}


@dataclass(frozen=True)
class PolicyOutcome:
    """The figures of one policy on one load, or on several days of it."""

    jobs: int
    drain_min: float
    p95_wait_s: float
    instance_min: float
    interrupted: int
    fights: int
    largest: int

    @property
    def cost_usd(self) -> float:
        """The instances' on-demand price."""
        return self.instance_min / 60 * INSTANCE_HOUR_USD


@dataclass(frozen=True)
class Setting:
    """The annotators of a run, and the seconds until SQS's metrics can be read."""

    protects: bool = True
    workers: int = 1
    delay_s: float = DELAY_S


OURS, FAIR = Setting(), Setting(protects=False)
"""The template's annotators, which protect themselves, and those that the origin is given."""


def outcome(scaling: Scaling, days: Sequence[Jobs], setting: Setting = OURS) -> PolicyOutcome:
    """Run every one of `days` by itself until all is done; waits are pooled, costs are added."""
    return summary([run(scaling, jobs, setting) for jobs in days])


def run(scaling: Scaling, jobs: Jobs, setting: Setting = OURS) -> Run:
    """One run until all is done and the group is back at its smallest."""
    tier = Annotators(jobs, setting.workers, setting.protects)
    simulation = SimulationRun(scaling, tier, delays=delays(setting.delay_s))
    return tier, simulation.run(LONGEST_MIN, until_idle=True)


def summary(runs: Sequence[Run]) -> PolicyOutcome:
    """Runs of one policy as one outcome."""
    tiers, simulations = [tier for tier, _ in runs], [simulation for _, simulation in runs]
    waits = sorted(wait for tier in tiers for wait in tier.waits())
    return PolicyOutcome(
        len(waits),
        max(tier.drained_minutes() for tier in tiers),
        percentile(waits, 0.95),
        sum(simulation.group.cost_minutes() for simulation in simulations),
        sum(tier.interrupted for tier in tiers),
        sum(simulation.fights for simulation in simulations),
        max(max(simulation.serving) for simulation in simulations),
    )


def ratios(ours: PolicyOutcome, theirs: PolicyOutcome) -> dict[str, Any]:
    """Above 1 is better for drain and wait, below 1 for instance-minutes; both sides follow."""
    wait = max(theirs.p95_wait_s, NO_WAIT_S) / max(ours.p95_wait_s, NO_WAIT_S)
    return {
        "drain_ratio": round(theirs.drain_min / ours.drain_min, 3),
        "p95_wait_ratio": round(wait, 3),
        "instance_minutes_ratio": round(ours.instance_min / theirs.instance_min, 4),
        "interrupted": ours.interrupted,
        "fights": ours.fights,
        "ours": asdict(ours),
        "theirs": asdict(theirs),
    }


class Comparison:
    """The policies of one template against the origin's, with one seed and one metric delay."""

    def __init__(self, template: Path, seed: int = 1, delay_s: float = DELAY_S) -> None:
        """Reads both; raises ValueError, OSError where the template cannot be used."""
        self.template, self.seed, self.delay_s = template, seed, delay_s
        self.origin = read(ORIGIN, GROUP)
        read(template, GROUP)

    def ours(self, job_s: float, days: Sequence[Jobs], workers: int = 1) -> PolicyOutcome:
        """The template's policies, set for jobs of `job_s`."""
        scaling = read(self.template, GROUP, settings(job_s, workers))
        return outcome(scaling, days, replace(OURS, workers=workers, delay_s=self.delay_s))

    def theirs(self, days: Sequence[Jobs], smallest: int = 2, workers: int = 1) -> PolicyOutcome:
        """The origin's policies with a fair worker: it loses nothing, but nothing protects it."""
        limits = replace(self.origin.limits, smallest=smallest)
        scaling = replace(self.origin, limits=limits)
        return outcome(scaling, days, replace(FAIR, workers=workers, delay_s=self.delay_s))

    def burst(self, job_s: float) -> dict[str, Any]:
        """4,000 jobs at once."""
        return self._against(job_s, lambda seed: loads.burst(job_s, seed=seed), 1)

    def late_metrics(self, job_s: float) -> dict[str, Any]:
        """4,000 jobs at once, and days, by the minutes that our metrics are late.

        The origin's has this comparison's delay, which hardly matters: it counts 10 minutes.
        """
        theirs = self.theirs([loads.burst(job_s, seed=self.seed)])
        return {str(minutes): self._late(job_s, minutes, theirs) for minutes in LATE_MIN}

    def _late(self, job_s: float, minutes: int, theirs: PolicyOutcome) -> dict[str, Any]:
        late = Comparison(self.template, self.seed, 60.0 * minutes)
        days = late.ours(job_s, self._make(lambda seed: loads.day(job_s, seed), DAYS)())
        burst = late.ours(job_s, [loads.burst(job_s, seed=self.seed)])
        return ratios(burst, theirs) | {"day": asdict(days)}

    def steady(self, job_s: float) -> dict[str, Any]:
        """Six hours of work for five instances."""
        return self._against(job_s, lambda s: loads.steady(job_s, 5.0, 6 * 3600, s), 1)

    def day(self, job_s: float) -> dict[str, Any]:
        """Days with peaks; also against an origin that waits no longer, and against the draft."""
        make = self._make(lambda seed: loads.day(job_s, seed), DAYS)
        report = self._against(job_s, lambda seed: loads.day(job_s, seed), DAYS)
        ours = PolicyOutcome(**report["ours"])
        report["equal_wait"] = self._equal_wait(ours, make)
        setting = replace(OURS, delay_s=self.delay_s)
        draft = outcome(read(POLICY_B, GROUP, settings_b(job_s)), make(), setting)
        report["policy_b"] = ratios(ours, draft)
        return report

    def two_workers(self, job_s: float) -> dict[str, Any]:
        """4,000 jobs at once where every instance runs two at a time."""
        ours = self.ours(job_s, [loads.burst(job_s, seed=self.seed)], workers=2)
        return ratios(ours, self.theirs([loads.burst(job_s, seed=self.seed)], workers=2))

    def defaults(self, job_s: float) -> dict[str, Any]:
        """The days with the parameters' defaults, whatever time the jobs take."""
        scaling = read(self.template, GROUP, {"AnnotatorWorkers": 1})
        make = self._make(lambda seed: loads.day(job_s, seed), DAYS)
        ours = outcome(scaling, make(), replace(OURS, delay_s=self.delay_s))
        return ratios(ours, self.theirs(make()))

    def origin_worker(self, job_s: float) -> dict[str, Any]:
        """The part of 4,000 jobs that the origin's own worker loses under the origin's policies."""
        parts = sorted(self._lost(job_s, self.seed + number) for number in range(WORKER_RUNS))
        return {
            "lost_least": parts[0],
            "lost_mean": sum(parts) / len(parts),
            "lost_most": parts[-1],
        }

    def _lost(self, job_s: float, seed: int) -> float:
        """The part of the jobs that one run loses, which depends on the instances that end."""
        tier = ForkingAnnotators(loads.burst(job_s, seed=seed), seed)
        late = delays(self.delay_s)
        SimulationRun(self.origin, tier, seed=seed, delays=late).run(WORKER_RUN_MIN)
        return tier.lost / len(tier.jobs)

    def _make(self, make: Callable[[int], Jobs], count: int) -> Callable[[], list[Jobs]]:
        """A maker of fresh jobs: a run changes the jobs that it gets."""
        return lambda: [make(self.seed + number) for number in range(count)]

    def _against(self, job_s: float, load: Callable[[int], Jobs], count: int) -> dict[str, Any]:
        make = self._make(load, count)
        return ratios(self.ours(job_s, make()), self.theirs(make()))

    def _equal_wait(self, ours: PolicyOutcome, make: Callable[[], list[Jobs]]) -> dict[str, Any]:
        """Our instance-minutes against the origin's at a minimum that gives it our waits."""
        for smallest in range(self.origin.limits.smallest, self.origin.limits.largest + 1):
            theirs = self.theirs(make(), smallest)
            if theirs.p95_wait_s <= max(ours.p95_wait_s, NO_WAIT_S):
                break
        return {
            "origin_smallest": smallest,
            "origin_p95_wait_s": theirs.p95_wait_s,
            "instance_minutes_ratio": round(ours.instance_min / theirs.instance_min, 4),
        }
