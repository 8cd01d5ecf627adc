"""A load that the operator brings: a CSV file of jobs or of requests, minute by minute."""

import csv
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

from aws.simulate.annotators import SimulatedJob
from aws.simulate.clock import MINUTE_S
from aws.simulate.compare import FAIR, OURS, Comparison, Jobs, ratios, run, settings, summary
from aws.simulate.loads import seconds_of
from aws.simulate.plot import Line, Panel
from aws.simulate.run import SimulationRun
from aws.simulate.template import read
from aws.simulate.web_compare import WebComparison

Result = tuple[dict[str, Any], Panel]
"""The report for the JSON output, and the panel for the chart."""


class LoadFile:
    """A CSV file with the header `minute,jobs` or `minute,requests`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, and ValueError with the line where the file is not of that form."""
        with path.open(newline="") as lines:
            rows = list(csv.reader(lines))
        if not rows or rows[0] not in (["minute", "jobs"], ["minute", "requests"]):
            raise ValueError(f"{path}: the first line must be minute,jobs or minute,requests")
        self.kind = rows[0][1]
        self.counts: dict[int, int] = {}
        for number, row in enumerate(rows[1:], start=2):
            self._take(f"{path}, line {number}", row)
        if not self.counts:
            raise ValueError(f"{path}: no minute in it")

    def _take(self, where: str, row: list[str]) -> None:
        try:
            minute, count = (int(cell) for cell in row)
        except ValueError:
            raise ValueError(f"{where}: not two whole numbers: {','.join(row)}") from None
        if minute < 0 or count < 0:
            raise ValueError(f"{where}: neither may be below 0")
        self.counts[minute] = count

    def jobs(self, job_s: float, seed: int) -> Jobs:
        """The jobs, spread evenly over their minutes."""
        random = Random(seed)  # noqa: S311 (a simulation)
        return [
            SimulatedJob(MINUTE_S * (minute + number / count), seconds_of(job_s, random))
            for minute, count in sorted(self.counts.items())
            for number in range(count)
        ]

    def requests_s(self, second: float) -> float:
        """Requests a second."""
        return self.counts.get(int(second // MINUTE_S), 0) / MINUTE_S


def simulate(file: LoadFile, template: Path, job_s: float, seed: int, delay_s: float) -> Result:
    """The file's load under the template's policies and the origin's."""
    if file.kind == "requests":
        return _web(file, template, delay_s)
    return _annotators(file, template, job_s, seed, delay_s)


def _annotators(file: LoadFile, template: Path, job_s: float, seed: int, delay_s: float) -> Result:
    comparison = Comparison(template, seed)
    scaling = read(template, "AnnotatorGroup", settings(job_s))
    ours = run(scaling, file.jobs(job_s, seed), replace(OURS, delay_s=delay_s))
    theirs = run(comparison.origin, file.jobs(job_s, seed), replace(FAIR, delay_s=delay_s))
    report = ratios(summary([ours]), summary([theirs]))
    return {"load": {"annotator": report}}, _panel("Annotators in service", ours[1], theirs[1])


def _web(file: LoadFile, template: Path, delay_s: float) -> Result:
    comparison = WebComparison(template, delay_s)
    minutes = max(file.counts) + 1
    (ours, mine), (theirs, other) = (
        comparison.run(scaling, file.requests_s, minutes)
        for scaling in (comparison.ours, comparison.origin)
    )
    ratio = round(ours.instance_min / theirs.instance_min, 4)
    sides = {"ours": asdict(ours), "theirs": asdict(theirs)}
    report = {"instance_minutes_ratio": ratio, **sides}
    return {"load": {"web": report}}, _panel("Web instances in service", mine, other)


def _panel(title: str, ours: SimulationRun, theirs: SimulationRun) -> Panel:
    lines = [Line("the origin's policies", theirs.serving), Line("this template's", ours.serving)]
    return Panel(title, 0, lines)
