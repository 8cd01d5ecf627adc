"""Two at once: each race that could lose or strand a result, at every moment it could happen.

Where a race has a moment, the rival acts before each AWS call of the other in turn, and after it.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable

import pytest

from aws import outbox
from aws.consumer import Consumer, ReturnToQueue
from aws.events import Event
from aws.resources import MAX_RECEIVES, World, connect
from aws.rows.job import Job, Status
from aws.storage.vault import RetrievalRequest
from tests import builders, daemons
from tests.builders import Owner
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from tests.proofs.faults import Crash, Mode, fault_at, meanwhile
from util import archive, restore, sweep, thaw

BOTH = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
SKEW_S = 60
Act = Callable[[], object]

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World, local_aws: Handle) -> World:
    """Retrievals end at once; transfers in the calling thread."""
    local_aws.settings(expedited_s=0, standard_s=0)
    return daemons.unthreaded(world)


@dataclasses.dataclass
class Collision:
    """Lets two acts meet at every moment; the world must be sound after each meeting."""

    world: World
    clock: Clock
    aws: Handle

    def at_every_call(self, prepare: Callable[[], tuple[Act, Act]]) -> int:
        """`prepare` makes a new scene's act and rival; return how many moments there were."""
        for at in itertools.count(1):
            act, rival = prepare()
            with meanwhile(self.world, lambda: attempt(rival), at) as meeting:  # noqa: B023
                attempt(act)
            if not meeting.met:
                attempt(rival)
            archives = self.aws.archives(self.world)
            for job in self.world.jobs.scan():
                assert invariants.has_a_copy(self.world, job, archives), f"call {at}: {job}"
            found = daemons.rest(self.world, self.clock, self.aws)
            assert not found.violations, f"met before call {at}, {meeting.met or 'the end'}"
            if not meeting.met:
                return at
        raise AssertionError("unreachable")


def attempt(act: Act) -> None:
    """Act; a refusal or a return to the queue is a fair end for the loser of a race."""
    with contextlib.suppress(Exception):
        act()


@pytest.fixture
def collision(world: World, clock: Clock, local_aws: Handle) -> Collision:
    return Collision(world, clock, local_aws)


def at_rest(world: World, clock: Clock, job: Job) -> Job:
    daemons.bring_to_rest(world, clock, daemons.handlers())
    return world.jobs.get(job.job_id)


def requested(world: World, account: Owner) -> tuple[Job, Event]:
    """An archived result on its way back, and the message that announces its arrival."""
    job = builders.requested(world, account)
    return job, Event(builders.thaw_message(world, job))


@BOTH
def test_an_upgrade_inside_the_retention_keeps_the_result_in_s3(world: World, clock: Clock) -> None:
    account = builders.user(world)
    job = builders.mailed(world, account)
    builders.change_role(world, account.user_id, premium=True)
    after = at_rest(world, clock, job)
    assert after.result == job.result
    assert after.archived_time is None


@BOTH
def test_an_upgrade_at_any_call_of_the_archive_daemon_leaves_the_result_with_its_owner(
    world: World, collision: Collision
) -> None:
    def prepare() -> tuple[Act, Act]:
        account = builders.user(world)
        job = builders.mailed(world, account)
        return (
            lambda: archive.handle(world, Event(job.event)),
            lambda: builders.change_role(world, account.user_id, premium=True),
        )

    assert collision.at_every_call(prepare) > 6


@BOTH
@pytest.mark.parametrize("daemon", [archive.handle, restore.handle])
def test_a_downgrade_at_any_call_of_a_daemon_that_took_the_user_for_premium_is_noticed(
    world: World, collision: Collision, daemon: Callable[[World, Event], None]
) -> None:
    def prepare() -> tuple[Act, Act]:
        account = builders.user(world)
        job = builders.mailed(world, account)
        world.accounts.subscribe(account.user_id)
        return (
            lambda: daemon(world, Event(job.event)),
            lambda: builders.change_role(world, account.user_id, premium=False),
        )

    assert collision.at_every_call(prepare) > 4


