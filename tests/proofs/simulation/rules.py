"""Each rule and each mend switched off: how many seeds until the simulation notices."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from tests.proofs.simulation.explore import outcomes
from tests.proofs.simulation.mends import SWITCHES
from tests.proofs.simulation.plan import Plan
from tests.proofs.simulation.run import Off, Outcome, run
from tests.proofs.simulation.shrink import shrink

MAX_SEEDS = 1000
SHRINK_RUNS = 60
FOUND = Path(__file__).parent / "found.json"
"""For each rule the seed that noticed, and its plan made smaller: CI runs them again."""


class Entry(TypedDict):
    """A finding as it is kept."""

    seed: int
    kinds: list[str]
    plan: dict[str, Any]


@dataclass
class Finding:
    """How the absence of a rule was noticed: by which seed, as what, and the smallest plan."""

    rule: str
    seed: int
    kinds: list[str]
    outcome: Outcome


class DivergedError(Exception):
    """A plan that is run again was another run: nothing that is found can be relied upon."""


def find(rule: str, first: int = 0, most: int = MAX_SEEDS) -> Finding | None:
    """The first seed that notices the absence of the rule; None where none of so many does.

    With the rule, the same plan must end well, and so must the smallest one. Raises DivergedError.
    """
    off = SWITCHES[rule]
    for seed, outcome in outcomes(first, most, off):
        if outcome.violations and not run(outcome.plan).violations:
            demand_same(outcome, off)
            small = shrink(outcome, off, SHRINK_RUNS)
            demand_same(small, off)
            if not run(small.plan).violations:
                return Finding(rule, seed, sorted(outcome.kinds), small)
    return None


def demand_same(outcome: Outcome, off: Off) -> None:
    """The plan, as text and parsed again, is the very same run. Raises DivergedError."""
    again = run(Plan.parse(str(outcome.plan)), off)
    if again.record.story != outcome.record.story or again.kinds != outcome.kinds:
        raise DivergedError(str(outcome.plan))


def find_all(
    rules: list[str], first: int, most: int, processes: int | None = None
) -> Iterator[tuple[str, Finding | None]]:
    """Every one of these rules, as the answers come in."""
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        waiting = {pool.submit(find, rule, first, most): rule for rule in rules}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def record(found: Finding) -> None:
    """Keep a finding for CI, in the place of an earlier one of the same rule."""
    plan = json.loads(str(found.outcome.plan))
    kept = recorded()
    kept[found.rule] = {"seed": found.seed, "kinds": sorted(found.outcome.kinds), "plan": plan}
    entries = {rule: kept[rule] for rule in SWITCHES if rule in kept}
    FOUND.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def recorded() -> dict[str, Entry]:
    """What was found of each rule."""
    if not FOUND.exists():
        return {}
    found: dict[str, Entry] = json.loads(FOUND.read_text(encoding="utf-8"))
    return found


def plan_of(rule: str) -> Plan:
    """The smallest plan that was found to notice the absence of this rule."""
    return Plan.parse(json.dumps(recorded()[rule]["plan"]))
