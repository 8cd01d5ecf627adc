"""Every handler, and submit and subscribe, hit at every AWS call it makes, in every mode."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from aws import outbox
from aws.events import Event, parse
from aws.resources import World
from aws.rows.job import Job
from tests import builders, daemons
from tests.conftest import CRASH_POINTS, Clock, Handle
from tests.proofs import invariants
from tests.proofs.faults import Crash, Mode, fault_at
from util import archive, notify, restore, sweep, thaw

Act = Callable[[World], object]
MAX_CALLS = 80


def submit(world: World) -> Act:
    job = builders.uploaded(world, builders.user(world))
    return lambda w: outbox.flush(w, w.jobs.submit(job))


def annotate(world: World) -> Act:
    job = builders.submitted(world, builders.user(world))
    handle = daemons.handlers()["job_requests"]
    return lambda w: handle(w, Event(job.event))


def take_over(world: World) -> Act:
    """An annotator died in the middle of writing; another comes."""
    account = builders.user(world)
    job = builders.started(world, account, worker="dead")
    builders.result_of(world, job)
    world.clock.advance(daemons.LATE_S)  # type: ignore[attr-defined]
    handle = daemons.handlers()["job_requests"]
    return lambda w: handle(w, Event(job.event))


def mail(world: World) -> Act:
    job = builders.completed(world, builders.user(world))
    return lambda w: notify.handle(w, Event(job.event))


def store(world: World) -> Act:
    job = outbox.flush(world, builders.completed(world, builders.user(world)))
    return lambda w: archive.handle(w, Event(job.event))


def store_of_an_upgraded_user(world: World) -> Act:
    account = builders.user(world)
    job = outbox.flush(world, builders.completed(world, account))
    world.accounts.subscribe(account.user_id)
    return lambda w: archive.handle(w, Event(job.event))


def subscribe(world: World) -> Act:
    job = builders.archived(world, builders.user(world))
    return lambda w: _change_role(w, job, w.accounts.subscribe)


def unsubscribe(world: World) -> Act:
    account = builders.user(world, premium=True)
    job = builders.mailed(world, account)
    world.jobs.pin(job.job_id)
    return lambda w: _change_role(w, job, w.accounts.unsubscribe)


def _change_role(world: World, job: Job, change: Callable[[str], object]) -> None:
    change(job.user_id)
    outbox.announce_role(world, job.user_id)


def follow_role(world: World) -> Act:
    """Restore: one result to retrieve, one that is in S3."""
    account = builders.user(world)
    builders.archived(world, account)
    outbox.flush(world, builders.completed(world, account))
    world.accounts.subscribe(account.user_id)
    return lambda w: restore.handle(w, Event(account.event))


def thaw_result(world: World) -> Act:
    builders.requested(world, builders.user(world))
    message = _announced(world)
    return lambda w: thaw.handle(w, Event(message))


def _announced(world: World) -> dict[str, object]:
    """The notice of the retrieval; its message is left in the queue, to come again."""
    for _ in range(10):
        for message in world.queues.receive("thaw", 5, 0, most=10):
            body = parse(message.body)
            if "Event" not in body:
                return body
    raise AssertionError("no notice came")


def delete(world: World) -> Act:
    """Its owner deletes a job whose result is in the archive."""
    job = builders.archived(world, builders.user(world))
    return lambda w: outbox.flush(w, w.jobs.delete(job.job_id))


def sweep_all(world: World) -> Act:
    """Something of every kind is overdue."""
    account = builders.user(world)
    world.jobs.submit(builders.uploaded(world, account))
    builders.started(world, account, worker="dead")
    builders.completed(world, account)
    builders.archived(world, account)
    world.accounts.subscribe(account.user_id)
    world.clock.advance(daemons.LATE_S)  # type: ignore[attr-defined]
    return sweep.sweep


ACTS = [submit, annotate, take_over, mail, store, store_of_an_upgraded_user, subscribe]
ACTS += [unsubscribe, follow_role, thaw_result, delete]
COLD = [store, subscribe, follow_role, thaw_result, delete]
ALONE = [thaw_result, sweep_all]
"""They act on what others have left, too; of other acts, several scenes come to rest together."""
TOGETHER = 6
Turns = list[tuple[Mode, ...]]
IN_TURN: Turns = [tuple(Mode)]
"""For the vault's sweeper, of whose calls only the store's are others."""
EACH: Turns = [(mode,) for mode in Mode]


def case(backend: str, act: Callable[[World], Act], turns: Turns) -> Any:
    only = f"-{turns[0][0].name.lower()}" if len(turns) == len(turns[0]) == 1 else ""
    return pytest.param(backend, act, turns, id=f"{backend}-{act.__name__}{only}")


CASES = [case("s3", act, EACH) for act in ACTS] + [case("vault", act, EACH) for act in COLD]
CASES += [case("s3", sweep_all, [modes]) for modes in EACH] + [case("vault", sweep_all, IN_TURN)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what dies closes nothing
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("backend", "prepare", "turns"), CASES, indirect=["backend"])
def test_nothing_is_lost_whatever_fails_at_whichever_call(
    backend: str,
    prepare: Callable[[World], Act],
    turns: Turns,
    world: World,
    clock: Clock,
    local_aws: Handle,
    record_property: Callable[[str, object], None],
) -> None:
    local_aws.settings(expedited_s=0, standard_s=0)
    daemons.unthreaded(world)
    points = sum(_fault_everywhere(world, clock, local_aws, prepare, modes) for modes in turns)
    record_property(CRASH_POINTS, points)
    assert points >= 4 * 3


def _fault_everywhere(
    world: World,
    clock: Clock,
    aws: Handle,
    prepare: Callable[[World], Act],
    modes: tuple[Mode, ...],
) -> int:
    """Fail the first call, the second, … until the act is through; return how many there were.

    Several modes take turns.
    """
    scenes: list[str] = []
    for at in itertools.count(1):
        assert at < MAX_CALLS
        act, mode = prepare(world), modes[at % len(modes)]
        with fault_at(world, mode, at) as fault:
            _attempt(world, act)
        if fault.call:
            _demand_copies(world, aws.archives(world))
            _attempt(world, act)
            scenes.append(f"call {at}, {fault.call}")
        if prepare in ALONE or at % TOGETHER == 0 or not fault.call:
            violations = daemons.rest(world, clock, aws).violations
            assert not violations, f"{mode} at one of {scenes}"
            scenes.clear()
        if not fault.call:
            return at - 1
    raise AssertionError("unreachable")


def _attempt(world: World, act: Act) -> None:
    """The process may die; its message comes again, or its user tries once more."""
    with contextlib.suppress(Crash, Exception):
        act(world)


def _demand_copies(world: World, archives: invariants.Archives) -> None:
    """I3: right after the fault, before anything is mended, there is a copy of every result."""
    for job in world.jobs.scan():
        assert invariants.has_a_copy(world, job, archives), job