def test_an_upgrade_that_no_index_shows_yet_is_seen_after_the_archives_commit(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = builders.user(world)
    job = builders.mailed(world, account)

    def upgrade() -> None:
        """Let the index lag until the change of role counts as carried out."""
        with monkeypatch.context() as lagging:
            lagging.setattr(world.jobs, "all_of", lambda _: iter(()))
            world.accounts.subscribe(account.user_id)
            builders.remind(world, account.user_id)
            restore.handle(world, Event(account.event))

    with meanwhile(world, upgrade, operation="GetObject"):
        archive.handle(world, Event(job.event))
    assert world.accounts.get(account.user_id).pending_role_change is None
    assert at_rest(world, clock, job).is_hot


@BOTH
def test_a_job_that_completes_after_the_upgrade_is_kept(world: World, clock: Clock) -> None:
    account = builders.user(world)
    job = builders.started(world, account)
    builders.change_role(world, account.user_id, premium=True)
    result = builders.result_of(world, job)
    world.jobs.complete(job.job_id, owner=builders.OWNER, result=result)
    after = at_rest(world, clock, job)
    assert after.pinned
    assert after.archived_time is None


@BOTH
def test_a_downgrade_during_a_retrieval_ends_in_the_archive(world: World, clock: Clock) -> None:
    account = builders.user(world)
    job, event = requested(world, account)
    builders.change_role(world, account.user_id, premium=False)
    thaw.handle(world, event)
    assert at_rest(world, clock, job).is_archived


@BOTH
def test_a_downgrade_at_any_call_of_the_thaw_daemon_loses_nothing(
    world: World, collision: Collision
) -> None:
    def prepare() -> tuple[Act, Act]:
        account = builders.user(world)
        _, event = requested(world, account)
        return (
            lambda: thaw.handle(world, event),
            lambda: builders.change_role(world, account.user_id, premium=False),
        )

    assert collision.at_every_call(prepare) > 6


@BOTH
def test_two_restores_at_once_ask_for_a_result_once(world: World, collision: Collision) -> None:
    requests: list[str] = []
    real = world.vault.request

    def request(archive_id: str, job_id: str, tier: str) -> object:
        requests.append(archive_id)
        return real(archive_id, job_id, tier)

    world.vault.request = request  # type: ignore[method-assign, assignment]

    def prepare() -> tuple[Act, Act]:
        account = builders.user(world)
        builders.archived(world, account)
        world.accounts.subscribe(account.user_id)
        return (lambda: restore.handle(world, Event(account.event)),) * 2

    assert collision.at_every_call(prepare) > 4
    assert len(requests) == len(set(requests))


@BOTH
def test_a_thaw_message_twice_at_once_brings_one_result_back(
    world: World, collision: Collision
) -> None:
    def prepare() -> tuple[Act, Act]:
        _, event = requested(world, builders.user(world))
        return (lambda: thaw.handle(world, event),) * 2

    assert collision.at_every_call(prepare) > 6


@BOTH
def test_a_thaw_message_for_an_archive_already_thawed_changes_nothing(
    world: World, clock: Clock
) -> None:
    job, event = requested(world, builders.user(world))
    after = at_rest(world, clock, job)
    assert after.is_hot
    thaw.handle(world, event)
    assert world.jobs.get(job.job_id) == after


@pytest.mark.parametrize("backend", ["vault"], indirect=True)
def test_a_retrieval_that_fails_is_asked_for_again(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    local_aws.settings(expedited_s=3600)
    job, _ = requested(world, builders.user(world))
    first = job.retrieval
    assert first
    lost = dataclasses.replace(job, retrieval=dataclasses.replace(first, id="unknown"))
    world.jobs.record_retrieval(
        job.job_id, token=first.token, answer=RetrievalRequest("unknown", "Expedited", False)
    )
    thaw.handle(world, Event(builders.thaw_message(world, lost, succeeded=False)))
    local_aws.settings(expedited_s=0)
    again = at_rest(world, clock, job)
    assert again.is_hot
    assert again.thaws == 1


@BOTH
def test_a_retrieval_whose_bytes_expired_before_the_thaw_is_asked_for_again(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    local_aws.settings(kept_s=0, day_s=0)
    job, event = requested(world, builders.user(world))
    with contextlib.suppress(FileNotFoundError):
        thaw.handle(world, event)
    assert world.jobs.get(job.job_id).is_archived
    local_aws.settings(kept_s=86400, day_s=86400)
    assert at_rest(world, clock, job).is_hot


def test_two_tabs_that_submit_one_upload_make_one_job(world: World, collision: Collision) -> None:
    def prepare() -> tuple[Act, Act]:
        job = builders.uploaded(world, builders.user(world))
        return (lambda: outbox.flush(world, world.jobs.submit(job)),) * 2

    assert collision.at_every_call(prepare) >= 3


@pytest.mark.parametrize("mode", [Mode.REFUSED, Mode.BEFORE, Mode.AFTER])
def test_a_job_whose_request_was_not_published_runs_all_the_same(
    world: World, clock: Clock, mode: Mode
) -> None:
    job = builders.uploaded(world, builders.user(world))
    stored_job = world.jobs.submit(job)
    with fault_at(world, mode, at=1) as fault, contextlib.suppress(Exception, Crash):
        outbox.flush(world, stored_job)
    assert fault.call == "sns.Publish"
    assert at_rest(world, clock, job).job_status is Status.COMPLETED


def test_a_zombie_that_wakes_at_any_call_after_its_job_was_taken_over_changes_nothing(
    world: World, clock: Clock, collision: Collision
) -> None:
    def prepare() -> tuple[Act, Act]:
        job = builders.submitted(world, builders.user(world))

        def take_over() -> None:
            clock.advance(daemons.LATE_S)
            daemons.annotator()(world, Event(job.event))

        return lambda: daemons.annotator()(world, Event(job.event)), take_over

    assert collision.at_every_call(prepare) > 10


def test_a_cancellation_at_any_call_of_the_annotator_ends_cancelled_or_completed(
    world: World, collision: Collision
) -> None:
    def prepare() -> tuple[Act, Act]:
        job = builders.submitted(world, builders.user(world))
        return (
            lambda: daemons.annotator()(world, Event(job.event)),
            lambda: outbox.flush(world, world.jobs.cancel(job.job_id)),
        )

    assert collision.at_every_call(prepare) > 10


def leaving(world: World) -> tuple[Job, Act]:
    """A result on its way to the archive."""
    job = builders.mailed(world, builders.user(world))
    return job, lambda: archive.handle(world, Event(job.event))


def coming_back(world: World) -> tuple[Job, Act]:
    """A result on its way back from it."""
    job, event = requested(world, builders.user(world))
    return job, lambda: thaw.handle(world, event)


@pytest.mark.parametrize("move", [leaving, coming_back])
def test_a_deletion_at_any_call_of_a_move_leaves_no_bytes_behind_or_is_refused(
    world: World, collision: Collision, move: Callable[[World], tuple[Job, Act]]
) -> None:
    def prepare() -> tuple[Act, Act]:
        job, act = move(world)
        return act, lambda: outbox.flush(world, world.jobs.delete(job.job_id))

    assert collision.at_every_call(prepare) > 6


def test_a_poison_message_ends_among_the_dead_letters_and_the_next_is_served(
    world: World, clock: Clock
) -> None:
    good = builders.submitted(world, builders.user(world))
    world.queues.send("job_requests", "no JSON at all")
    consumer = Consumer(world, "job_requests", daemons.annotator())
    while messages := world.queues.receive("job_requests", 1, daemons.VISIBILITY_S):
        for message in messages:
            consumer.process(message)
            with contextlib.suppress(Exception):  # its receipt is spent where it was deleted
                world.queues.change_visibility(message, 0)
    (dead,) = world.queues.receive("job_requests_dlq", 1, 1)
    assert dead.body == "no JSON at all"
    assert dead.receives >= MAX_RECEIVES
    assert world.jobs.get(good.job_id).job_status is Status.COMPLETED


def test_a_job_whose_input_was_deleted_before_it_ran_fails_with_words(
    world: World, clock: Clock
) -> None:
    job = builders.submitted(world, builders.user(world))
    world.files.delete(job.s3_inputs_bucket, job.s3_key_input_file)
    after = at_rest(world, clock, job)
    assert after.job_status is Status.FAILED
    assert "upload it again" in (after.error or "")


@BOTH
def test_of_two_results_with_identical_bytes_thawing_one_leaves_the_other_whole(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    one, other = builders.user(world), builders.user(world)
    first, twin = builders.archived(world, one), builders.archived(world, other)
    assert first.result_sha256 == twin.result_sha256
    assert first.results_file_archive_id != twin.results_file_archive_id
    builders.change_role(world, one.user_id, premium=True)
    assert at_rest(world, clock, first).is_hot
    assert world.jobs.get(twin.job_id) == twin
    builders.change_role(world, other.user_id, premium=True)
    assert at_rest(world, clock, twin).is_hot
    assert not daemons.rest(world, clock, local_aws).violations


@BOTH
def test_many_archived_results_over_several_pages_of_the_index_all_come_back(
    world: World, clock: Clock
) -> None:
    account = builders.user(world)
    jobs = [builders.archived(world, account) for _ in range(3)]
    real = world.jobs.page_of
    world.jobs.page_of = (  # type: ignore[method-assign]
        lambda user_id, limit, after=None: real(user_id, 1, after)
    )
    builders.change_role(world, account.user_id, premium=True)
    daemons.bring_to_rest(world, clock, daemons.handlers())
    assert all(world.jobs.get(job.job_id).is_hot for job in jobs)


@BOTH
@pytest.mark.parametrize("premium", [True, False])
def test_quick_changes_of_role_end_where_the_last_one_says(
    world: World, collision: Collision, premium: bool
) -> None:
    """Each change lands while `restore` sees to the one before it."""

    def prepare() -> tuple[Act, Act]:
        account = builders.user(world, premium=premium)
        if premium:
            world.jobs.pin(builders.mailed(world, account).job_id)
        else:
            builders.archived(world, account)

        def back_and_forth() -> None:
            builders.change_role(world, account.user_id, premium=premium)
            builders.change_role(world, account.user_id, premium=not premium)
            builders.change_role(world, account.user_id, premium=premium)

        return lambda: builders.change_role(
            world, account.user_id, premium=not premium
        ), back_and_forth

    assert collision.at_every_call(prepare) > 4


@pytest.mark.parametrize("skew_s", [-SKEW_S, SKEW_S])
def test_clocks_a_minute_apart_let_two_annotators_do_no_harm(
    world: World, clock: Clock, collision: Collision, skew_s: int
) -> None:
    other = connect(world.config, lambda: clock() + skew_s)

    def prepare() -> tuple[Act, Act]:
        job = builders.submitted(world, builders.user(world))
        return (
            lambda: daemons.annotator()(world, Event(job.event)),
            lambda: daemons.annotator()(other, Event(job.event)),
        )

    assert collision.at_every_call(prepare) > 10


@BOTH
@pytest.mark.parametrize("skew_s", [-SKEW_S, SKEW_S])
def test_clocks_a_minute_apart_archive_and_sweep_all_the_same(
    world: World, clock: Clock, local_aws: Handle, skew_s: int
) -> None:
    other = connect(world.config, lambda: clock() + skew_s)
    job = builders.mailed(world, builders.user(world))
    archive.handle(other, Event(job.event))
    sweep.sweep(other)
    assert not daemons.rest(world, clock, local_aws).violations


@BOTH
def test_a_read_that_fails_leaves_its_archive_and_the_next_message_gets_its_own_bytes(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = builders.user(world)
    bodies = [b"first\n", b"second\n"]
    jobs = [builders.archived(world, account, body) for body in bodies]
    world.accounts.subscribe(account.user_id)
    restore.handle(world, Event(account.event))
    events = [Event(builders.thaw_message(world, world.jobs.get(job.job_id))) for job in jobs]
    with monkeypatch.context() as broken:
        broken.setattr(world.vault, "fetch", _cut_off)
        with pytest.raises(OSError, match="cut off"):
            thaw.handle(world, events[0])
    assert world.jobs.get(jobs[0].job_id).is_archived
    thaw.handle(world, events[1])
    for job, body in zip(jobs, bodies, strict=True):
        after = at_rest(world, clock, job)
        assert builders.result_bytes(world, after) == body


class _CutOff:
    def read(self, size: int = -1) -> bytes:
        raise OSError("cut off")

    def close(self) -> None:
        """Nothing is open."""


def _cut_off(archive_id: str, retrieval_id: str | None) -> _CutOff:
    return _CutOff()


def test_a_released_heartbeat_leaves_the_rest_of_a_users_results_to_the_next_delivery(
    world: World,
) -> None:
    account = builders.user(world)
    builders.archived(world, account)
    world.accounts.subscribe(account.user_id)
    event = Event(account.event)
    event.heartbeat.released.set()
    with pytest.raises(ReturnToQueue):
        restore.handle(world, event)
    assert world.accounts.get(account.user_id).pending_role_change is not None
