"""Markdown tables and percentiles, for reports on a terminal and in docs/."""

from collections.abc import Iterable, Sequence


def markdown(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, without a newline at its end."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the sorted `values` lie; 0 of none."""
    return values[min(int(part * len(values)), len(values) - 1)] if values else 0.0
