"""The processes of GAS in a run: their real loops, each with a world and a clock of its own."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.hooks import HierarchicalEmitter

from ann.annotator import Annotator
from ann.health import Health
from ann.pipeline import Outcome, Task
from aws.config import Config
from aws.consumer import Consumer, Handler
from aws.processes import DAEMONS
from aws.resources import World, connect
from tests import daemons
from tests.proofs.simulation.network import CHILD, Network
from tests.proofs.simulation.plan import Plan
from tests.proofs.simulation.scheduler import Scheduler, SimulatedProcess
from tests.proofs.simulation.shims import SimulatedEvent, clock_of
from util import sweep

REBOOT_S = 5.0
"""How soon a supervisor starts what has died."""
QUEUES = {daemon: queue for queue, daemon in DAEMONS.items()}
LONG_S = 20.0


class Pages:
    """A paginator of boto3, without what it costs to be one for any service."""

    TOKENS = {
        "list_jobs": ("Marker", "marker"),
        "list_objects_v2": ("NextContinuationToken", "ContinuationToken"),
        "query": ("LastEvaluatedKey", "ExclusiveStartKey"),
        "scan": ("LastEvaluatedKey", "ExclusiveStartKey"),
    }

    def __init__(self, client: Any, operation: str) -> None:
        self.client, self.operation = client, operation

    def paginate(self, **params: Any) -> Iterator[Any]:
        """Each page, as the operation answers it."""
        found, sent = self.TOKENS[self.operation]
        while True:
            reply = getattr(self.client, self.operation)(**params)
            yield reply
            if not reply.get(found):
                return
            params[sent] = reply[found]


class SimulatedSession:
    """Stands in for boto3's Session in one run: real clients, copied, for they are slow to make."""

    real = boto3.session.Session(
        aws_access_key_id="simulated", aws_secret_access_key="simulated", region_name="us-east-1"
    )
    made: dict[str, Any] = {}

    def __init__(self) -> None:
        self.copies: dict[str, Any] = {}

    def client(self, service: str, **settings: Any) -> Any:
        options = vars(settings["config"]).get("_user_provided_options", "")
        key = f"{service} {options}"
        if key not in self.copies:
            self.copies[key] = self._copy(key, service, settings)
        return self.copies[key]

    def _copy(self, key: str, service: str, settings: dict[str, Any]) -> Any:
        """A client whose event handlers end with the run; the network retries in its place."""
        if key not in self.made:
            self.made[key] = self.real.client(service, **settings)
        real = self.made[key]
        client = object.__new__(type(real))
        vars(client).update(vars(real))
        client.meta = copy.copy(client.meta)
        client.meta.events = HierarchicalEmitter()
        vars(client)["get_paginator"] = lambda operation: Pages(client, operation)
        return client


class SimulatedRun(daemons.QuickRun):
    """A pipeline's run that takes simulated time; its child may be killed."""

    def __init__(self, task: Task, scheduler: Scheduler, seconds: float, killed: bool) -> None:
        super().__init__(task)
        self.scheduler, self.killed = scheduler, killed
        self.until = scheduler.now + seconds

    def wait(self, seconds: float) -> Outcome | None:  # type: ignore[override]
        left = self.until - self.scheduler.now
        self.scheduler.sleep(max(0.0, min(left, max(seconds, LONG_S))))
        if self.scheduler.now < self.until:
            return None
        if self.killed:
            return Outcome(self.task.folder, error="its process was killed", crashed=True)
        return super().wait(seconds)


class SimulatedWorker(daemons.QuickWorker):
    """Stands in for a warm worker: everything but the child is the daemon's own."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def start(self, task: Task) -> SimulatedRun:  # type: ignore[override]
        scheduler = self.network.scheduler
        assert scheduler.current is not None
        found = self.network.carry(scheduler.current, CHILD, dict)
        mean = self.network.plan.setting.work_s
        return SimulatedRun(
            task,
            scheduler,
            scheduler.dice.uniform(0, 2 * mean),
            bool(found.get("killed")) or scheduler.current.process in self.network.sick,
        )


class Machines:
    """Boots every process of a plan, and boots it again when it has died."""

    def __init__(self, network: Network, config: Config) -> None:
        self.network, self.scheduler, self.config = network, network.scheduler, config
        self.plan: Plan = network.plan
        self.skews = dict(self.plan.setting.skews)
        self.dice = random.Random(self.plan.seed)
        network.reboot = self.reboot

    def boot_all(self) -> None:
        """Start every daemon, in so many instances; one sweeper."""
        for name in DAEMONS.values():
            for number in range(max(self.plan.setting.instances, 1 + (name == "annotator"))):
                self.boot(f"{name} {number + 1}")
        self.boot("sweep")

    def process(self, name: str) -> SimulatedProcess:
        return SimulatedProcess(name, self.skews.get(name.partition(" ")[0], 0.0))

    def world(self, process: SimulatedProcess) -> World:
        """The process's own world: transfers in the calling strand."""
        return daemons.unthreaded(connect(self.config, lambda: clock_of(self.scheduler, process)))

    def boot(self, name: str) -> None:
        """Start one process under its name."""
        process, daemon = self.process(name), name.partition(" ")[0]
        world = self.world(process)
        if daemon == "sweep":
            stopping: Any = SimulatedEvent(self.scheduler)
            self.scheduler.spawn(process, lambda: sweep.serve(world, stopping))
            return
        health = Health(lambda fault: served.stopping.set(), lambda: self._trial(process))
        served = Consumer(world, QUEUES[daemon], self._handler(daemon, health))
        self.scheduler.spawn(process, lambda: self._live(process, served))

    def _live(self, process: SimulatedProcess, served: Consumer) -> None:
        """Serve; a sick machine stops in order, and another takes its place."""
        try:
            served.serve()
        finally:
            if process.is_alive:
                self.scheduler.kill(process)
                self.reboot(process)

    def _handler(self, daemon: str, health: Health) -> Handler:
        if daemon == "annotator":
            return Annotator([SimulatedWorker(self.network)], health=health).handle
        return daemons.handlers()[QUEUES[daemon]]

    def _trial(self, process: SimulatedProcess) -> str | None:
        """Stands in for the bundled example: it comes through unless the machine is sick."""
        return "the example does not come through" if process in self.network.sick else None

    def reboot(self, process: SimulatedProcess) -> None:
        """Start a process anew once it has died; people's requests are not repeated."""
        if not process.name.startswith("web"):
            self.scheduler.after(REBOOT_S, lambda: self.boot(process.name))
