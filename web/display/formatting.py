"""Numbers, sizes, spans and moments as people read them."""

from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
UNITS = ("kB", "MB", "GB", "TB")


def number_words(number: int) -> str:
    return f"{number:,}"


def size_words(size: float) -> str:
    """Decimal units, as storage is sold: 150000 is 150 kB."""
    if size < 1000:
        return f"{size:.0f} byte{'' if size == 1 else 's'}"
    for unit in UNITS:
        size /= 1000
        if size < 999.95 or unit == UNITS[-1]:
            break
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"


def span_words(seconds: float) -> str:
    """At most two units: 3 min 20 s."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < HOUR_S:
        return _two(whole // MINUTE_S, "min", whole % MINUTE_S, "s")
    if whole < 2 * DAY_S:
        return _two(whole // HOUR_S, "h", whole % HOUR_S // MINUTE_S, "min")
    return _two(whole // DAY_S, "days", whole % DAY_S // HOUR_S, "h")


def moment_words(time: float) -> str:
    """The moment in UTC, to the minute; `time` is epoch seconds."""
    return f"{_utc(time):%-d %b %Y, %H:%M} UTC"


def iso(time: float) -> str:
    """The moment for a machine: the datetime of a <time> element."""
    return f"{_utc(time):%Y-%m-%dT%H:%M:%SZ}"


def ago_words(time: float, now: float) -> str:
    """The span between `time` and `now`, past or to come, in one unit."""
    seconds = round(now - time)
    if abs(seconds) < 5:
        return "just now"
    span = _one(abs(seconds))
    return f"{span} ago" if seconds > 0 else f"in {span}"


def _one(seconds: int) -> str:
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{round(seconds / MINUTE_S)} min"
    if seconds < 2 * DAY_S:
        return f"{round(seconds / HOUR_S)} h"
    return f"{round(seconds / DAY_S)} days"


def _two(high: int, high_unit: str, low: int, low_unit: str) -> str:
    parts = [f"{high} {high_unit}" if high else "", f"{low} {low_unit}" if low or not high else ""]
    return " ".join(p for p in parts if p)


def _utc(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
