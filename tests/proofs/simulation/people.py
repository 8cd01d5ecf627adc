"""What people do in a run: requests to the site, each in a process of its own."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace

from aws import outbox
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Refused
from tests import builders
from tests.proofs.simulation.machines import Machines
from tests.proofs.simulation.plan import Act, Step
from tests.proofs.simulation.scheduler import SimulatedProcess

AGAIN_S = 30.0
TRIES = 3
FLIP_S = 4.0


class People:
    """The users of a run and their jobs."""

    def __init__(self, machines: Machines, world: World) -> None:
        self.machines, self.harness, self.network = machines, world, machines.network
        self.users: dict[int, Account] = {}
        self.uploads: dict[int, Job] = {}
        self.accepted: set[str] = set()
        self.notes = itertools.count(1)
        self.network.act, self.network.note = self.act, self.note
        for step in self.network.plan.steps:
            self.users.setdefault(step.user, builders.user(world))

    def begin(self) -> None:
        """Have each step happen at its time."""
        for step in self.network.plan.steps:
            if not step.anchor:
                self.network.scheduler.after(step.at_s, lambda step=step: self.act(step))  # type: ignore[misc]

    def act(self, step: Step) -> None:
        """Begin an act of a user, in a process of the site of its own."""
        process = self.machines.process("web")
        world = self.machines.world(process)
        self.network.record.tell(f"user {step.user} {step.act} (job {step.job})")
        acts: dict[Act, Callable[[World, Step], None]] = {
            Act.SUBMIT: self._submit,
            Act.UPGRADE: self._change_role,
            Act.DOWNGRADE: self._change_role,
            Act.FLIP: self._flip,
            Act.CANCEL: self._cancel,
            Act.NOTE: self._note,
            Act.REPLAY: self._replay,
        }
        act = acts[step.act]
        self.network.scheduler.spawn(process, lambda: self._persist(process, world, act, step))

    def note(self, row: str) -> None:
        """Have somebody write this row, a job's or a user's, in a process of the site."""
        process = self.machines.process("web")
        world, number = self.machines.world(process), str(next(self.notes))
        self.network.record.tell(f"somebody writes the row of {row}")

        def write() -> None:
            if row in self.network.cloud.jobs:
                world.jobs.describe(row, title="", note=number)
            else:
                world.accounts.begin_session(row, number, "a browser")

        self.network.scheduler.spawn(process, write)

    def _persist(
        self,
        process: SimulatedProcess,
        world: World,
        act: Callable[[World, Step], None],
        step: Step,
        tries: int = TRIES,
    ) -> None:
        """Try again, as a person does whose page did not load: each try is a request of its own."""
        try:
            act(world, step)
        except Exception:
            if tries > 1:
                again = functools.partial(self._persist, process, world, act, step, tries - 1)
                scheduler = self.network.scheduler
                scheduler.after(AGAIN_S, lambda: scheduler.spawn(process, again))

    def _submit(self, world: World, step: Step) -> None:
        if step.job not in self.uploads:
            with self.network.cloud.aside():
                body = f"input {step.job}".encode()
                self.uploads[step.job] = builders.uploaded(
                    self.harness, self.users[step.user], body
                )
        job = world.jobs.submit(self.uploads[step.job])
        self.accepted.add(job.job_id)
        outbox.flush(world, job)

    def _flip(self, world: World, step: Step) -> None:
        """Go premium, and back once `restore` may have acted on it."""
        self._change_role(world, replace(step, act=Act.UPGRADE))
        self.network.scheduler.sleep(FLIP_S)
        self._change_role(world, replace(step, act=Act.DOWNGRADE))
        self.network.scheduler.sleep(FLIP_S)

    def _change_role(self, world: World, step: Step) -> None:
        user_id = self.users[step.user].user_id
        accounts = world.accounts
        change = accounts.subscribe if step.act is Act.UPGRADE else accounts.unsubscribe
        change(user_id)
        outbox.announce_role(world, user_id)

    def _cancel(self, world: World, step: Step) -> None:
        job = self.uploads.get(step.job)
        if job is None:
            return
        try:
            outbox.flush(world, world.jobs.cancel(job.job_id))
        except (Refused, KeyError):
            return

    def _note(self, world: World, step: Step) -> None:
        job = self.uploads.get(step.job)
        if job is not None:
            world.jobs.describe(job.job_id, title="", note=str(next(self.notes)))

    def _replay(self, world: World, step: Step) -> None:
        """An old message comes again: duplicates may be that late."""
        cloud = self.network.cloud
        if cloud.sns.published:
            topic, body = self.network.scheduler.dice.choice(sorted(cloud.sns.published))
            cloud.sqs.put(topic, body, 0)
