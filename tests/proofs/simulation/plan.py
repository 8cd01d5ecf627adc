"""A run as data: its world, what people do, and its faults; a seed makes one, text keeps one."""

import json
import random
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The kinds of faults; `seconds` says how long, where that matters."""

    DIE_BEFORE = "dies before the call"
    DIE_AFTER = "dies after the call"
    LOST_REQUEST = "the request is lost, and repeated"
    LOST_REPLY = "the reply is lost, and the call repeated"
    UNKNOWN = "every reply is lost: the caller never knows"
    REFUSED = "the service answers with an error"
    OUTAGE = "the service is away"
    SLOW = "the call takes its time"
    FREEZE = "the process is frozen before the call"
    FREEZE_AFTER = "the process is frozen after the call"
    DAMAGED = "the bytes arrive damaged"
    STALE = "the index lags behind"
    JUMP = "the clock is a day ahead for a while"
    LOST_MESSAGE = "the message is lost"
    DOUBLED = "the message is delivered twice"
    FAILS = "the retrieval fails"
    CHILD = "the child is killed"
    SICK = "the machine is sick: its children die"
    KEPT = "nothing can be deleted"
    ROT = "the archives rot"
    REJECTED = "the mail is refused for good"


MINUTE, HOUR, DAY = 60, 3600, 86_400
LASTS: dict[Kind, tuple[float, ...]] = {
    Kind.LOST_REQUEST: (1, 70),
    Kind.LOST_REPLY: (0.1, 70, 5 * MINUTE),
    Kind.UNKNOWN: (6, 350),
    Kind.OUTAGE: (MINUTE, 2 * HOUR, 2 * HOUR),
    Kind.SLOW: (90, 700, 2 * HOUR),
    Kind.FREEZE: (90, 700, 2 * DAY),
    Kind.FREEZE_AFTER: (90, 700, 2 * DAY, 2 * DAY, 2 * DAY),
    Kind.STALE: (170, 450, 450, 900),  # the two reminders of a change of role are 120 s apart
    Kind.JUMP: (5, 100),
    Kind.DOUBLED: (0.1, 0.1, 30, 2 * HOUR),
    Kind.KEPT: (8 * HOUR, DAY),
}
"""How long each kind of fault may last (s)."""
FROZEN = (Kind.FREEZE, Kind.FREEZE_AFTER)
WAITS = (*FROZEN, Kind.SLOW, Kind.LOST_REQUEST, Kind.LOST_REPLY)
"""The kinds that hold a call up: how long is measured."""
OVERTAKEN = {
    Kind.SLOW: 2 * HOUR,
    Kind.LOST_REPLY: 2 * HOUR,
    Kind.FREEZE: 2 * DAY,
    Kind.FREEZE_AFTER: 2 * DAY,
}
"""The kinds that may last until another process has made some call, and for how long at most."""
WRITTEN = ("another", "writes the same row")
"""Such a call: whatever it is, of whatever process."""
NOTED = ("another", "writes the same row at once")
"""The same, and somebody does: the owner of the job, or the user."""
WRITTEN_S = 700
"""How long one waits for that at most: longer than a lease."""
REQUEST_S = 700
"""The longest that a request to the site lasts: an upload that is no job goes after a while."""


class Act(StrEnum):
    """The acts of people, and of the network on its own."""

    SUBMIT = "submits a job"
    UPGRADE = "goes premium"
    DOWNGRADE = "goes back to free"
    FLIP = "goes premium, and back at once"
    CANCEL = "cancels"
    NOTE = "writes a note"
    REPLAY = "an old message comes again"


CHANGES = {Act.UPGRADE: 1, Act.DOWNGRADE: 1, Act.FLIP: 2}
"""The acts that change a role, and how often."""


@dataclass(frozen=True)
class Anchor:
    """The `nth` time that a daemon makes a call while its job is in a state; "" is any call."""

    daemon: str
    call: str
    nth: int

    @property
    def label(self) -> tuple[str, str]:
        return self.daemon, self.call


@dataclass(frozen=True)
class Fault:
    """A fault at an anchor; with `until` it lasts until another process makes that call."""

    anchor: Anchor
    kind: Kind
    seconds: float = 0
    until: tuple[str, str] | None = None

    def __str__(self) -> str:
        if self.until:
            return f"{self.kind} (until {': '.join(self.until)})"
        return f"{self.kind} ({self.seconds:g} s)" if self.seconds else str(self.kind)


@dataclass(frozen=True)
class Step:
    """An act of a user at a time (s from the beginning); with an anchor, right before that call, or
    so long after it has begun."""

    act: Act
    user: int
    job: int = 0
    at_s: float = 0
    anchor: Anchor | None = None


@dataclass(frozen=True)
class Setting:
    """The world of a run."""

    backend: str = "s3"
    after_s: int = 300
    instances: int = 1
    lag_s: float = 0.0
    latency_s: float = 0.03
    work_s: float = 5.0
    expedited: bool = True
    skews: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """The plan that this text stands for."""
        raw = json.loads(text)
        setting = raw["setting"]
        setting["skews"] = tuple((name, skew) for name, skew in setting["skews"])
        steps = tuple(_step(step) for step in raw["steps"])
        faults = tuple(_fault(fault) for fault in raw["faults"])
        return cls(raw["seed"], Setting(**setting), steps, faults)


def _fault(raw: dict[str, Any]) -> Fault:
    until = tuple(raw["until"]) if raw["until"] else None
    return Fault(Anchor(**raw["anchor"]), Kind(raw["kind"]), raw["seconds"], until)


def _step(raw: dict[str, Any]) -> Step:
    anchor = Anchor(**raw["anchor"]) if raw["anchor"] else None
    return replace(Step(**raw), act=Act(raw["act"]), anchor=anchor)


SKEW_S = 90
DAEMONS = ("web", "annotator", "notify", "archive", "restore", "thaw", "sweep")


def setting(dice: random.Random) -> Setting:
    """A world by the dice."""
    is_skewed = dice.random() < 0.5
    skews = tuple(
        (name, round(dice.uniform(-SKEW_S, SKEW_S), 1))
        for name in DAEMONS
        if is_skewed and dice.random() < 0.5
    )
    return Setting(
        backend=dice.choice(("s3", "vault")),
        after_s=dice.choice((0, 20, 300, 900, 7200)),
        instances=dice.choice((1, 1, 2)),
        lag_s=dice.choice((0.0, 1.0, 1.0, 50.0)),
        latency_s=dice.choice((0.02, 0.02, 0.5, 3.0)),
        work_s=dice.choice((2.0, 20.0, 400.0)),
        expedited=dice.random() < 0.7,
        skews=skews,
    )


def steps(dice: random.Random, after_s: int) -> tuple[Step, ...]:
    """What people do: a few jobs, changes of role at any distance, perhaps a cancelled job.

    Some have been premium for a while when they submit their first job.
    """
    users = dice.choice((1, 1, 2))
    jobs = dice.choice((1, 1, 2, 3))
    premium = dice.random() < 0.25
    at_s = begin_s = 500.0 if premium else 0.0
    done = [Step(Act.UPGRADE, user) for user in range(users) if premium]
    for job in range(jobs):
        later_s = round(dice.uniform(0, 60), 2) * (job > 0)
        done.append(Step(Act.SUBMIT, dice.randrange(users), job, at_s + later_s))
    for _ in range(dice.choice((0, 1, 2, 2, 3, 4))):
        within = round(after_s * dice.random(), 2)
        at_s += dice.choice((0.2, 30, within, after_s, after_s + 100, 400, 4000, 20_000, DAY))
        at_s += round(dice.uniform(0, 60), 2)
        premium = not premium if dice.random() < 0.9 else premium
        done.append(Step(Act.UPGRADE if premium else Act.DOWNGRADE, dice.randrange(users), 0, at_s))
    if dice.random() < 0.15:
        cancel_s = begin_s + round(dice.uniform(0, 30), 2)
        done.append(Step(Act.CANCEL, 0, dice.randrange(jobs), cancel_s))
    return tuple(done)


def workload(seed: int) -> Plan:
    """The plan of a seed, before faults."""
    dice = random.Random(seed)
    world = setting(dice)
    return Plan(seed, world, steps(dice, world.after_s))
