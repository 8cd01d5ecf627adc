"""The age of metrics, by the very queries of the alarms that scale the annotators."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from smoke.checks import CheckFailed
from smoke.target import SmokeRun

LOOKS = 6
LOOK_S = 60.0
BACK = timedelta(minutes=15)
MOST_S = 240
"""The policies were simulated with metrics up to three minutes late; a minute is their period."""
ALARMS = ("AnnotatorBacklogAlarm", "AnnotatorIdleAlarm")
JUDGED = {"short", "idle"}
"""The expressions that these alarms go by; others may lack datapoints while nothing is at work."""

Points = dict[tuple[str, datetime], float]


def fresh(run: SmokeRun) -> str:
    """The alarms' expressions have young datapoints, and none that a later look changes.

    CloudWatch does not wait for a metric that comes late: docs/simulation.md, Late metrics.
    """
    alarms = _queries(run)
    ages: dict[str, float] = {}
    seen: Points = {}
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_S)
        now = datetime.now(UTC)
        points: Points = {}
        for queries in alarms:
            points |= _read(run, queries, now)
        _demand_steady(seen, points)
        seen |= points
        for name in {name for name, _ in points}:
            newest = max(at for one, at in points if one == name)
            ages[name] = max(ages.get(name, 0), (now - newest).total_seconds())
    ids = {query["Id"] for queries in alarms for query in queries}
    if missing := sorted(ids & JUDGED - ages.keys()):
        raise CheckFailed(
            f"{', '.join(missing)} never had a datapoint in {BACK}: the alarms see nothing"
        )
    old = {name: age for name, age in ages.items() if age > MOST_S}
    if old:
        raise CheckFailed(f"older than {MOST_S} s: {_words(old)}; see docs/simulation.md")
    return f"at most {_words(ages)}"


def _words(ages: dict[str, float]) -> str:
    return ", ".join(f"{name} {age:.0f} s" for name, age in sorted(ages.items()))


def _queries(run: SmokeRun) -> list[list[dict[str, Any]]]:
    """The queries of each alarm; all return their data."""
    alarms = [
        [{**query, "ReturnData": True} for query in alarm["Metrics"]]
        for alarm in run.target.alarms()
        if any(name in alarm["AlarmName"] for name in ALARMS)
    ]
    if not alarms:
        raise CheckFailed("the alarms that scale the annotators are not there: ./gas deploy")
    return alarms


def _read(run: SmokeRun, queries: list[dict[str, Any]], now: datetime) -> Points:
    pages = (
        run.target.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=now - BACK, EndTime=now)
    )
    return {
        (result["Id"], at.astimezone(UTC)): value
        for page in pages
        for result in page["MetricDataResults"]
        for at, value in zip(result["Timestamps"], result["Values"], strict=True)
    }


def _demand_steady(before: Points, after: Points) -> None:
    """An expression whose value changes later was evaluated too early: an alarm may have acted."""
    for (name, at), value in after.items():
        if (was := before.get((name, at), value)) != value and name in JUDGED:
            raise CheckFailed(
                f"{name} of {at:%H:%M} was {was:g} and became {value:g}: an alarm would have gone "
                "by the first; see docs/simulation.md, Late metrics"
            )
