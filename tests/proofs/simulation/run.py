"""One run of a plan: everything happens, the world comes to rest, the invariants are checked."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.client import BaseClient

from aws import queue_admin, resources
from aws.config import Config, load
from aws.resources import World, connect
from aws.rows import table
from aws.rows.job import MAX_RETRIES
from aws.rows.table import Row
from tests import daemons
from tests.proofs import invariants
from tests.proofs.simulation import judge
from tests.proofs.simulation.cloud import PREFIX, Cloud
from tests.proofs.simulation.machines import Machines, SimulatedSession
from tests.proofs.simulation.network import Network, Record
from tests.proofs.simulation.people import People
from tests.proofs.simulation.plan import DAY, Plan
from tests.proofs.simulation.scheduler import START_S, Scheduler, Strand
from tests.proofs.simulation.services.answers import ServiceError
from tests.proofs.simulation.services.expressions import Item
from tests.proofs.simulation.shims import in_simulated_time
from tests.proofs.simulation.watch import Watch

MAX_CALLS = 20_000
MAX_S = 60 * DAY
LOOK_S = 3600.0
"""The longest that the sweeper sleeps while any row has a due time: it may be a wrong one."""
STOCK_CALLS = 3_000
Off = Callable[[pytest.MonkeyPatch, World], None]
"""Switches a rule off."""


@dataclass
class Outcome:
    """The end of a run: what was violated, and what was seen on the way."""

    plan: Plan
    violations: list[str]
    record: Record
    jobs: int = 0
    simulated_s: float = 0.0
    kinds: set[str] = field(default_factory=set)


class HarnessClock:
    """The true time, which the harness may have pass."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def __call__(self) -> float:
        return self.scheduler.now

    def advance(self, seconds: float) -> None:
        self.scheduler.sleep(seconds)


@cache
def settings(backend: str, after_s: int) -> Config:
    """The settings as they are delivered, but for the archive."""
    return load(
        env={
            "GAS_GAS_PREFIX": PREFIX,
            "GAS_ARCHIVE_BACKEND": backend,
            "GAS_ARCHIVE_AFTER_S": str(after_s),
        }
    )


