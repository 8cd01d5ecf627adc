"""What has to happen as well for a fault to matter, and where."""

import random
from collections.abc import Iterable
from dataclasses import replace

from tests.proofs.simulation.network import PLUMBING, Label
from tests.proofs.simulation.plan import CHANGES, DAY, Act, Fault, Kind, Plan, Step
from tests.proofs.simulation.trials import BYTES, TIMED, Trial, crossing, weighted

COMPANY: dict[Kind | Act, tuple[Kind | Act, ...]] = {
    Kind.JUMP: (Kind.DIE_BEFORE, Kind.DIE_AFTER, Kind.DIE_AFTER, Kind.SLOW),
    Kind.STALE: (Act.UPGRADE, Act.UPGRADE, Act.DOWNGRADE),
    Kind.SLOW: (Kind.JUMP,),
}
"""What has to happen as well for these to matter: somebody leaves a wrong time behind, or goes by
an index that is behind."""
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


def near(trial: Trial, labels: Iterable[Label], dice: random.Random) -> list[Label]:
    """The calls of the same way that are near this one: those of its daemon, half of the others."""
    daemon = trial[0][0]
    found = [label for label in labels if label[0] == daemon or dice.random() < 0.5]
    return found or list(labels)


def company_of(trial: Trial, labels: Iterable[Label], dice: random.Random) -> Trial:
    """A trial at a call of the same way: what makes the first one matter.

    A process that dies is that of the first fault, once it has written a row, or a little later;
    who is held up, or acts, is another.
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
        others = [label for label in others if label[1].split()[0] in TIMED] or others
    return weighted(others or labels, dice), kind, ""


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
    plan = replace(plan, steps=tuple(step for step in plan.steps if step not in away))
    *before, last = plan.faults
    return plan if len(away) < len(others) else replace(plan, faults=(*before, _at_first(last)))


def _at_first(fault: Fault) -> Fault:
    """The fault at the first time that its call is made."""
    return replace(fault, anchor=replace(fault.anchor, nth=1))
