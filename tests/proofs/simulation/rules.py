"""Each rule switched off: how many seeds until the simulation notices."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.proofs.simulation.explore import outcomes
from tests.proofs.simulation.run import run
from tests.proofs.test_mutations import RULES

MAX_SEEDS = 1000


def find(rule: str, first: int = 0, most: int = MAX_SEEDS) -> tuple[str, int, list[str], str]:
    """The rule, how many seeds it took, what was violated and the plan; 0 seeds: not found.

    With the rule, the same plan must end well.
    """
    _, off = RULES[rule]
    for seed, outcome in outcomes(first, most, off):
        if outcome.violations and not run(outcome.plan).violations:
            return rule, seed - first + 1, sorted(outcome.kinds), str(outcome.plan)
    return rule, 0, [], ""


def find_all(first: int, most: int) -> Iterator[tuple[str, int, list[str], str]]:
    """Every rule, as the answers come in."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(find, rule, first, most) for rule in RULES]
        for done in as_completed(waiting):
            yield done.result()
