"""Steers runs towards what has not been seen: calls in states, and faults at them."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tests.proofs.simulation.company import (
    Met,
    company_of,
    in_peace,
    is_unnamed,
    lasts_days,
    meeting,
    near,
    needs_company,
)
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
    NATURAL,
    NOTING,
    Menu,
    Trial,
    acts,
    fault_of,
    menu,
    rival_of,
    same_call,
    seconds_of,
    share,
    with_trial,
)

BLOCK = 500
"""Seeds that learn from one another: a seed's plan follows from those before it in its block."""
MAX_FAULTS = 3
BLIND = 10
"""The first seeds of a block, whose faults fall at calls by their number alone."""
DIRECTED = 0.7
"""The share of the plans that lead to what was tried least, by the plainest way to it."""
ACTED = 0.2
"""The share of them that have people act right before a call, instead of a fault there."""
FRESH = 0.5
"""The share of those at calls of a world where nothing fails that are tried in a new such world."""
OFFSPRING = 0.2
"""The share of the plans that are altered ones of those that reached something new."""
WAYS = 4
"""How many ways to a call are remembered: the plainest, in worlds that differ."""


@dataclass
class Learned:
    """What a plan's run has reached."""

    plan: Plan
    labels: Counter[Label]

    @property
    def size(self) -> int:
        """How much the plan has that may stand in the way of anything else."""
        return len(self.plan.faults) + len(self.plan.steps)


class Block:
    """The plans of one block of seeds; each is told how the one before it went."""

    def __init__(self, first: int) -> None:
        self.first, self.number = first, 0
        self.seen: Counter[Label] = Counter()
        self.tried: Counter[Trial] = Counter()
        self.shares: Counter[tuple[Kind | Act, str]] = Counter()
        """How often each kind of fault, or act, was tried."""
        self.met: Met = defaultdict(Counter)
        self.covered: set[tuple[str, ...]] = set()
        self.parents: list[Learned] = []
        self.ways: dict[Label, list[Learned]] = defaultdict(list)
        """The plainest plans that led to each call."""
        self.natural: Counter[Label] = Counter()
        """In how many of the runs where nothing failed each call was made."""
        self.quiet = 0
        """How many such runs there were."""
        self.noting: set[Label] = set()
        """The writes that were seen to note what was just done elsewhere."""

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
        self.noting |= record.noting
        if not record.fired:
            self.natural.update(record.labels.keys())
            self.quiet += 1
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
        base = _like(way.plan, workload(seed), dice) if is_fresh else way.plan
        plan = replace(
            base,
            seed=seed if dice.random() < 0.3 else base.seed,
            setting=_suited(base.setting, trial[1], dice),
            faults=() if self.natural[trial[0]] else base.faults[: MAX_FAULTS - 1],
        )
        plan = self._tried(plan, trial, way.labels, dice)
        return self._with_rivals(plan, way.labels, dice) if dice.random() < 0.2 else plan

    def _altered(self, parent: Learned, seed: int, dice: random.Random) -> Plan:
        """A plan that has reached something new, with one fault or rival more or other."""
        plan = replace(parent.plan, seed=seed if dice.random() < 0.5 else parent.plan.seed)
        faults = list(plan.faults)
        if len(faults) >= MAX_FAULTS or (faults and dice.random() < 0.3):
            faults.remove(dice.choice(faults))
        plan = replace(plan, faults=tuple(faults))
        plan = self._tried(plan, self._trial(parent.labels, dice), parent.labels, dice)
        return self._with_rivals(plan, parent.labels, dice)

    def _tried(
        self, plan: Plan, trial: Trial, labels: Mapping[Label, int], dice: random.Random
    ) -> Plan:
        """The plan with this trial as well, and mostly with company."""
        plan = with_trial(plan, trial, labels, dice)
        if lasts_days(plan) and is_unnamed(trial[0]):
            return in_peace(plan)
        if needs_company(trial) and dice.random() < 0.8:
            company = company_of(trial, labels, self.met, dice)
            plan = meeting(with_trial(plan, company, labels, dice))
        elif dice.random() < 0.5 and not lasts_days(plan):
            another = self._trial(near(trial, labels, dice), dice)
            plan = with_trial(plan, another, labels, dice)
        return replace(plan, faults=plan.faults[-MAX_FAULTS:])

    def _trial(
        self, labels: Iterable[Label], dice: random.Random, of: Callable[[Label], Menu] = menu
    ) -> Trial:
        """The fault that, for what it is worth, was tried least at any of these calls."""
        found: dict[tuple[Kind | Act, str], list[tuple[Trial, float]]] = defaultdict(list)
        for label in sorted(labels):
            known = 1 + NATURAL * self.natural[label] / max(1, self.quiet)
            known *= NOTING if label in self.noting else 1
            for kind, until, worth in of(label) if label[0] != "operator" else ():
                found[kind, until].append(((label, kind, until), worth * known))
        least = min(
            found, key=lambda of: (1 + self.shares[of]) * (0.5 + dice.random()) / share(*of)
        )
        trial, _ = min(found[least], key=lambda one: self._worn(one[0], dice) / one[1])
        self.shares[least] += 1
        self.tried[trial] += 1
        self.tried[same_call(trial)] += 1
        return trial

    def _worn(self, trial: Trial, dice: random.Random) -> float:
        """How often this was tried, and the same at that call in other states."""
        often = (1 + self.tried[trial]) * (1 + self.tried[same_call(trial)]) ** 0.5
        return float(often * (0.5 + dice.random()))

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


def _like(plan: Plan, other: Plan, dice: random.Random) -> Plan:
    """The other plan, or just this one in its world; with the archive's backend of this one.

    Many calls are the backend's own.
    """
    world = replace(other.setting, backend=plan.setting.backend)
    return replace(plan if dice.random() < 0.5 else other, setting=world, faults=())


def _suited(world: Setting, kind: Kind | Act, dice: random.Random) -> Setting:
    """The world, perhaps with one thing as in another, and as this fault needs it to matter."""
    if kind is Kind.DOUBLED:
        return replace(world, instances=2, latency_s=dice.choice((0.02, 0.5, 3.0)))
    if kind is Kind.STALE:  # it matters to results that are young
        return replace(world, after_s=dice.choice((0, 20, 300)))
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
