"""The geometry of the pictures on a job's page; templates draw them as SVG."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WIDTH = 640
HEIGHT = 120


@dataclass(frozen=True)
class Bar:
    """One horizontal bar; `length` is its part of the longest, 0 to 1.

    That of all the others together has none: it would be the longest, and tell nothing.
    """

    label: str
    count: int
    length: float | None


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


def bars(counts: Mapping[str, int], most: int) -> list[Bar]:
    """The greatest counts, greatest first; then all the others together."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    longest = max(counts.values(), default=0) or 1
    shown = [Bar(label, count, count / longest) for label, count in ordered[:most]]
    rest = ordered[most:]
    words = f"{len(rest):,} other{'s' * (len(rest) > 1)} together"
    return [*shown, Bar(words, sum(count for _, count in rest), None)] if rest else shown


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
