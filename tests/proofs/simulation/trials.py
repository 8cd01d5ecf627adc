"""What can be tried at a call: the faults that can befall it, and people's acts right before it."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from tests.proofs.simulation.network import PLUMBING, Label
from tests.proofs.simulation.plan import (
    LASTS,
    NOTED,
    OVERTAKEN,
    REQUEST_S,
    WRITTEN,
    WRITTEN_S,
    Act,
    Anchor,
    Fault,
    Kind,
    Plan,
    Step,
)

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
BY_OPERATION = {
    "child": (Kind.CHILD, Kind.SICK, Kind.FREEZE, Kind.DIE_BEFORE, Kind.SLOW),
    "publish": (*ANYWHERE, Kind.DIE_AFTER, Kind.LOST_MESSAGE, Kind.DOUBLED),
    "query": (*ANYWHERE, Kind.STALE),
    "get_object": (*ANYWHERE, Kind.DAMAGED, Kind.ROT),
    "get_job_output": (*ANYWHERE, Kind.DAMAGED, Kind.ROT),
    "initiate_job": (*ANYWHERE, Kind.DIE_AFTER, Kind.FAILS, Kind.ROT),
    "restore_object": (*ANYWHERE, Kind.DIE_AFTER, Kind.ROT),
    "send_email": (*ANYWHERE, Kind.DIE_AFTER, Kind.FREEZE_AFTER, Kind.REJECTED),
    "delete_object": (*ANYWHERE, Kind.DIE_AFTER, Kind.KEPT),
    "delete_archive": (*ANYWHERE, Kind.DIE_AFTER, Kind.KEPT),
}
"""The kinds of faults that can befall these calls."""


Trial = tuple[Label, Kind | Act, str]
"""A fault at a call, or an act right before it; last, until when: "", or one of the next three."""
BY_NOTE, BY_WRITE, BY_CALL = "note", "write", "call"
CROSSED = (
    (Kind.LOST_REPLY, BY_NOTE),
    (Kind.LOST_REPLY, BY_WRITE),
    (Kind.FREEZE, BY_WRITE),
    (Kind.FREEZE_AFTER, BY_WRITE),
    (Kind.FREEZE, BY_CALL),
    (Kind.LOST_REPLY, BY_CALL),
    (Kind.FREEZE_AFTER, BY_CALL),
    (Kind.SLOW, BY_CALL),
)
"""The ways by which another process gets in between."""
SHARES: dict[tuple[Kind | Act, str], float] = {
    (Kind.STALE, ""): 18.0,
    (Kind.JUMP, ""): 16.0,
    (Kind.OUTAGE, ""): 10.0,
    (Kind.DOUBLED, ""): 6.0,
    (Kind.LOST_REPLY, ""): 8.0,
    (Kind.LOST_REPLY, BY_NOTE): 8.0,
    (Kind.DIE_AFTER, ""): 5.0,
    (Kind.FREEZE_AFTER, ""): 8.0,
    (Kind.KEPT, ""): 5.0,
    (Kind.LOST_MESSAGE, ""): 9.0,
    (Kind.SLOW, ""): 7.0,
    (Kind.DIE_BEFORE, ""): 3.0,
    (Kind.FAILS, ""): 6.0,
    (Kind.FREEZE, ""): 3.0,
    (Kind.REFUSED, ""): 3.0,
    (Kind.UNKNOWN, ""): 2.0,
    (Kind.FREEZE, BY_CALL): 2.0,
    (Kind.FREEZE_AFTER, BY_CALL): 2.0,
    (Kind.LOST_REPLY, BY_CALL): 2.0,
    (Kind.SLOW, BY_CALL): 2.0,
    (Kind.DAMAGED, ""): 2.0,
    (Kind.ROT, ""): 2.0,
    (Kind.CHILD, ""): 1.5,
    (Kind.SICK, ""): 1.5,
    (Kind.REJECTED, ""): 1.5,
    (Act.FLIP, ""): 2.0,
    (Act.CANCEL, ""): 0.3,
    (Act.NOTE, ""): 0.3,
    (Act.REPLAY, ""): 0.3,
    (Act.UPGRADE, ""): 1.0,
    (Act.DOWNGRADE, ""): 1.0,
}
"""How much of what is tried is of each kind; of all others it is these two: few calls can have
them, or they are ways for others to get in between."""
SHARE = 3.0
MOST = 6.0
"""What a trial at a write of a row is worth."""
MOVES = 2.0
"""How much more it is worth where the row comes to another state."""
ANSWER = 3.0
"""How much more an index that is behind is worth where a daemon answers a message by it: the
sweeper looks again and again."""
FIRST = 10 * MOST
"""The first write of a row: nothing protects its bytes yet."""
NOTING = 3.0
"""How much more it is worth at a write that notes what was just done elsewhere."""
NATURAL = 4.0
"""How much more a trial is worth at a call that is made whenever nothing fails."""
MOVING = {
    "leaving": Act.UPGRADE,
    "requested": Act.DOWNGRADE,
    "retrieving": Act.DOWNGRADE,
    "thawing": Act.DOWNGRADE,
    "archived": Act.UPGRADE,
}
"""The states of a result on its way to the archive and back, and the change of role that crosses
each."""
TIMED = ("get_item", "list_objects_v2", "query")
"""The calls after which a daemon looks at its clock."""
BYTES = ("put_object", "upload_archive")
UNNAMED = 6 * FIRST
"""The calls after which there are bytes that no commit has named yet, and how much it is worth to
stop there: no time is worse."""
WAKE_S = 30
"""How long after a call people act in its wake."""

Menu = tuple[tuple[Kind | Act, str, float], ...]
ACTS = (Act.FLIP, Act.UPGRADE, Act.DOWNGRADE, Act.CANCEL, Act.NOTE, Act.REPLAY)
"""What people do right before a call."""


@cache
def acts(label: Label) -> Menu:
    """What people may do right before a call, and how much it is worth to try that."""
    return tuple((act, "", _act_weight(label)) for act in ACTS)


def _act_weight(label: Label) -> float:
    """Acts are worth most while a result is moved."""
    return _weight(label[1]) * (3 if crossing(label) else 1)


@cache
def menu(label: Label) -> Menu:
    """The faults that can befall a call: until when, and how much it is worth to try them."""
    daemon, call = label
    operation = call.partition(" ")[0]
    worth = _weight(call)
    found: list[tuple[Kind | Act, str, float]] = [
        (kind, "", worth * (ANSWER if kind is Kind.STALE and daemon != "sweep" else 1))
        for kind in kinds(operation)
    ]
    if operation in TIMED:
        found.append((Kind.JUMP, "", FIRST))
    if operation in BYTES:
        found += [(kind, "", UNNAMED) for kind in (Kind.DIE_AFTER, Kind.FREEZE_AFTER)]
    if operation == "put_item" and daemon != "web":
        found += [(kind, until, worth) for kind, until in CROSSED]
    elif not operation.startswith(READS) and daemon != "web" and operation not in PLUMBING:
        found += [(kind, BY_CALL, worth) for kind in (Kind.FREEZE, Kind.FREEZE_AFTER)]
    return tuple(found)


def kinds(operation: str) -> tuple[Kind, ...]:
    """The kinds of faults that can befall an operation."""
    if operation in BY_OPERATION:
        return BY_OPERATION[operation]
    if operation.startswith(READS):
        return ANYWHERE
    return (*ANYWHERE, Kind.DIE_AFTER, Kind.FREEZE_AFTER)


def weighted(
    labels: Iterable[Label],
    dice: random.Random,
    weight: Callable[[Label], float] = lambda label: worth(label),
) -> Label:
    """One of these calls, rather a write than a read."""
    names = sorted(name for name in labels if name[0] != "operator")
    return dice.choices(names, [weight(name) for name in names])[0]


def worth(label: Label) -> float:
    """How much it is worth to have something happen at a call."""
    return _weight(label[1])


def _weight(call: str) -> float:
    """Writes are where most can go wrong; calls that are the same in any state come last."""
    operation = call.partition(" ")[0]
    if operation in PLUMBING:
        return 0.5
    if operation.startswith(READS):
        return 2.0 if operation == "get_item" else 1.0
    if "->" in call:
        return FIRST
    if call == operation:  # about no job at all
        return 1.0
    if operation != "put_item":
        return 4.0
    before, _, after = call.split()[-1].partition(">")
    return MOST if before == after else MOVES * MOST


def share(kind: Kind | Act, until: str) -> float:
    """How much of what is tried is of this kind, against the others."""
    return SHARES.get((kind, until), SHARE)


def same_call(trial: Trial) -> Trial:
    """The trial without the state of the job: the same code makes these calls."""
    (daemon, call), kind, until = trial
    words = call.split()
    return (daemon, " ".join(words[: 2 if words[0] == "put_item" else 1])), kind, until


def with_trial(plan: Plan, trial: Trial, labels: Mapping[Label, int], dice: random.Random) -> Plan:
    """The plan with this fault or act as well."""
    if isinstance(trial[1], Act):
        return replace(plan, steps=(*plan.steps, rival_of(plan, trial, labels, dice)))
    return replace(plan, faults=(*plan.faults, fault_of(trial, labels, dice)))


def crossing(label: Label) -> Act | None:
    """The change of role that crosses what is done in this call; None where none does."""
    return next((act for state, act in MOVING.items() if state in label[1]), None)


def rival_of(plan: Plan, trial: Trial, labels: Mapping[Label, int], dice: random.Random) -> Step:
    """An act of a user, about a job of the plan, right before a call or in its wake."""
    label, act, _ = trial
    assert isinstance(act, Act)
    is_crossed = act is crossing(label)  # a flip is so quick that its wake is another matter
    later_s = WAKE_S if dice.random() < (0.6 if is_crossed else 0.1) else 0
    about = dice.choice([step for step in plan.steps if step.act is Act.SUBMIT] or plan.steps)
    return Step(act, about.user, about.job, later_s, _anchor(label, labels, dice))


def fault_of(trial: Trial, labels: Mapping[Label, int], dice: random.Random) -> Fault:
    """The fault of a trial, at one of the times that the call was made."""
    label, kind, until = trial
    assert isinstance(kind, Kind)
    anchor = _anchor(label, labels, dice)
    if until in (BY_NOTE, BY_WRITE):
        return Fault(anchor, kind, WRITTEN_S, NOTED if until == BY_NOTE else WRITTEN)
    if until == BY_CALL:
        others = [other for other in labels if other[0] != label[0]]
        return Fault(anchor, kind, OVERTAKEN[kind], weighted(others, dice))
    return Fault(anchor, kind, seconds_of(kind, label[0], dice))


def seconds_of(kind: Kind, daemon: str, dice: random.Random) -> float:
    lasts = LASTS.get(kind, (0,))
    return dice.choice([s for s in lasts if daemon != "web" or s <= REQUEST_S] or lasts)


def _anchor(label: Label, labels: Mapping[Label, int], dice: random.Random) -> Anchor:
    nth = 1 if dice.random() < 0.7 else dice.randint(1, max(1, min(6, labels.get(label, 1))))
    return Anchor(label[0], label[1], nth)
