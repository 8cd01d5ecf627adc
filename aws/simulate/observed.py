"""Two recorded runs of the origin's groups, read off its charts, and the same runs simulated."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

from aws.simulate.annotators import Annotators, SimulatedJob
from aws.simulate.clock import MINUTE_S
from aws.simulate.group import Timing
from aws.simulate.plot import Line, Panel
from aws.simulate.run import SimulationRun
from aws.simulate.template import ORIGIN, read
from aws.simulate.web import Instances, WebTier

Steps = tuple[tuple[str, int], ...]

WEB_STEPS: Steps = (
    ("17:05", 2), ("17:18", 3), ("17:24", 4), ("17:30", 5), ("17:35", 4), ("17:36", 5),
    ("17:43", 6), ("17:49", 7), ("17:55", 8), ("18:01", 9), ("18:07", 10), ("18:12", 9),
    ("18:13", 8), ("18:14", 7), ("18:15", 6), ("18:16", 5), ("18:17", 4), ("18:18", 3),
    ("18:19", 2),
)  # fmt: skip
ANNOTATOR_STEPS: Steps = (
    ("07:45", 2), ("08:01", 3), ("08:08", 4), ("08:14", 5), ("08:20", 6), ("08:26", 7),
    ("08:32", 8), ("08:38", 9), ("08:44", 10), ("09:08", 9), ("09:10", 8), ("09:12", 7),
    ("09:14", 6), ("09:16", 5), ("09:17", 4), ("09:20", 3), ("09:23", 2),
)  # fmt: skip
"""In-service instances from each minute on; the first entry is where the chart begins."""
WEB_END, ANNOTATOR_END = "18:20", "09:30"
TERMINATE_SPREAD_S = 35.0
"""The standard deviation that fits the annotators' terminations best."""


@dataclass(frozen=True)
class Fit:
    """Unrecorded values of the recorded runs, chosen so that the simulation reproduces them."""

    start_s: float = 54.0
    first_start_s: float = 75.0
    web_terminate_s: float = 10.0
    web_load: tuple[str, str] = ("17:15", "18:10")
    web_requests_s: float = 10.0
    trickle_requests_s: float = 0.05
    web_late: Mapping[str, float] = field(default_factory=lambda: {"17:35": 15.0})
    terminate_s: float = 95.0
    slow_terminations: Mapping[int, float] = field(default_factory=lambda: {6: 130.0})
    pump: tuple[str, str] = ("07:50", "08:58")
    pump_every_s: float = 10.0


FIT = Fit()


def minute_of(clock: str) -> int:
    """Minutes since midnight of "HH:MM"."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def curve(steps: Steps, end: str) -> list[int]:
    """The count of every minute, from the first entry to `end`, both included."""
    starts = [(minute_of(clock), count) for clock, count in steps]
    first, last = starts[0][0], minute_of(end)
    return [
        next(count for start, count in reversed(starts) if start <= minute)
        for minute in range(first, last + 1)
    ]


def web_run(fit: Fit = FIT) -> SimulationRun:
    """The origin's web group under the load of its recorded run."""
    first = minute_of(WEB_STEPS[0][0])
    begins, ends = ((minute_of(clock) - first) * MINUTE_S for clock in fit.web_load)

    def load(second: float) -> float:
        return fit.web_requests_s if begins <= second < ends else fit.trickle_requests_s

    late = {("WebOut", minute_of(clock) - first): s for clock, s in fit.web_late.items()}
    timing = Timing(lambda _: fit.start_s, lambda _: fit.web_terminate_s)
    tier = WebTier(load, Instances(requests_s=50.0))
    simulation = SimulationRun(read(ORIGIN, "WebGroup"), tier, timing, late=late)
    return simulation.run(minute_of(WEB_END) - first + 1)


