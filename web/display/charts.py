"""The geometry of the pictures on a job's page; templates draw them as SVG."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_BARS = 12
WIDTH = 640
HEIGHT = 120


@dataclass(frozen=True)
class Bar:
    """One horizontal bar; `length` is its part of the longest, 0 to 1."""

    label: str
    count: int
    length: float


@dataclass(frozen=True)
class Column:
    """One column of a histogram, in the units of its SVG; `start` and `end` are 1-based."""

    x: float
    y: float
    width: float
    height: float
    start: int
    end: int
    count: int


def bars(counts: Mapping[str, int], most: int = MAX_BARS) -> list[Bar]:
    """The greatest counts, greatest first; the rest is one bar, `other`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ordered[:most], sum(count for _, count in ordered[most:])
    if rest:
        shown.append(("other", rest))
    longest = max((count for _, count in shown), default=0) or 1
    return [Bar(label, count, count / longest) for label, count in shown]


def columns(counts: Iterable[int], length: int) -> list[Column]:
    """A histogram of variants along a contig of `length` bases, in bins of equal width."""
    heights = list(counts)
    if not heights:
        return []
    step, highest = WIDTH / len(heights), max(heights) or 1
    bases = length / len(heights)
    return [
        Column(
            x=round(i * step, 2),
            y=round(HEIGHT * (1 - count / highest), 2),
            width=round(step * 0.9, 2),
            height=round(HEIGHT * count / highest, 2),
            start=int(i * bases) + 1,
            end=int((i + 1) * bases),
            count=count,
        )
        for i, count in enumerate(heights)
    ]
