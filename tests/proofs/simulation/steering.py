"""Steers runs towards what has not been seen: calls in states, and faults at them."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tests.proofs.simulation.network import Label
from tests.proofs.simulation.plan import (
    Act,
    Anchor,
    Fault,
    Kind,
    Plan,
    Setting,
    setting,
    workload,
)
from tests.proofs.simulation.run import Outcome
from tests.proofs.simulation.trials import (
    ANYWHERE,
    COMPANY,
    NATURAL,
    Menu,
    Trial,
    acts,
    company_of,
    fault_of,
    menu,
    rival_of,
    seconds_of,
    with_trial,
)

BLOCK = 500
"""Seeds that learn from one another: a seed's plan follows from those before it in its block."""
MAX_FAULTS = 3
BLIND = 10
"""The first seeds of a block, whose faults fall at calls by their number alone."""
DIRECTED = 0.6
"""The share of the plans that lead to what was tried least, by the plainest way to it."""
ACTED = 0.2
"""The share of them that have people act right before a call, instead of a fault there."""
FRESH = 0.5
"""The share of those at calls of a world where nothing fails that are tried in a new such world."""
OFFSPRING = 0.25
"""The share of the plans that are altered ones of those that reached something new."""
WAYS = 4
"""How many ways to a call are remembered: the plainest, in worlds that differ."""


@dataclass
class Learned:
    """What a plan's run has reached."""

    plan: Plan
    labels: Counter[Label]

    @property
    def size(self) -> tuple[int, int]:
        """How much the plan has that may stand in the way of anything else."""
        return len(self.plan.faults), len(self.plan.steps)


