"""What has to happen as well for a fault to matter, and where."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tests.proofs.simulation.network import PLUMBING, Label
from tests.proofs.simulation.plan import CHANGES, DAY, Act, Fault, Kind, Plan, Step
from tests.proofs.simulation.trials import BYTES, TIMED, Trial, crossing, weighted, worth

COMPANY: dict[Kind | Act, tuple[Kind | Act, ...]] = {
    Kind.JUMP: (Kind.DIE_BEFORE, Kind.DIE_AFTER, Kind.DIE_AFTER, Kind.SLOW),
    Kind.STALE: (Act.UPGRADE, Act.UPGRADE, Act.DOWNGRADE),
    Kind.SLOW: (Kind.JUMP,),
}
"""What has to happen as well for these to matter: somebody leaves a wrong time behind, or goes by
an index that is behind."""
Met = Mapping[tuple[Kind | Act, Kind | Act], Counter[Label]]
"""How often a fault and its company have met, by the call of the company."""
NEXT = 6
"""So many calls on, a process that dies leaves behind what it has just done."""
DYING = (Kind.DIE_BEFORE, Kind.DIE_AFTER)


def needs_company(trial: Trial) -> bool:
    """True for a trial that mostly matters only with another; what is slow, where bytes wait."""
    label, kind, _ = trial
    return kind in COMPANY and (kind is not Kind.SLOW or is_unnamed(label))


def lasts_days(plan: Plan) -> bool:
    """True if the last fault lasts so long that all others go on without: that is enough."""
    return bool(plan.faults) and plan.faults[-1].seconds >= DAY and not plan.faults[-1].until


def in_peace(plan: Plan) -> Plan:
    """The plan with its last fault alone, and nobody who wants a result elsewhere meanwhile.

    Whoever stops for days leaves it all to others; what they do without being asked is to be seen.
    """
    left = tuple(step for step in plan.steps if step.act not in (Act.UPGRADE, Act.FLIP))
    return replace(plan, steps=left, faults=plan.faults[-1:])


def near(trial: Trial, labels: Iterable[Label], dice: random.Random) -> list[Label]:
    """The calls of the same way that are near this one: those of its daemon, half of the others."""
    daemon = trial[0][0]
    found = [label for label in labels if label[0] == daemon or dice.random() < 0.5]
    return found or list(labels)


def company_of(trial: Trial, labels: Iterable[Label], met: Met, dice: random.Random) -> Trial:
    """A trial at a call of the same way: what makes the first one matter.

    A process that dies is that of the first fault, once it has written a row, or a little later;
    who is held up, or acts, is another; whose clock is wrong while bytes have no name is the
    sweeper, which alone looks for such. Rather one at a call where the two have met the least, of
    which `met` keeps count.
    """
    kind = dice.choice(COMPANY[trial[1]])
    if kind in DYING:
        written, *later = _next(trial[0], labels) or [trial[0]]
        label = weighted([written, *later], dice)
        return label, Kind.DIE_AFTER if label == written else kind, ""
    others = [label for label in labels if label[0] != trial[0][0]]
    if isinstance(kind, Act):
        others = [label for label in others if crossing(label) is kind] or others
    if kind is Kind.SLOW:
        others = [label for label in others if is_unnamed(label)] or others
    if kind is Kind.JUMP:
        timed = [label for label in others if label[1].split()[0] in TIMED]
        others = [label for label in timed if label[0] == "sweep"] or timed or others
    often = met[trial[1], kind]
    label = weighted(others or labels, dice, lambda label: worth(label) / (1 + often[label]) ** 2)
    often[label] += 1
    return label, kind, ""


def is_unnamed(label: Label) -> bool:
    """True for a call around which there are bytes that no commit has named yet."""
    return "->" in label[1] or label[1].split()[0] in BYTES


def _next(label: Label, labels: Iterable[Label]) -> list[Label]:
    """The next write of a row by the same daemon, and the calls after it.

    A run has its calls in the order of their first times.
    """
    own = [one for one in labels if one[0] == label[0] and one[1].split()[0] not in PLUMBING]
    after = own[own.index(label) + 1 :] if label in own else own
    writes = [number for number, one in enumerate(after) if one[1].startswith("put_item")]
    return after[writes[0] :][:NEXT] if writes else after[:NEXT]


def meeting(plan: Plan) -> Plan:
    """The plan with its last fault, and what came after that as its company, at the same time."""
    *before, last = plan.faults
    if last.kind in DYING and before:
        first = before.pop()
        return replace(plan, faults=(*before, _at_first(first), _at_first(last)))
    return _carried_out(plan, plan.steps[-1]) if last.kind is Kind.STALE else plan


def _carried_out(plan: Plan, change: Step) -> Plan:
    """The plan with no other change of role than this one, and what leads to it.

    So it is this one that is carried out by what is read at the last fault.
    """
    others = [step for step in plan.steps if step.act in CHANGES and step != change]
    away = others[change.act is not Act.UPGRADE :]
    left = [_in_time(step) if step == change else step for step in plan.steps if step not in away]
    plan = replace(plan, steps=tuple(left))
    *before, last = plan.faults
    return plan if len(away) < len(others) else replace(plan, faults=(*before, _at_first(last)))


def _in_time(change: Step) -> Step:
    """The change of role at the very call while a result is moved; in its wake once it is away."""
    is_away = bool(change.anchor and change.anchor.call.endswith("archived"))
    return change if is_away else replace(change, at_s=0)


def _at_first(fault: Fault) -> Fault:
    """The fault at the first time that its call is made."""
    return replace(fault, anchor=replace(fault.anchor, nth=1))
