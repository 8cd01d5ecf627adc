"""The network between the daemons and AWS: latency, and the faults of a plan."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.proofs.faults import Crash
from tests.proofs.simulation.cloud import NO_JOB, Cloud, look, role_of
from tests.proofs.simulation.effects import ERROR_S, FAULTS, UNAVAILABLE, Send
from tests.proofs.simulation.plan import CHANGES, FROZEN, NOTED, WAITS, WRITTEN, Fault, Plan, Step
from tests.proofs.simulation.scheduler import Scheduler, SimulatedProcess, Strand
from tests.proofs.simulation.services.answers import Reply, ServiceError

Label = tuple[str, str]
"""A daemon's name, and its call with the state of the job that it is about."""
CHILD: Label = ("annotator", "child")
"""The start of a child, which is no call of AWS."""
PLUMBING = {"receive_message", "delete_message", "change_message_visibility"}
PLUMBING |= {"get_queue_url", "get_caller_identity"}
"""Calls that are the same whatever the state of a job."""
EFFECTS = ("publish", "send_", "delete_", "put_object", "upload_", "initiate_", "restore_")
"""The calls that do something elsewhere, which a row does not know of yet."""
LOOKS = {"list_objects_v2", "query", "scan"}
"""Calls that look for rows and objects, and go by none."""