@contextmanager
def _network_for(network: Network, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the block, every boto3 client calls the simulated AWS."""

    def call(client: Any, operation: str, params: dict[str, Any]) -> Any:
        try:
            service = client.meta.service_model.service_name
            return network.call(service, xform_name(operation), params)
        except ServiceError as refusal:
            event = f"needs-retry.{service}.{operation}"
            client.meta.events.emit(event, response=(None, refusal.reply), operation=operation)
            kind = client.exceptions.from_code(refusal.code)
            raise kind(refusal.reply, operation) from None

    patch.setattr(BaseClient, "_make_api_call", call)
    session = SimulatedSession()
    patch.setattr(resources, "session", lambda: session)
    yield


def _remembered(unpacked: Callable[[Item], Row]) -> Callable[[Item], Row]:
    """The same, but each version of a row is unpacked only once: most reads find it unchanged."""
    seen: dict[int, tuple[Item, Row]] = {}

    def look_up(item: Item) -> Row:
        if id(item) not in seen:
            seen[id(item)] = item, unpacked(item)
        return dict(seen[id(item)][1])

    return look_up


def run(plan: Plan, off: Off | None = None) -> Outcome:
    """Run a plan to its end; `off` switches a rule off for the whole of it."""
    scheduler, config = Scheduler(plan.seed), settings(plan.setting.backend, plan.setting.after_s)
    cloud = Cloud(scheduler, plan.setting, config.archive.delay_s)
    network = Network(scheduler, cloud, plan)
    logging.disable(logging.CRITICAL)
    with in_simulated_time(scheduler) as patch, _network_for(network, patch):
        patch.setattr(table, "DUE_SHARDS", 1)  # one look instead of four at a handful of rows
        patch.setattr(table, "_unpacked", _remembered(table._unpacked))
        world = daemons.unthreaded(connect(config, HarnessClock(scheduler)))
        if off:
            off(patch, world)
        try:
            return Session(network, world).play()
        finally:
            scheduler.end()
            logging.disable(logging.NOTSET)


class Session:
    """A run under way."""

    def __init__(self, network: Network, world: World) -> None:
        self.network, self.world = network, world
        self.scheduler, self.cloud = network.scheduler, network.cloud
        self.watch = Watch(self.cloud, world, network.record)
        network.heard = self.watch.counts.heard
        network.answers = self.watch.counts.answered
        self.machines = Machines(network, world.config)
        self.people = People(self.machines, world)
        self.is_at_rest = False
        self.parked: dict[Strand, tuple[float, float]] = {}
        """The sweeper's strands that sleep: since when, and how long they would by themselves."""
        self.cloud.watchers.append(self)
        self.scheduler.stretch = self._stretch

    def play(self) -> Outcome:
        """Act, come to rest, take stock, judge."""
        self.machines.boot_all()
        self.people.begin()
        found = self._come_to_rest()
        if self._redrive():
            found = self._come_to_rest()
        if self.cloud.fault:
            raise self.cloud.fault
        if not found:
            found = judge.before_inventory(self.world, self.people, self.watch, self.network.record)
            found += self._take_stock()
            checked = invariants.check(
                self.world, self.cloud.ses.mails, self.people.accepted, self.watch.archives()
            )
            found = [text for text in found + checked.violations if not self._is_excused(text)]
        jobs = len(self.people.uploads)
        violations = [*self.watch.violations, *found]
        return Outcome(
            self.network.plan,
            violations,
            self.network.record,
            jobs,
            self.scheduler.now - START_S,
            {text.partition(":")[0] for text in violations},
        )

    def _redrive(self) -> bool:
        """Have what was given up tried again, as an operator does once the trouble is over.

        Retries last for more than a day: where nothing did, nothing was to be given up.
        """
        rows = self.world.jobs.given_up()
        worn_out = [
            job for job in rows if max(job.reminders, *job.retries.values(), 0) >= MAX_RETRIES
        ]
        if not worn_out or self.network.record.longest_s < DAY:
            return False
        self.is_at_rest = False
        queue_admin.resume(self.world)
        return True

    def _is_excused(self, violation: str) -> bool:
        """True for what is said of a job whose archive has rotted, with its last copy.

        And for one that stays where it was at a change of role, since the index hid it throughout.
        """
        kind = violation.partition(":")[0]
        excused = set(self.watch.counts.missed) if kind in ("stuck", "unsaid") else set()
        excused |= self.cloud.rotten if kind in ("stuck", "lost") else set()
        return any(job_id in violation for job_id in excused)

    def _come_to_rest(self) -> list[str]:
        """Let everything happen that will; say so if it never ends."""
        while not self.is_at_rest and self.scheduler.step():
            if self.network.record.calls > MAX_CALLS:
                return [f"endless: {MAX_CALLS} calls and no rest: {self._restless()}"]
            if self.scheduler.now > START_S + MAX_S:
                return [f"endless: no rest in {MAX_S} s: {self._restless()}"]
        return []

    def _restless(self) -> str:
        return "; ".join(invariants.restless(self.world))

    def _stretch(self, seconds: float) -> float:
        """Have the sweeper sleep through the looks that would find nothing.

        Where nothing is due and nobody else has anything to do, the world is at rest.
        """
        current = self.scheduler.current
        if current is None or current.process.name != "sweep":
            return seconds
        current.is_lazy = True
        due, other = self.cloud.next_due(), self.scheduler.next_busy_time()
        if due is None and other is None:
            self.is_at_rest = True
            return seconds
        self.parked[current] = (self.scheduler.now, seconds)
        return self._look_s(current, due, other)

    def _look_s(self, strand: Strand, due: float | None, other: float | None) -> float:
        """How long (s) until the sweep that may find something, by the sweeper's own rhythm."""
        began, every_s = self.parked[strand]
        now = self.scheduler.now
        if due is None:
            first = max(now + LOOK_S, other or 0)
        else:
            ahead_s = strand.process.skew_s + strand.process.jump_s
            first = min(due - ahead_s, now + LOOK_S)
        sweeps = max(1, math.ceil((first - began) / every_s), math.ceil((now - began) / every_s))
        return began + sweeps * every_s - now

    def written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        """A row was written: the sweeper looks at it once it falls due."""
        if after is None or "due_time" not in after:
            return
        due = self.cloud.next_due()
        for strand in [one for one in self.parked if one.is_lazy]:
            seconds = self._look_s(strand, due, None)
            if self.scheduler.now + seconds < strand.wake_time:
                self.scheduler.wake(strand, seconds)

    def _take_stock(self) -> list[str]:
        """Take an inventory, days later, in the place of the sweeper."""
        self.network.end_faults()
        for strand in self.parked:
            self.scheduler.kill(strand.process)
        self.cloud.glacier.inventory_s = 0
        process = self.machines.process("operator")
        strand = self.scheduler.spawn(process, lambda: daemons.take_stock(self.world))
        calls = self.network.record.calls
        while not strand.is_over and self.scheduler.step():
            if self.network.record.calls > calls + STOCK_CALLS:
                return ["endless: the inventory does not end"]
        return [f"stock: {strand.fault!r}"] if strand.fault else []
