"""Explores many seeds, block by block, in as many processes as there are processors."""

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.proofs.simulation.run import Off, Outcome, run
from tests.proofs.simulation.steering import BLOCK, Block


@dataclass
class Failure:
    """A seed that violated an invariant."""

    seed: int
    kinds: set[str]
    plan: str


@dataclass
class Tally:
    """What a number of runs came to."""

    runs: int = 0
    jobs: int = 0
    calls: int = 0
    simulated_s: float = 0.0
    faults: Counter[int] = field(default_factory=Counter)
    """Runs by how many faults came about."""
    kinds: Counter[str] = field(default_factory=Counter)
    covered: set[tuple[str, ...]] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)

    def count(self, seed: int, outcome: Outcome) -> None:
        self.runs += 1
        self.jobs += outcome.jobs
        self.calls += outcome.record.calls
        self.simulated_s += outcome.simulated_s
        self.faults[len(outcome.record.fired)] += 1
        self.kinds.update(fault.kind for fault, _ in outcome.record.fired)
        self.covered |= outcome.record.covered
        if outcome.violations:
            self.failures.append(Failure(seed, outcome.kinds, str(outcome.plan)))

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.runs, self.jobs = self.runs + other.runs, self.jobs + other.jobs
        self.calls, self.simulated_s = (
            self.calls + other.calls,
            self.simulated_s + other.simulated_s,
        )
        self.faults += other.faults
        self.kinds += other.kinds
        self.covered |= other.covered
        self.failures += other.failures


def outcomes(first: int, count: int, off: Off | None = None) -> Iterator[tuple[int, Outcome]]:
    """The runs of seeds `first` on; the seeds of a block before `first` are run, but not shown."""
    try:
        for start in range(first - first % BLOCK, first + count, BLOCK):
            block = Block(start)
            for seed in range(start, min(start + BLOCK, first + count)):
                with _uncollected(seed):
                    outcome = run(block.next(), off)
                    block.learn(outcome)
                if seed >= first:
                    yield seed, outcome
    finally:
        gc.unfreeze()


@contextmanager
def _uncollected(seed: int) -> Iterator[None]:
    """Within the block no garbage is collected, but all of it after each tenth seed.

    It would take a quarter of the time otherwise.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if seed % 10 == 0:
            gc.unfreeze()
            gc.collect()


def explore(first: int, count: int) -> Tally:
    """Run seeds `first` on in this process."""
    tally = Tally()
    for seed, outcome in outcomes(first, count):
        tally.count(seed, outcome)
    return tally


def shares(first: int, count: int) -> Iterator[tuple[int, int]]:
    """The seeds cut at the ends of their blocks: for each share, its first seed and how many."""
    while count > 0:
        share = min(count, BLOCK - first % BLOCK)
        yield first, share
        first, count = first + share, count - share


def explore_all(first: int, count: int, processes: int | None = None) -> Iterator[Tally]:
    """Tallies of the shares of these seeds, as they come in.

    Each share has a process of its own: one grows by a megabyte a seed, and ever longer takes the
    collection of its garbage.
    """
    workers = processes or os.cpu_count()
    with ProcessPoolExecutor(workers, max_tasks_per_child=1) as pool:
        waiting = [pool.submit(explore, *share) for share in shares(first, count)]
        for done in as_completed(waiting):
            yield done.result()


def explore_for(first: int, hours: float, processes: int | None = None) -> Iterator[Tally]:
    """Tallies of shares until the time is over."""
    end, workers = time.monotonic() + hours * 3600, processes or os.cpu_count() or 1
    while time.monotonic() < end:
        yield from explore_all(first, BLOCK * workers, processes)
        first += BLOCK * workers
