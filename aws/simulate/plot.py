"""Charts of instance counts as SVG, drawn by hand: no library, readable in a diff, accessible."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, TOP, RIGHT, BOTTOM = 900, 260, 48, 44, 20, 40
REPRODUCED = (
    "Instances in service, observed on AWS and simulated",
    "Two charts over the minutes of a recorded run. Web: from 2 to 10 by one every six minutes, "
    "with a dip at 17:35, then down by one a minute. Annotators: up by one every six minutes, then "
    "down. Simulated lies on observed but for one minute, 09:17.",
)
"""Title and description of the chart in docs/."""
STYLES = (
    'stroke="#c9a227" stroke-width="7" stroke-opacity="0.55"',
    'stroke="#1f3d7a" stroke-width="2"',
)
TICKS = 8
"""About so many labels on the time axis."""


@dataclass(frozen=True)
class Line:
    """One count for every minute."""

    label: str
    values: Sequence[int]


@dataclass(frozen=True)
class Panel:
    """Lines over the same minutes; `starts` is the first, as minutes since midnight."""

    title: str
    starts: int
    lines: Sequence[Line]

    @property
    def minutes(self) -> int:
        """The length of the longest line."""
        return max(len(line.values) for line in self.lines)


def chart(title: str, description: str, panels: Sequence[Panel]) -> str:
    """An SVG document: the panels one above the other, with a title and a description to read."""
    height = PANEL * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title description" font-family="sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {PANEL * number})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> list[str]:
    most = max(max(line.values) for line in panel.lines)
    parts = [f'<text x="{LEFT}" y="20" font-weight="bold">{escape(panel.title)}</text>']
    parts += _grid(panel, most)
    for line, style in zip(panel.lines, STYLES, strict=False):
        path = _path(line.values, panel.minutes, most)
        parts.append(f'<path d="{path}" fill="none" stroke-linejoin="round" {style}/>')
    return parts + _legend(panel.lines)


def _x(minute: float, minutes: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * minute / minutes, 1)


def _y(count: float, most: int) -> float:
    return round(PANEL - BOTTOM - (PANEL - TOP - BOTTOM) * count / most, 1)


def _path(values: Sequence[int], minutes: int, most: int) -> str:
    """A stair: each count holds for its whole minute."""
    steps = [f"M{_x(0, minutes)} {_y(values[0], most)}"]
    for minute, value in enumerate(values):
        steps.append(f"V{_y(value, most)}H{_x(minute + 1, minutes)}")
    return "".join(steps)


def _grid(panel: Panel, most: int) -> list[str]:
    parts = []
    for count in range(0, most + 1, max(1, most // 5)):
        y = _y(count, most)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{count}</text>')
    for minute in range(0, panel.minutes, _spacing(panel.minutes)):
        hours, rest = divmod(panel.starts + minute, 60)
        x = _x(minute, panel.minutes)
        label = f"{hours % 24:02}:{rest:02}"
        parts.append(f'<text x="{x}" y="{PANEL - 16}" text-anchor="middle">{label}</text>')
    return parts


def _spacing(minutes: int) -> int:
    """Minutes between two labels: the first round figure that leaves few enough."""
    spacings = (5, 10, 15, 30, 60, 120, 240, 480, 1440)
    return next((s for s in spacings if minutes / s <= TICKS + 2), minutes)


def _legend(lines: Sequence[Line]) -> list[str]:
    parts = []
    for number, (line, style) in enumerate(zip(lines, STYLES, strict=False)):
        x = WIDTH - RIGHT - 170 * (len(lines) - number)
        parts.append(f'<path d="M{x} 16h30" {style}/>')
        parts.append(f'<text x="{x + 38}" y="20">{escape(line.label)}</text>')
    return parts
