"""All results of a simulation, and the same as tables that a terminal and docs/ both show."""

import math
from pathlib import Path
from typing import Any

from aws.simulate import capacity, observed
from aws.simulate.compare import INSTANCE_HOUR_USD, JOB_SECONDS, Comparison
from aws.simulate.metrics import DELAY_S
from aws.simulate.tables import markdown
from aws.simulate.web_compare import WebComparison

Results = dict[str, Any]
VARIANTS = (1_000, 100_000, 5_000_000)
DEMANDS = (20, 200, 2_000, 20_000, 100_000)
"""Jobs an hour of the capacity table."""


def everything(template: Path, seed: int, delay_s: float = DELAY_S) -> Results:
    """Run it all; the keys are those of `./gas simulate --json`.

    Raises ValueError, OSError where the template cannot be used.
    """
    comparison = Comparison(template, seed, delay_s)
    results: Results = {"seed": seed, "reproduce": observed.report(seed)}
    for name in ("burst", "late_metrics", "steady", "day", "two_workers", "defaults"):
        of = getattr(comparison, name)
        results[name] = {str(job_s): of(job_s) for job_s in JOB_SECONDS}
    results["origin_worker"] = comparison.origin_worker(60)
    results["web"] = WebComparison(template, delay_s).all()
    results["capacity"] = capacity_rows(template)
    return results


def capacity_rows(template: Path) -> list[dict[str, Any]]:
    """Every limit with the jobs an hour at which it gives way, the first to go first."""
    every = capacity.limits(capacity.sizes(template))
    rows = [
        {
            "limit": limit.name,
            "holds": limit.holds,
            "unit": limit.unit,
            "jobs_hour": {str(v): _finite(limit.jobs_hour(v)) for v in VARIANTS},
            "source": limit.page,
            "remedy": limit.remedy,
        }
        for limit in every
    ]
    return sorted(rows, key=lambda row: row["jobs_hour"][str(VARIANTS[1])] or math.inf)


def text(results: Results, template: Path) -> str:
    """The results as Markdown tables, each under its heading."""
    sections = [
        ("Simulated against observed", reproduce_table(results)),
        ("4,000 jobs at once", annotator_table(results["burst"])),
        ("4,000 jobs at once, by the delay of metrics", late_table(results["late_metrics"])),
        ("Steady work for five instances, six hours", annotator_table(results["steady"])),
        ("Three days with peaks", annotator_table(results["day"])),
        ("The same days at equal wait, and against the earlier draft", draft_table(results)),
        (
            "4,000 jobs at once, two at a time on an instance",
            annotator_table(results["two_workers"]),
        ),
        ("Three days with the default parameters", annotator_table(results["defaults"])),
        ("Web", web_table(results)),
        ("What a load takes", demand_table(template)),
        ("What gives way, and when", capacity_table(results)),
    ]
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in sections) + "\n"


def reproduce_table(results: Results) -> str:
    """The agreement of the two recorded runs with their simulation."""
    head = ("group", "minutes", "equal", "largest error", "worst step", "equal with nothing given")
    web, annotator = results["reproduce"]["web"], results["reproduce"]["annotator"]
    unaided = (
        web["equal_without_the_late_evaluation"],
        annotator["equal_without_the_slow_termination"],
    )
    return markdown(
        head,
        (
            (name, one["minutes"], one["equal"], one["largest_error"], _late(one), alone)
            for name, one, alone in zip(
                ("web", "annotators"), (web, annotator), unaided, strict=True
            )
        ),
    )


def annotator_table(by_seconds: Results) -> str:
    """One load for each job time: ours, the origin's, and the ratios."""
    head = (
        "job",
        "drained (min)",
        "p95 wait (min)",
        "instance-min",
        "USD",
        "interrupted",
        "fights",
        "drain",
        "p95 wait",
        "instance-min a job",
    )
    return markdown(head, (_row(seconds, report) for seconds, report in by_seconds.items()))


def _row(seconds: str, report: Results) -> tuple[object, ...]:
    ours, theirs = report["ours"], report["theirs"]
    return (
        f"{seconds} s",
        f"{ours['drain_min']:.0f} / {theirs['drain_min']:.0f}",
        f"{ours['p95_wait_s'] / 60:.1f} / {theirs['p95_wait_s'] / 60:.1f}",
        f"{ours['instance_min']:.0f} / {theirs['instance_min']:.0f}",
        f"{_usd(ours):.2f} / {_usd(theirs):.2f}",
        f"{ours['interrupted']} / {theirs['interrupted']}",
        f"{ours['fights']} / {theirs['fights']}",
        f"{report['drain_ratio']:.2f} × faster",
        f"{report['p95_wait_ratio']:.2f} × shorter",
        f"{report['instance_minutes_ratio']:.2f} of it",
    )