@dataclass
class Record:
    """What a run has seen: the labels of its calls, the faults that came about, the story."""

    scheduler: Scheduler
    labels: Counter[Label] = field(default_factory=Counter)
    fired: list[tuple[Fault, str]] = field(default_factory=list)
    covered: set[tuple[str, ...]] = field(default_factory=set)
    noting: set[Label] = field(default_factory=set)
    """The writes of a row right after something was done elsewhere."""
    story: list[tuple[float, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """How long (s) each of the faults that hold a call up has lasted."""
    calls: int = 0

    @property
    def longest_s(self) -> float:
        """How long the longest of the faults that came about has lasted."""
        lasted = [fault.seconds for fault, _ in self.fired if fault.kind not in WAITS]
        return max([*lasted, *self.waits], default=0.0)

    def __getstate__(self) -> dict[str, Any]:
        """What another process can make use of."""
        return {**vars(self), "scheduler": None}

    def tell(self, text: str) -> None:
        """Add a line to the story."""
        self.story.append((self.scheduler.now, text))

    def called(self, label: Label) -> None:
        self.calls += 1
        self.labels[label] += 1
        kinds = [fault.kind.name for fault, _ in self.fired[-2:]]
        self.covered.add((*label, *kinds))


class Network:
    """Carries every call of a strand, and has the plan's faults happen at their anchors."""

    def __init__(self, scheduler: Scheduler, cloud: Cloud, plan: Plan) -> None:
        self.scheduler, self.cloud, self.plan = scheduler, cloud, plan
        self.record = Record(scheduler)
        self.faults = list(plan.faults)
        self.rivals = [step for step in plan.steps if step.anchor]
        self.outages: list[tuple[str, float]] = []
        self.waiting: list[tuple[Label, Strand]] = []
        self.about: dict[Strand, str] = {}
        """The job that each strand has last read or written."""
        self.rows: dict[Strand, str] = {}
        """The row of the same, a job's or a user's."""
        self.acted: set[Strand] = set()
        """The strands whose last call has done something elsewhere."""
        self.writers: set[Strand] = set()
        """The strands whose present call writes a row."""
        self.sick: set[SimulatedProcess] = set()
        """The machines whose children die."""
        self.heard: Callable[[Strand, str, str], None] = lambda strand, operation, row: None
        """Called at each call of a strand, with the operation and the row."""
        self.answers: Callable[[Strand, str, str], None] = lambda strand, operation, row: None
        """Called when the service answers it."""
        self.reboot: Callable[[SimulatedProcess], None] = lambda process: None
        self.act: Callable[[Step], None] = lambda step: None
        self.note: Callable[[str], None] = lambda row: None
        """Has somebody write a row."""

    def call(self, service: str, operation: str, params: dict[str, Any]) -> Reply:
        """One call: by the harness at once, by a strand after its latency, and with its faults."""
        strand = self.scheduler.current
        if strand is None:
            return self.cloud.answer(service, operation, params)
        if not strand.process.is_alive:
            raise Crash
        params = {name: sent(value) for name, value in params.items()}
        label = self._label(strand, operation, params)
        if strand in self.acted and operation == "put_item":
            self.record.noting.add(label)
        if operation not in PLUMBING:
            self._note_act(strand, operation)
        row = self.rows.get(strand, "")
        self.heard(strand, operation, row)

        def send() -> Reply:
            self._demand_there(service, operation)
            self.answers(strand, operation, row)
            return self.cloud.answer(service, operation, params)

        return self.carry(strand, label, send)

    def _note_act(self, strand: Strand, operation: str) -> None:
        """Note whether a strand has done something that no row knows of; reads change nothing."""
        if operation.startswith(EFFECTS):
            self.acted.add(strand)
        elif operation == "put_item":
            self.acted.discard(strand)

    def _demand_there(self, service: str, operation: str) -> None:
        """Raise ServiceError, a moment later, where the service is away."""
        for name, until in self.outages:
            if name in (service, f"{service}.{operation}") and self.scheduler.now < until:
                self.scheduler.sleep(ERROR_S)
                raise ServiceError(UNAVAILABLE, 503)

    def carry(self, strand: Strand, label: Label, send: Send) -> Reply:
        """Have `send` happen after the latency, with the faults that are due."""
        self.record.called(label)
        nth = self.record.labels[label]
        for step in self._due(self.rivals, label, nth):
            if step.at_s:
                self.scheduler.after(step.at_s, lambda step=step: self.act(step))  # type: ignore[misc]
                continue
            self.act(step)
            stands_s = (self.plan.setting.latency_s * 40 + 3) * CHANGES.get(step.act, 1)
            self.scheduler.sleep(stands_s)
            self.record.waits.append(stands_s)
        self.scheduler.sleep(self.scheduler.dice.expovariate(1 / self.plan.setting.latency_s))
        try:
            reply = self._sent(strand, label, nth, send)
        except Crash:
            self._overtake(strand, label)
            raise
        self._overtake(strand, label)
        return reply

    def _sent(self, strand: Strand, label: Label, nth: int, send: Send) -> Reply:
        for fault in self._due(self.faults, label, nth):
            self.record.fired.append((fault, strand.process.name))
            self.record.tell(f"{strand.process.name}: {fault}, at {label[1]}")
            return FAULTS[fault.kind](self, fault, label[1], send)
        return send()

    def wait(self, fault: Fault) -> None:
        """Have the current call wait, so long or until another process has made a certain call."""
        strand = self.scheduler.current
        assert strand is not None
        if fault.until:
            self.waiting.append((fault.until, strand))
        if fault.until == NOTED:
            self.note(self.rows.get(strand, ""))
        began = self.scheduler.now
        if fault.kind in FROZEN:
            self.scheduler.freeze(strand.process, fault.seconds)
        try:
            self.scheduler.sleep(0 if fault.kind in FROZEN else fault.seconds)
        finally:
            self.record.waits.append(self.scheduler.now - began)
        self.waiting = [(label, one) for label, one in self.waiting if one is not strand]

    def _overtake(self, strand: Strand, label: Label) -> None:
        """Let those go on at once who have waited for this call."""
        for until, waiting in self.waiting:
            is_met = until == label or (
                until in (WRITTEN, NOTED) and self._have_written(strand, waiting)
            )
            if is_met and waiting.process is not strand.process:
                self.scheduler.thaw(waiting.process)
                self.scheduler.wake(waiting)

    def _have_written(self, strand: Strand, waiting: Strand) -> bool:
        """True if the strand has just written the row that the waiting one goes by."""
        return strand in self.writers and self.rows.get(strand) == self.rows.get(waiting)

    def _due(self, waiting: list[Any], label: Label, nth: int) -> list[Any]:
        """Take those of `waiting` whose anchor is this call."""
        due = [
            one
            for one in waiting
            if (one.anchor.label == label and one.anchor.nth == nth)
            or (not one.anchor.call and one.anchor.nth <= self.record.calls and label != CHILD)
        ]
        for one in due:
            waiting.remove(one)
        return due

    def _label(self, strand: Strand, operation: str, params: dict[str, Any]) -> Label:
        """The daemon and its call, with the state of the job; a write with the state after it."""
        name = strand.process.name.partition(" ")[0]
        if operation in PLUMBING:
            return name, operation
        where = params.get("TableName") or params.get("Bucket") or params.get("TopicArn", "")
        kind = where.rpartition("-")[2]
        self.writers.discard(strand)
        if operation == "put_item":
            self.writers.add(strand)
        self._note_row(strand, params.get("Key") or params.get("Item"))
        state = NO_JOB if operation in LOOKS else self._state(strand, kind)
        if operation == "put_item":
            state += ">" + (look if kind == "annotations" else role_of)(params["Item"])
        return name, " ".join(
            word
            for word in (operation, kind, state)
            if word and word != f"{NO_JOB}>{NO_JOB}" and word != NO_JOB
        )

    def _note_row(self, strand: Strand, key: Any) -> None:
        """Note which row a call is about."""
        if isinstance(key, dict) and "job_id" in key:
            self.rows[strand] = self.about[strand] = key["job_id"]["S"]
        elif isinstance(key, dict) and "user_id" in key:
            self.rows[strand] = key["user_id"]["S"]

    def _state(self, strand: Strand, kind: str) -> str:
        """The state of the row that the strand goes by."""
        if kind == "accounts":
            return role_of(self.cloud.accounts.get(self.rows.get(strand, "")))
        return look(self.cloud.jobs.get(self.about.get(strand, "")))

    def end_faults(self) -> None:
        """No fault from here on, and what lasted is over."""
        self.faults, self.rivals, self.outages = [], [], []

    @property
    def process(self) -> SimulatedProcess:
        """The process that makes the current call."""
        assert self.scheduler.current is not None
        return self.scheduler.current.process

    def die(self) -> Reply:
        """Kill the process that makes the current call; its supervisor starts another."""
        process = self.process
        self.scheduler.kill(process)
        self.reboot(process)
        raise Crash


def sent(value: Any) -> Any:
    """A parameter as it may be sent again: the bytes of a stream."""
    return value.read() if hasattr(value, "read") else value
