"""Any order of uploads, runs, changes of role, deliveries, crashes and freezes ends well.

Handlers run as threads that stop before each AWS call until they are let on: so they can
freeze between any two calls, wake after others have acted (a zombie), or never wake (a crash).
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from aws import outbox
from aws.events import Event, Message, parse
from aws.processes import DAEMONS
from aws.resources import World
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from tests.proofs.faults import Crash, clients
from util import sweep

EXAMPLES, STEPS = 25, 30
JOIN_S = 600
"""No thread waits so long: one that stopped waiting by itself would act out of its turn."""
STEPS_S = (1, 20, 40, 100_000)
"""Steps of time: within a lease, about its end, past it, past everything."""


class Gate:
    """Stops a thread before each AWS call until it may make some more of them."""

    def __init__(self) -> None:
        self.turn = threading.Condition()
        self.allowed, self.dead, self.waiting, self.over = 0, False, False, False

    def pass_one(self) -> None:
        """Wait, in the thread itself, until it may make a call."""
        with self.turn:
            self.waiting = True
            self.turn.notify_all()
            self.turn.wait_for(lambda: self.allowed or self.dead, JOIN_S)
            self.waiting = False
            if self.dead:
                raise Crash
            self.allowed -= 1

    def let(self, calls: int) -> None:
        """Let the thread make so many calls; return once it has stopped before the next."""
        with self.turn:
            self.allowed = calls
            self.turn.notify_all()
            self.turn.wait_for(self._is_held, JOIN_S)

    def kill(self) -> None:
        with self.turn:
            self.dead = True
            self.turn.notify_all()

    def _is_held(self) -> bool:
        return self.over or (self.waiting and not self.allowed)


class Actor:
    """A handler at work on a message, or a user's request, a few AWS calls at a time."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.gate = Gate()
        self.thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self.failed = False

    def start(self) -> "Actor":
        GATES.by_thread[self.thread] = self.gate
        self.thread.start()
        return self

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (Exception, Crash):
            self.failed = True
        finally:
            with self.gate.turn:
                self.gate.over = True
                self.gate.turn.notify_all()

    def go(self, calls: int) -> None:
        self.gate.let(calls)

    def end(self) -> None:
        """Let it run to its end."""
        self.gate.let(1_000_000)
        self.thread.join(JOIN_S)

    def die(self) -> None:
        self.gate.kill()
        self.thread.join(JOIN_S)


class Gates:
    """The hook in every client: an actor's thread waits at its gate, others pass."""

    def __init__(self) -> None:
        self.by_thread: dict[threading.Thread, Gate] = {}

    def __call__(self, **_: Any) -> None:
        gate = self.by_thread.get(threading.current_thread())
        if gate:
            gate.pass_one()


GATES = Gates()


class Lives(RuleBasedStateMachine):
    """A few users and their jobs; the world and its clock are set by the test below."""

    world: World
    clock: Clock
    aws: Handle

    def __init__(self) -> None:
        super().__init__()
        self.actors: list[Actor] = []
        self.accepted: set[str] = set()
        self.sent: list[tuple[str, str]] = []
        self.held: list[Message] = []
        self.handlers = daemons.handlers()

    @initialize()
    def begin(self) -> None:
        daemons.wipe(self.world)
        for queue in DAEMONS:
            daemons.deliver_queue(self.world, queue, lambda *_: None)
        self.users = [builders.user(self.world) for _ in range(2)]

    @rule(who=st.integers(0, 1))
    def submit(self, who: int) -> None:
        job = builders.uploaded(self.world, self.users[who])
        outbox.flush(self.world, self.world.jobs.submit(job))
        self.accepted.add(job.job_id)

    @rule(who=st.integers(0, 1), premium=st.booleans(), calls=st.integers(1, 4))
    def change_role(self, who: int, premium: bool, calls: int) -> None:
        user_id = self.users[who].user_id
        accounts = self.world.accounts
        change = accounts.subscribe if premium else accounts.unsubscribe

        def act() -> None:
            change(user_id)
            outbox.announce_role(self.world, user_id)

        self._act(act, calls)

    @rule(queue=st.sampled_from(list(DAEMONS)), calls=st.integers(1, 25))
    def deliver(self, queue: str, calls: int) -> None:
        """A daemon takes a message, and freezes after some calls."""
        for message in self.world.queues.receive(queue, 0, daemons.VISIBILITY_S):
            self.sent.append((queue, message.body))
            self.held.append(message)
            self._act(lambda m=message: self._handle(m), calls)  # type: ignore[misc]

    @rule(pick=st.integers(0, 1000), calls=st.integers(1, 25))
    def replay(self, pick: int, calls: int) -> None:
        """A message that was delivered before is delivered again."""
        if self.sent:
            queue, body = self.sent[pick % len(self.sent)]
            event = Event(parse(body))
            self._act(lambda: self.handlers[queue](self.world, event), calls)

    @rule(pick=st.integers(0, 1000), calls=st.integers(1, 25))
    def wake(self, pick: int, calls: int) -> None:
        if self.actors:
            self.actors[pick % len(self.actors)].go(calls)

    @rule(pick=st.integers(0, 1000))
    def crash(self, pick: int) -> None:
        if self.actors:
            self.actors.pop(pick % len(self.actors)).die()

    @rule(calls=st.integers(1, 40))
    def sweep(self, calls: int) -> None:
        self._act(lambda: sweep.sweep(self.world), calls)

    @rule(seconds=st.sampled_from(STEPS_S))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    def _act(self, act: Callable[[], object], calls: int) -> None:
        actor = Actor(act).start()
        self.actors.append(actor)
        actor.go(calls)

    def _handle(self, message: Message) -> None:
        self.handlers[message.queue](self.world, Event(parse(message.body)))
        self.world.queues.delete(message)

    def teardown(self) -> None:
        """Every zombie wakes, everything is delivered, and the invariants hold."""
        for actor in self.actors:
            actor.end()
        self.clock.advance(daemons.LATE_S)
        self._lose_messages()
        daemons.bring_to_rest(self.world, self.clock, daemons.handlers())
        daemons.take_stock(self.world)
        archives = self.aws.archives(self.world)
        found = invariants.check(self.world, self.aws.mail(), self.accepted, archives)
        assert not found.violations

    def _lose_messages(self) -> None:
        """Lose the messages in flight: the sweeper goes by the rows alone."""
        for message in self.held:
            self.world.queues.delete(message)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_any_order_of_events_ends_well(
    backend: str, world: World, clock: Clock, local_aws: Handle
) -> None:
    local_aws.settings(expedited_s=0, standard_s=0)
    daemons.unthreaded(world)
    for client in clients(world):
        client.meta.events.register("before-call", GATES)
    Lives.world, Lives.clock, Lives.aws = world, clock, local_aws
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
