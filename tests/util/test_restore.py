"""The restore daemon: a change of role reaches every result of the user, once."""

import pytest

from aws import outbox
from aws.events import Event
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Refused
from tests import builders
from tests.conftest import Clock
from util import restore

pytestmark = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)


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
    assert world.accounts.get(owner.user_id).pending_role_change is None


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


def test_a_change_stays_pending_while_the_index_may_lag(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = builders.user(world)
    object.__setattr__(world.config.sweep, "grace_s", 60)
    account = world.accounts.subscribe(owner.user_id)
    restored(world, account)
    assert world.accounts.get(owner.user_id).pending_role_change == account.pending_role_change
    clock.advance(61)
    restored(world, account)
    assert world.accounts.get(owner.user_id).pending_role_change is None