class Block:
    """The plans of one block of seeds; each is told how the one before it went."""

    def __init__(self, first: int) -> None:
        self.first, self.number = first, 0
        self.seen: Counter[Label] = Counter()
        self.tried: Counter[Trial] = Counter()
        self.covered: set[tuple[str, ...]] = set()
        self.parents: list[Learned] = []
        self.ways: dict[Label, list[Learned]] = defaultdict(list)
        """The plainest plans that led to each call."""
        self.natural: set[Label] = set()
        """The calls that were made where nothing failed."""

    def next(self) -> Plan:
        """The plan of the next seed."""
        seed = self.first + self.number
        self.number += 1
        dice = random.Random(f"steering {seed}")
        if self.number <= BLIND:
            return _blind(workload(seed), dice)
        way = dice.random()
        if way < DIRECTED:
            return self._directed(seed, dice)
        if way < DIRECTED + OFFSPRING:
            return self._altered(dice.choice(self.parents[-40:]), seed, dice)
        plan = workload(seed)
        trials = [self._trial(self.seen, dice) for _ in range(_count(dice))]
        faults = tuple(fault_of(trial, self.seen, dice) for trial in trials)
        return self._with_rivals(replace(plan, faults=faults), self.seen, dice)

    def learn(self, outcome: Outcome) -> int:
        """Take in what a run has covered; return how much of it was new."""
        record = outcome.record
        fresh = record.covered - self.covered
        self.covered |= fresh
        self.seen.update(record.labels.keys())
        learned = Learned(outcome.plan, record.labels)
        if fresh:
            self.parents.append(learned)
        if not record.fired:
            self.natural |= record.labels.keys()
        for label in record.labels:
            self._remember(label, learned)
        return len(fresh)

    def _remember(self, label: Label, way: Learned) -> None:
        """Keep a way to a call while it is among the plainest, one for each world."""
        ways = self.ways[label]
        if all(way.plan.setting != other.plan.setting for other in ways):
            ways.append(way)
            ways.sort(key=lambda one: one.size)
            del ways[WAYS:]

    def _directed(self, seed: int, dice: random.Random) -> Plan:
        """The plainest plan that leads to a call, with a fault there that was tried least."""
        trial = self._trial(self.ways, dice, acts if dice.random() < ACTED else menu)
        way = dice.choice(self.ways[trial[0]])
        is_fresh = trial[0] in self.natural and dice.random() < FRESH
        base = _like(way.plan, workload(seed)) if is_fresh else way.plan
        plan = replace(
            base,
            seed=seed if dice.random() < 0.3 else base.seed,
            setting=_suited(base.setting, trial[1], dice),
            faults=base.faults[: MAX_FAULTS - 1],
        )
        plan = with_trial(plan, trial, way.labels, dice)
        if dice.random() < (0.8 if trial[1] in COMPANY else 0.4):
            plan = with_trial(plan, company_of(trial, way.labels, dice), way.labels, dice)
        plan = replace(plan, faults=plan.faults[-MAX_FAULTS:])
        return self._with_rivals(plan, way.labels, dice) if dice.random() < 0.2 else plan

    def _altered(self, parent: Learned, seed: int, dice: random.Random) -> Plan:
        """A plan that has reached something new, with one fault or rival more or other."""
        plan = replace(parent.plan, seed=seed if dice.random() < 0.5 else parent.plan.seed)
        faults = list(plan.faults)
        if len(faults) >= MAX_FAULTS or (faults and dice.random() < 0.3):
            faults.remove(dice.choice(faults))
        faults.append(fault_of(self._trial(parent.labels, dice), parent.labels, dice))
        return self._with_rivals(replace(plan, faults=tuple(faults)), parent.labels, dice)

    def _trial(
        self, labels: Iterable[Label], dice: random.Random, of: Callable[[Label], Menu] = menu
    ) -> Trial:
        """The fault that, for what it is worth, was tried least at any of these calls."""
        tried, roll = self.tried, dice.random
        least, found = float("inf"), None
        for label in sorted(labels):
            known = NATURAL if label in self.natural else 1.0
            for kind, until, worth in of(label) if label[0] != "operator" else ():
                score = (1 + tried[label, kind, until]) * (0.5 + roll()) / (worth * known)
                if score < least:
                    least, found = score, (label, kind, until)
        assert found is not None
        tried[found] += 1
        return found

    def _with_rivals(self, plan: Plan, labels: Mapping[Label, int], dice: random.Random) -> Plan:
        """The plan, perhaps with acts of people right before some call."""
        count = dice.choice((0, 0, 1, 1, 2))
        kept = [step for step in plan.steps if not step.anchor or dice.random() < 0.7]
        rivals = [
            rival_of(plan, self._trial(labels, dice, acts), labels, dice) for _ in range(count)
        ]
        return replace(plan, steps=(*kept, *rivals)[:14])


def _count(dice: random.Random) -> int:
    return dice.choice((1, 2, 2, 3, 3))


def _like(plan: Plan, other: Plan) -> Plan:
    """The other plan with the archive's backend of this one: many calls are the backend's own."""
    backend = plan.setting.backend
    return replace(other, setting=replace(other.setting, backend=backend))


def _suited(world: Setting, kind: Kind | Act, dice: random.Random) -> Setting:
    """The world, perhaps with one thing as in another, and as this fault needs it to matter."""
    if kind is Kind.DOUBLED:
        return replace(world, instances=2, latency_s=dice.choice((0.02, 0.5, 3.0)))
    if kind is Kind.STALE:  # it matters to results that are young
        return replace(world, after_s=dice.choice((0, 20, 300, world.after_s)))
    if dice.random() < 0.8:
        return world
    name = dice.choice(("backend", "after_s", "instances", "lag_s", "latency_s", "work_s"))
    return replace(world, **{name: getattr(setting(dice), name)})


def _blind(plan: Plan, dice: random.Random) -> Plan:
    """The plan with faults at calls by their number."""
    possible = [kind for kind in ANYWHERE]
    faults = []
    for _ in range(dice.choice((0, 1, 2, 3))):
        kind = dice.choice(possible)
        anchor = Anchor("", "", dice.randint(1, 150))
        faults.append(Fault(anchor, kind, seconds_of(kind, "web", dice)))
    return replace(plan, faults=tuple(faults))
