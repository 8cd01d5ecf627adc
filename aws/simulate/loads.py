"""Synthetic loads: jobs for the annotators, requests for the web; the same seed, the same load."""

import math
from random import Random

from aws.simulate.annotators import SimulatedJob
from aws.simulate.web import Load

SPREAD = 0.5
"""Sigma of the logarithm of the job times: most jobs lie within a factor of 1.6 of the median."""
DAY_S = 12 * 3600
DAY_BASE, DAY_PEAK = 0.2, 8.0
"""The day in instances' worth of work: a base, and what each peak adds to it."""
PEAKS_AT_S = (1 * 3600.0, 4.5 * 3600.0, 8 * 3600.0)
PEAK_S, PEAK_RISE_S = 2700.0, 300.0
"""A peak's length, and the time that its rise and its fall take."""


def seconds_of(job_s: float, random: Random) -> float:
    """One job's time, log-normal about a mean of `job_s`."""
    return random.lognormvariate(math.log(job_s) - SPREAD**2 / 2, SPREAD)


def burst(job_s: float, count: int = 4000, seed: int = 1) -> list[SimulatedJob]:
    """`count` jobs within the first half minute."""
    random = Random(seed)  # noqa: S311 (a simulation)
    return [SimulatedJob(30 * number / count, seconds_of(job_s, random)) for number in range(count)]


def steady(job_s: float, instances: float, length_s: float, seed: int = 1) -> list[SimulatedJob]:
    """Jobs at random, on average work for `instances` instances."""
    return _poisson(lambda second: instances, instances, job_s, length_s, seed)


def day(job_s: float, seed: int = 1) -> list[SimulatedJob]:
    """Twelve hours with two peaks, in work the same for any `job_s`."""
    return _poisson(day_instances, DAY_BASE + DAY_PEAK, job_s, DAY_S, seed)


def day_instances(second: float) -> float:
    """Instances' worth of work that arrive at `second` of the day."""
    return DAY_BASE + DAY_PEAK * max(_peak(second - begins) for begins in PEAKS_AT_S)


def _peak(second: float) -> float:
    """The height of a peak, 0 to 1, so long after it began."""
    return min(max(min(second, PEAK_S - second) / PEAK_RISE_S, 0.0), 1.0)


def _poisson(
    work: Load, most: float, job_s: float, length_s: float, seed: int
) -> list[SimulatedJob]:
    """A Poisson process thinned to `work` instances' worth of jobs."""
    random = Random(seed)  # noqa: S311 (a simulation)
    jobs: list[SimulatedJob] = []
    second = random.expovariate(most / job_s)
    while second < length_s:
        if random.random() * most < work(second):
            jobs.append(SimulatedJob(second, seconds_of(job_s, random)))
        second += random.expovariate(most / job_s)
    return jobs


def web_steady(requests_s: float) -> Load:
    """The same number of requests in every second."""
    return lambda second: requests_s


def web_step(before_s: float, after_s: float, at_s: float) -> Load:
    """A step from one rate to another."""
    return lambda second: before_s if second < at_s else after_s


def web_burst(low_s: float, high_s: float, at_s: float, length_s: float) -> Load:
    """High for `length_s` from `at_s` on, low before and after."""
    return lambda second: high_s if at_s <= second < at_s + length_s else low_s


def web_sawtooth(low_s: float, high_s: float, period_s: float) -> Load:
    """High for the first half of every period, low for the other."""
    return lambda second: high_s if second % period_s < period_s / 2 else low_s