def annotator_run(fit: Fit = FIT) -> SimulationRun:
    """The origin's annotator group under the message pump of its recorded run."""
    first = minute_of(ANNOTATOR_STEPS[0][0])
    begins, ends = ((minute_of(clock) - first) * MINUTE_S for clock in fit.pump)
    count = int((ends - begins) / fit.pump_every_s)
    jobs = [SimulatedJob(begins + number * fit.pump_every_s, 5.0) for number in range(count)]
    timing = Timing(
        lambda launch: fit.start_s if launch else fit.first_start_s,
        lambda ended: fit.slow_terminations.get(ended, fit.terminate_s),
    )
    simulation = SimulationRun(
        read(ORIGIN, "AnnotatorGroup"), Annotators(jobs, protects=False), timing
    )
    return simulation.run(minute_of(ANNOTATOR_END) - first + 1)


@dataclass(frozen=True)
class Agreement:
    """Two curves compared minute by minute: errors in instances, and in minutes of a step."""

    minutes: int
    equal: int
    largest_error: int
    largest_shift_min: int | None
    """Minutes by which the worst step is early or late; None where the steps differ."""


def compare(observed: list[int], simulated: list[int]) -> Agreement:
    """Compare two curves of the same length."""
    errors = [abs(a - b) for a, b in zip(observed, simulated, strict=True)]
    return Agreement(len(errors), errors.count(0), max(errors), _shift(observed, simulated))


def _shift(observed: list[int], simulated: list[int]) -> int | None:
    (when, to), (when_too, to_too) = _steps(observed), _steps(simulated)
    if to != to_too:
        return None
    return max((abs(a - b) for a, b in zip(when, when_too, strict=True)), default=0)


def _steps(counts: list[int]) -> tuple[list[int], list[int]]:
    """The minutes at which a curve changes, and the counts that it changes to."""
    when = [m for m in range(1, len(counts)) if counts[m] != counts[m - 1]]
    return when, [counts[minute] for minute in when]


def web(fit: Fit = FIT) -> Agreement:
    """The web group: observed against simulated."""
    return compare(curve(WEB_STEPS, WEB_END), web_run(fit).serving)


def annotator(fit: Fit = FIT) -> Agreement:
    """The annotator group: observed against simulated."""
    return compare(curve(ANNOTATOR_STEPS, ANNOTATOR_END), annotator_run(fit).serving)


def drawn(seed: int, runs: int = 100) -> list[int]:
    """Equal minutes of the annotator group, sorted, with termination times drawn at random."""
    equal = []
    for number in range(runs):
        random = Random(seed + number)  # noqa: S311 (a simulation)
        times = {i: max(5.0, random.gauss(FIT.terminate_s, TERMINATE_SPREAD_S)) for i in range(8)}
        equal.append(annotator(replace(FIT, slow_terminations=times)).equal)
    return sorted(equal)


def report(seed: int) -> dict[str, Any]:
    """Both groups' agreement, with and without the inputs that were given."""
    spread = drawn(seed)
    middle, last = len(spread) // 2, len(spread) - 1
    unaided_web, unaided = replace(FIT, web_late={}), replace(FIT, slow_terminations={})
    return {
        "web": asdict(web()) | {"equal_without_the_late_evaluation": web(unaided_web).equal},
        "annotator": asdict(annotator())
        | {
            "equal_without_the_slow_termination": annotator(unaided).equal,
            "equal_with_drawn_terminations": [spread[0], spread[middle], spread[last]],
        },
    }


def panels() -> list[Panel]:
    """Both groups, to draw."""
    runs = (
        ("Web instances in service", WEB_STEPS, WEB_END, web_run()),
        ("Annotators in service", ANNOTATOR_STEPS, ANNOTATOR_END, annotator_run()),
    )
    return [
        Panel(
            title,
            minute_of(steps[0][0]),
            [Line("observed", curve(steps, end)), Line("simulated", simulation.serving)],
        )
        for title, steps, end, simulation in runs
    ]
