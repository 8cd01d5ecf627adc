"""Steers runs towards what has not been seen: calls in states, and faults at them."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.proofs.simulation.network import PLUMBING, Label
from tests.proofs.simulation.plan import (
    LASTS,
    OVERTAKEN,
    REQUEST_S,
    Act,
    Anchor,
    Fault,
    Kind,
    Plan,
    Step,
    workload,
)
from tests.proofs.simulation.run import Outcome

BLOCK = 500
"""Seeds that learn from one another: a seed's plan follows from those before it in its block."""
MAX_FAULTS = 3
BLIND = 20
"""The first seeds of a block, whose faults fall at calls by their number alone."""
OFFSPRING = 0.75
"""The share of the plans that are altered ones."""
READS = ("get_item", "get_object", "head_object", "query", "list_", "describe_", "receive_")
ANYWHERE = (
    Kind.DIE_BEFORE,
    Kind.REFUSED,
    Kind.OUTAGE,
    Kind.SLOW,
    Kind.FREEZE,
    Kind.UNKNOWN,
    Kind.LOST_REPLY,
    Kind.JUMP,
)
CHILD = "child"


def kinds(call: str) -> tuple[Kind, ...]:
    """The kinds of faults that can befall a call."""
    operation = call.partition(" ")[0]
    if operation == CHILD:
        return (Kind.CHILD, Kind.FREEZE, Kind.DIE_BEFORE, Kind.SLOW)
    if operation == "publish":
        return (*ANYWHERE, Kind.DIE_AFTER, Kind.LOST_MESSAGE, Kind.DOUBLED)
    if operation == "query":
        return (*ANYWHERE, Kind.STALE, Kind.STALE)
    if operation in ("get_object", "get_job_output"):
        return (*ANYWHERE, Kind.DAMAGED)
    if operation == "initiate_job":
        return (*ANYWHERE, Kind.DIE_AFTER, Kind.FAILS)
    if operation.startswith(READS):
        return ANYWHERE
    return (*ANYWHERE, Kind.DIE_AFTER, Kind.FREEZE_AFTER, Kind.LOST_REPLY)


@dataclass
class Learned:
    """What a plan's run has reached."""

    plan: Plan
    labels: Counter[Label]


class Block:
    """The plans of one block of seeds; each is told how the one before it went."""

    def __init__(self, first: int) -> None:
        self.first, self.number = first, 0
        self.seen: Counter[Label] = Counter()
        self.struck: Counter[Label] = Counter()
        self.paired: Counter[tuple[Label, Kind]] = Counter()
        self.covered: set[tuple[str, ...]] = set()
        self.parents: list[Learned] = []

    def next(self) -> Plan:
        """The plan of the next seed."""
        seed = self.first + self.number
        self.number += 1
        dice = random.Random(f"steering {seed}")
        if self.number <= BLIND:
            return _blind(workload(seed), dice)
        if self.parents and dice.random() < OFFSPRING:
            return self._altered(dice.choice(self.parents[-40:]), seed, dice)
        plan = workload(seed)
        faults = tuple(self._fault(self.seen, dice) for _ in range(_count(dice)))
        return self._with_rivals(replace(plan, faults=faults), self.seen, dice)

    def learn(self, outcome: Outcome) -> int:
        """Take in what a run has covered; return how much of it was new."""
        record = outcome.record
        fresh = record.covered - self.covered
        self.covered |= fresh
        self.seen.update(record.labels.keys())
        for fault, _ in record.fired:
            self.struck[fault.anchor.label] += 1
            self.paired[fault.anchor.label, fault.kind] += 1
        if fresh:
            self.parents.append(Learned(outcome.plan, record.labels))
        return len(fresh)

    def _altered(self, parent: Learned, seed: int, dice: random.Random) -> Plan:
        """A plan that has reached something new, with one fault or rival more or other."""
        plan = replace(parent.plan, seed=seed if dice.random() < 0.5 else parent.plan.seed)
        faults = list(plan.faults)
        if len(faults) >= MAX_FAULTS or (faults and dice.random() < 0.3):
            faults.remove(dice.choice(faults))
        faults.append(self._fault(parent.labels, dice))
        return self._with_rivals(replace(plan, faults=tuple(faults)), parent.labels, dice)

    def _fault(self, labels: Counter[Label], dice: random.Random) -> Fault:
        """A fault where few have been yet, of a kind that was rare there."""
        label = self._label(labels, dice)
        possible = kinds(label[1])
        rare = min(self.paired[label, kind] for kind in possible)
        kind = dice.choice([k for k in possible if self.paired[label, k] <= rare + 1])
        anchor = _anchor(label, labels, dice)
        if kind in OVERTAKEN and label[0] != "web" and dice.random() < 0.6:
            until = self._label({n: 1 for n in labels if n[0] != label[0]}, dice)
            return Fault(anchor, kind, OVERTAKEN[kind], until)
        return Fault(anchor, kind, _seconds(kind, label[0], dice))

    def _label(self, labels: Mapping[Label, int], dice: random.Random) -> Label:
        names = sorted(name for name in labels if name[0] != "operator")
        weights = [_weight(name[1]) / (1 + self.struck[name]) for name in names]
        return dice.choices(names, weights)[0]

    def _with_rivals(self, plan: Plan, labels: Counter[Label], dice: random.Random) -> Plan:
        """The plan, perhaps with acts of people right before some call."""
        count = dice.choice((0, 0, 1, 1, 2))
        kept = [step for step in plan.steps if not step.anchor or dice.random() < 0.7]
        rivals = [_rival(plan, self._label(labels, dice), labels, dice) for _ in range(count)]
        return replace(plan, steps=(*kept, *rivals)[:14])


def _weight(call: str) -> float:
    """Writes are where most can go wrong; calls that are the same in any state come last."""
    operation = call.partition(" ")[0]
    if operation in PLUMBING:
        return 1.0
    return 2.0 if operation.startswith(READS) else 6.0


def _rival(plan: Plan, label: Label, labels: Counter[Label], dice: random.Random) -> Step:
    act = dice.choice(
        (Act.UPGRADE, Act.DOWNGRADE, Act.UPGRADE, Act.DOWNGRADE, Act.CANCEL, Act.REPLAY)
    )
    first = plan.steps[0]
    return Step(act, first.user, first.job, anchor=_anchor(label, labels, dice))


def _seconds(kind: Kind, daemon: str, dice: random.Random) -> float:
    lasts = LASTS.get(kind, (0,))
    return dice.choice([s for s in lasts if daemon != "web" or s <= REQUEST_S])


def _anchor(label: Label, labels: Counter[Label], dice: random.Random) -> Anchor:
    nth = 1 if dice.random() < 0.6 else dice.randint(1, max(1, min(6, labels[label])))
    return Anchor(label[0], label[1], nth)


def _count(dice: random.Random) -> int:
    return dice.choice((1, 2, 2, 3, 3))


def _blind(plan: Plan, dice: random.Random) -> Plan:
    """The plan with faults at calls by their number."""
    possible = [kind for kind in ANYWHERE]
    faults = []
    for _ in range(dice.choice((0, 1, 2, 3))):
        kind = dice.choice(possible)
        anchor = Anchor("", "", dice.randint(1, 150))
        faults.append(Fault(anchor, kind, _seconds(kind, "web", dice)))
    return replace(plan, faults=tuple(faults))
