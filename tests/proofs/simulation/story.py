"""A failed run as a short story."""

import re
from collections.abc import Iterator

from tests.proofs.simulation.plan import Setting
from tests.proofs.simulation.run import Outcome
from tests.proofs.simulation.scheduler import START_S

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST = 40
"""Lines of a story; what is between its beginning and its end is left out."""
SHOWN = 3


def story(seed: int, outcome: Outcome) -> str:
    """The violations, the world, all that happened, and how to see it again."""
    lines = [f"seed {seed}: {text}" for text in outcome.violations[:SHOWN]]
    lines.append(f"  with {_setting(outcome.plan.setting)}")
    lines += list(_events(outcome))
    lines.append(f"  again: ./gas faults --plan '{outcome.plan}'")
    return _numbered("\n".join(lines))


def _setting(setting: Setting) -> str:
    plain = vars(Setting())
    unusual = [f"{n} {v}" for n, v in vars(setting).items() if v != plain[n]]
    return ", ".join(unusual) or "nothing unusual"


def _events(outcome: Outcome) -> Iterator[str]:
    events = [f"  {when - START_S:>10.1f} s  {text}" for when, text in outcome.record.story]
    if len(events) > MOST:
        half = MOST // 2
        events = [*events[:half], f"  … {len(events) - MOST} more …", *events[-half:]]
    yield from events


def _numbered(text: str) -> str:
    """The text with short names for ids."""
    names: dict[str, str] = {}
    for found in UUID.findall(text):
        names.setdefault(found, f"#{len(names) + 1}")
    return UUID.sub(lambda match: names[match[0]], text)