def late_table(by_seconds: Results) -> str:
    """The burst for each delay of SQS's metrics, and the waits and fights of the days."""
    head = (
        "job",
        "metrics late by",
        "drained (min)",
        "drain",
        "instance-min a job",
        "p95 wait on days (min)",
        "interrupted",
        "fights, burst / days",
    )
    rows = [
        _late_row(seconds, minutes, report)
        for seconds, by_minutes in by_seconds.items()
        for minutes, report in by_minutes.items()
    ]
    return markdown(head, rows)


def _late_row(seconds: str, minutes: str, report: Results) -> tuple[object, ...]:
    ours, day = report["ours"], report["day"]
    return (
        f"{seconds} s",
        f"{minutes} min",
        f"{ours['drain_min']:.0f} / {report['theirs']['drain_min']:.0f}",
        f"{report['drain_ratio']:.2f} × faster",
        f"{report['instance_minutes_ratio']:.2f} of it",
        f"{day['p95_wait_s'] / 60:.1f}",
        ours["interrupted"] + day["interrupted"],
        f"{ours['fights']} / {day['fights']}",
    )


def draft_table(results: Results) -> str:
    """The days again: the origin with a minimum that gives our wait, and policy B."""
    head = (
        "job",
        "origin's minimum for our wait",
        "our instance-min of that",
        "p95 wait against policy B",
        "instance-min of policy B's",
        "fights, ours / B's",
    )
    return markdown(head, (_draft_row(s, report) for s, report in results["day"].items()))


def _draft_row(seconds: str, report: Results) -> tuple[object, ...]:
    equal, draft = report["equal_wait"], report["policy_b"]
    return (
        f"{seconds} s",
        equal["origin_smallest"],
        f"{equal['instance_minutes_ratio']:.2f}",
        f"{draft['p95_wait_ratio']:.2f} × shorter",
        f"{draft['instance_minutes_ratio']:.2f}",
        f"{draft['fights']} / {draft['theirs']['fights']}",
    )


def web_table(results: Results) -> str:
    """Every web load: ours and the origin's."""
    head = (
        "load",
        "mean (ms)",
        "slower than 1 s (%)",
        "failed (%)",
        "instance-min",
        "instance-min of the origin's",
    )
    keys = ("mean_ms", "slow_percent", "failed_percent", "instance_min")
    return markdown(
        head,
        (
            (
                name,
                *(f"{report['ours'][key]} / {report['theirs'][key]}" for key in keys),
                f"{report['instance_minutes_ratio']:.2f}",
            )
            for name, report in results["web"].items()
        ),
    )


def demand_table(template: Path) -> str:
    """Instances and cost for jobs an hour of so many variants."""
    size = capacity.sizes(template)
    head = ("jobs an hour", "users", *(f"annotators at {v:,} variants" for v in VARIANTS), "web")
    rows = []
    for jobs_hour in DEMANDS:
        demands = [capacity.Demand(jobs_hour, variants) for variants in VARIANTS]
        annotators = [size.annotators(demand) for demand in demands]
        cells = [f"{n:,} ({n * INSTANCE_HOUR_USD:,.2f} USD/h)" for n in annotators]
        users = jobs_hour * capacity.USERS_A_JOB_HOUR
        rows.append((f"{jobs_hour:,}", f"{users:,.0f}", *cells, size.web(demands[0])))
    return markdown(head, rows)


def capacity_table(results: Results) -> str:
    """Every limit, the first to give way first."""
    head = (
        "what",
        "holds",
        *(f"jobs an hour at {v:,} variants" for v in VARIANTS[1:]),
        "remedy",
        "source",
    )
    return markdown(
        head,
        (
            (
                row["limit"],
                f"{row['holds']:,.0f} {row['unit']}",
                *(_jobs(row["jobs_hour"][str(v)]) for v in VARIANTS[1:]),
                row["remedy"],
                row["source"],
            )
            for row in results["capacity"]
        ),
    )


def _jobs(jobs_hour: float | None) -> str:
    """Two significant figures: the estimates bear no more."""
    return "never" if jobs_hour is None else f"{float(f'{jobs_hour:.2g}'):,.0f}"


def _finite(jobs_hour: float) -> float | None:
    """JSON has no infinity."""
    return None if math.isinf(jobs_hour) else jobs_hour


def _late(agreement: Results) -> str:
    shift = agreement["largest_shift_min"]
    return "other steps" if shift is None else f"{shift} min off"


def _usd(outcome: Results) -> float:
    return float(outcome["instance_min"]) / 60 * INSTANCE_HOUR_USD
