"""What reviews and the simulation itself have had mended, each switched off again.

They are beside the rules of docs/processes.md, which tests/proofs/test_mutations.py switches off.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ann import annotator, attempt
from ann.health import Health
from aws import outbox
from aws.events import Event
from aws.resources import World
from aws.rows import moves
from aws.rows.accounts import Account, Accounts
from aws.rows.job import Job, Now, Refused
from tests.proofs.simulation.run import Off
from tests.proofs.test_mutations import RULES, patched, step
from util import archive, inventory, notify, restore


def uncounted(job: Job, at: Now, **fault: Any) -> Job:
    return moves.fail_retrieval(replace(job, failed_moves=0), at, **fault)


def uncounted_damage(job: Job, at: Now, **fault: Any) -> Job:
    return moves.fail_archive(replace(job, failed_moves=0), at, **fault)


def unleased(job: Job, at: Now, **archived: Any) -> Job:
    return moves.begin_archive(replace(job, lease_until=None), at, **archived)


def of_any_retention(job: Job, at: Now, *, expires_time: float | None, **rest: Any) -> Job:
    return moves.begin_archive(job, at, expires_time=job.expires_time, **rest)


def after_its_lease(job: Job, at: Now, **archived: Any) -> Job:
    return moves.commit_archive(replace(job, lease_until=at.now + 1), at, **archived)


def publishing_at_each_delivery(patch: pytest.MonkeyPatch, world: World) -> None:
    """Each handler flushes the row that it was sent about, before its own work."""
    for module in (notify, archive):
        patch.setattr(module, "handle", _flushing(module.handle))


def _flushing(handle: Callable[[World, Event], None]) -> Callable[[World, Event], None]:
    def flush_and_handle(world: World, event: Event) -> None:
        outbox.flush(world, world.jobs.get(event.job_id))
        handle(world, event)

    return flush_and_handle


def taken_for_true(patch: pytest.MonkeyPatch, world: World) -> None:
    """Times that no right clock has written stay."""
    step("bound_times", lambda job, at: job)(patch, world)
    patch.setattr(Accounts, "bound_times", Accounts.get)


def kept_for_its_lease(patch: pytest.MonkeyPatch, world: World) -> None:
    """A job whose attempt broke down is left to its lease."""
    for module in (annotator, attempt):
        patch.setattr(module, "give_back", lambda *_: None)


def by_its_own_clock(patch: pytest.MonkeyPatch, world: World) -> None:
    """The inventory goes by the sweeper's clock."""
    real = inventory.stores
    patch.setattr(
        inventory, "stores", lambda of: [replace(store, now=of.clock) for store in real(of)]
    )


def by_the_index(world: World, event: Event, account: Account) -> None:
    """Act on the jobs by what the index shows of them."""
    for listed in world.jobs.all_of(account.user_id):
        try:
            _move(world, listed, account)
        except Refused:
            continue
    if account.pending_role_change is not None and account.reminders >= restore.MIN_REMINDERS:
        world.accounts.clear_role_change(account.user_id, account.pending_role_change)


def _move(world: World, listed: Job, account: Account) -> None:
    if account.is_premium and listed.is_archived and not listed.retrieval:
        restore.request(world, listed)
    elif account.is_premium and listed.is_hot and not listed.pinned:
        outbox.flush(world, world.jobs.pin(listed.job_id))
    elif not account.is_premium and restore.must_be_released(world, listed, account):
        outbox.flush(world, world.jobs.release(listed.job_id))


MENDS: dict[str, Off] = {
    "a failed call gives the job back at once": kept_for_its_lease,
    "a sick machine is no bad file": patched(Health, "blames_machine", lambda *_: False),
    "what is done for a role follows from the rows": patched(restore, "_act", by_the_index),
    "a change of role is repeated": patched(restore, "MIN_REMINDERS", 0),
    "an archive that does not come back is given up": step("fail_retrieval", uncounted),
    "only who has written the row publishes": publishing_at_each_delivery,
    "a mail that can never be sent ends": patched(notify, "give_up", lambda *_: None),
    "times that no right clock has written go": taken_for_true,
    "an archive in progress is leased": step("begin_archive", unleased),
    "an archive goes by the retention that it has seen": step("begin_archive", of_any_retention),
    "no archive is committed after its lease": step("commit_archive", after_its_lease),
    "the inventory goes by the store's clock": by_its_own_clock,
    "a retention that began while premium starts anew": patched(
        archive, "is_cut_short", lambda *_: False
    ),
}
SWITCHES: dict[str, Off] = {rule: off for rule, (_, off) in RULES.items()} | MENDS
"""Each rule and each mend, by what switches it off."""


def switched_off(rules: list[str]) -> Off:
    """Switches all of these off."""

    def off(patch: pytest.MonkeyPatch, world: World) -> None:
        for rule in rules:
            SWITCHES[rule](patch, world)

    return off
