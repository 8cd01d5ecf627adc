"""The restore daemon: a change of role reaches every result of the user, once."""

from dataclasses import replace

import pytest

from aws import outbox
from aws.config import Config
from aws.events import Event
from aws.provision import provision
from aws.resources import World, connect
from aws.rows.accounts import Account
from aws.rows.job import Refused, Retrieval
from tests import builders, daemons
from tests.conftest import Clock
from tests.proofs.faults import meanwhile
from util import archive, restore, sweep

pytestmark = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
DAY_S = 24 * 3600


def restored(world: World, account: Account) -> None:
    restore.handle(world, Event(account.event))


def test_a_new_subscriber_gets_archived_results_retrieved_and_the_rest_pinned(
    world: World,
) -> None:
    owner = builders.user(world)
    cold, hot = builders.archived(world, owner), builders.mailed(world, owner)
    restored(world, world.accounts.subscribe(owner.user_id))
    retrieval = world.jobs.get(cold.job_id).retrieval
    assert retrieval is not None
    assert (retrieval.tier, retrieval.id is None) == ("Expedited", False)
    assert world.jobs.get(hot.job_id).pinned


def test_the_same_event_again_requests_nothing_again(world: World) -> None:
    owner = builders.user(world)
    job = builders.requested(world, owner)
    restored(world, owner)
    assert world.jobs.get(job.job_id) == job


def test_a_cancelled_subscription_releases_what_is_in_s3(world: World) -> None:
    owner = builders.user(world, premium=True)
    job = builders.mailed(world, owner)
    outbox.flush(world, world.jobs.pin(job.job_id))
    restored(world, world.accounts.unsubscribe(owner.user_id))
    after = world.jobs.get(job.job_id)
    assert (after.pinned, after.is_hot) == (False, True)
    assert after.expires_time is not None


def test_a_free_users_results_and_a_job_that_runs_stay_as_they_are(world: World) -> None:
    owner = builders.user(world)
    jobs = [builders.archived(world, owner), builders.started(world, owner)]
    restored(world, owner)
    assert [world.jobs.get(job.job_id) for job in jobs] == jobs


def test_what_is_not_archived_cannot_be_requested(world: World) -> None:
    job = builders.mailed(world, builders.user(world, premium=True))
    with pytest.raises(Refused):
        restore.request(world, job)


def test_a_change_stays_pending_until_a_pass_after_the_second_reminder(
    world: World, clock: Clock
) -> None:
    owner = builders.user(world)
    account = world.accounts.subscribe(owner.user_id)
    for reminders in range(restore.MIN_REMINDERS + 1):
        pending = world.accounts.get(owner.user_id)
        assert (pending.pending_role_change, pending.reminders) == (account.role_changes, reminders)
        restored(world, account)
        clock.advance(daemons.LATE_S)
        sweep.sweep(world)
    assert world.accounts.get(owner.user_id).pending_role_change is None
    assert list(world.accounts.due()) == []


def test_what_is_done_follows_from_the_rows_whatever_the_index_shows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is a minute behind: the result still in S3, or on its way from an older archive."""
    owner = builders.user(world)
    before = builders.mailed(world, owner)
    archive.store(world, before)
    cold = builders.archived(world, owner)
    retrieval = Retrieval("old", "Expedited", 0, 0, "old")
    stale = [before, replace(cold, retrieval=retrieval)]
    monkeypatch.setattr(world.jobs, "all_of", lambda _: iter(stale))
    restored(world, world.accounts.subscribe(owner.user_id))
    for job in (before, cold):
        after = world.jobs.get(job.job_id)
        assert after.retrieval is not None
        assert after.retrieval.token != "old"


def test_a_job_that_no_index_lists_is_found_by_its_own_event(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = builders.user(world)
    job = builders.mailed(world, owner)
    monkeypatch.setattr(world.jobs, "all_of", lambda _: iter(()))
    with meanwhile(world, lambda: world.accounts.subscribe(owner.user_id), operation="GetObject"):
        archive.store(world, job)
    daemons.deliver_queue(world, "restore", restore.handle)
    assert world.jobs.get(job.job_id).retrieval is not None


@pytest.mark.parametrize("skew_s", [-90, 90])
def test_clocks_that_differ_clear_no_change_of_role_early(
    world: World, clock: Clock, skew_s: int
) -> None:
    """The daemons' clocks against the site's: before the index can show the archive."""
    object.__setattr__(world.config.sweep, "grace_s", 60)
    daemon = connect(world.config, lambda: clock() + skew_s)
    owner = builders.user(world)
    account = world.accounts.subscribe(owner.user_id)
    sweep.sweep(daemon)
    restored(daemon, account)
    assert world.accounts.get(owner.user_id).pending_role_change is not None


@pytest.fixture
def morning(clock: Clock) -> None:
    """A day (UTC) that has just begun: none begins within the test."""
    clock.advance(DAY_S - clock() % DAY_S)


@pytest.mark.usefixtures("morning")
def test_a_day_brings_back_so_many_results_and_the_next_days_the_others(
    config: Config, clock: Clock
) -> None:
    config = replace(config, restore=replace(config.restore, max_day=2))
    provision(config)
    world = connect(config, clock)
    owner = builders.user(world)
    jobs = [builders.archived(world, owner) for _ in range(3)]
    owner = world.accounts.subscribe(owner.user_id)

    def requested() -> int:
        return sum(world.jobs.get(job.job_id).retrieval is not None for job in jobs)

    for _ in range(2):
        restored(world, owner)
        assert requested() == 2
    clock.advance(DAY_S)
    assert world.accounts.get(owner.user_id).pending_role_change is not None, "who would go on?"
    restored(world, owner)
    assert requested() == 3
    assert world.accounts.get(owner.user_id).pending_role_change is None


@pytest.mark.usefixtures("morning")
def test_a_single_result_beyond_the_days_number_is_not_forgotten(
    config: Config, clock: Clock
) -> None:
    config = replace(config, restore=replace(config.restore, max_day=1))
    provision(config)
    world = connect(config, clock)
    owner = builders.user(world)
    jobs = [builders.archived(world, owner) for _ in range(2)]
    owner = world.accounts.subscribe(owner.user_id)
    world.accounts.clear_role_change(owner.user_id, owner.role_changes)
    for job in jobs:
        restore.handle(world, Event(job.event))
    assert [world.jobs.get(job.job_id).retrieval is None for job in jobs] == [False, True]
    assert world.accounts.get(owner.user_id).pending_role_change == owner.role_changes
