"""Each rule switched off in turn: the scene that it was made for must end badly without it.

A rule whose absence no scene notices is not tested; docs/processes.md lists the rules.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ann import annotator
from aws import outbox
from aws.events import Event, Heartbeat
from aws.mail import Letter, Mail
from aws.resources import World
from aws.rows import jobs as jobs_module
from aws.rows import lifecycle, moves
from aws.rows.accounts import Account, Accounts, Role
from aws.rows.job import Job, Now, PendingWork, Status
from aws.rows.jobs import Jobs
from aws.rows.table import Row, Table
from aws.rows.unfinished import unfinished
from aws.storage.digest import Digest
from aws.storage.stored import S3Object, Stored
from aws.storage.vault import RetrievalNotice
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from tests.proofs.faults import Crash, Mode, fault_at, meanwhile, outage
from util import archive, notify, restore, sweep, thaw

ROUNDS = 8
RETENTION_S = 300

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Stage:
    """The world that a scene is played in; transfers run in the calling thread."""

    world: World
    clock: Clock
    aws: Handle

    def calm(self) -> None:
        """All comes to rest soundly, and without an inventory having to clear up."""
        daemons.bring_to_rest(self.world, self.clock, daemons.handlers(), ROUNDS)
        archives = self.aws.archives(self.world)
        assert not invariants.check(self.world, self.aws.mail(), archives=archives).violations

    def requested(self) -> tuple[Job, RetrievalNotice]:
        """An archived result on its way back, and the notice of its arrival."""
        job = builders.requested(self.world, builders.user(self.world))
        return job, builders.retrieved(job)

    def demand_copies(self) -> None:
        """There is a copy of every result at this instant."""
        archives = self.aws.archives(self.world)
        for job in self.world.jobs.scan():
            assert invariants.has_a_copy(self.world, job, archives), job


def die() -> None:
    raise Crash


@contextlib.contextmanager
def reply_lost(world: World, at: int, then: Callable[[], object]) -> Iterator[None]:
    """The reply to the `at`-th write of a job is lost; `then` happens before it is repeated."""
    table, real, count = world.jobs.table, world.jobs.table.swap, iter(range(1, 1000))

    def swap(row: Row) -> Row:
        if next(count) != at:
            return real(row)
        real(row)
        then()
        return real(row)

    table.swap = swap  # type: ignore[method-assign]
    try:
        yield
    finally:
        table.swap = real  # type: ignore[method-assign]


def two_writers(stage: Stage) -> None:
    """The mail is marked while the outbox is being struck out."""
    job = builders.completed(stage.world, builders.user(stage.world))
    with meanwhile(
        stage.world, lambda: notify.handle(stage.world, Event(job.event)), operation="PutItem"
    ):
        outbox.flush(stage.world, job)
    assert stage.world.jobs.get(job.job_id).mailed


def forgotten_request(stage: Stage) -> None:
    """The site dies between row and message."""
    stage.world.jobs.submit(builders.uploaded(stage.world, builders.user(stage.world)))
    stage.calm()


def lost_reply_of_a_claim(stage: Stage) -> None:
    """The claim's reply is lost, and another writes the row: the attempt goes on all the same."""
    world = stage.world
    job = builders.submitted(world, builders.user(world))

    def another_writes() -> None:
        world.jobs.change(job.job_id, lambda j: replace(j, note="hello"))

    with fault_at(world, Mode.REPEATED, at=2, between=another_writes) as fault:
        daemons.handlers()["job_requests"](world, Event(job.event))
    assert fault.call == "dynamodb.PutItem"
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def lost_reply_of_a_retrieval(stage: Stage) -> None:
    """The reply to the count of a day's retrievals is lost: this one is counted once."""
    world, account = stage.world, builders.user(stage.world)
    job = builders.archived(world, account)
    world.accounts.subscribe(account.user_id)
    with fault_at(world, Mode.REPEATED, at=5) as fault:
        restore.handle(world, Event(account.event))
    assert fault.call == "dynamodb.PutItem"
    assert world.jobs.get(job.job_id).retrieval
    assert world.accounts.get(account.user_id).retrievals == 1


def outage_of_the_inputs(stage: Stage) -> None:
    """S3 answers no download, time after time: the file is not to blame."""
    job = builders.submitted(stage.world, builders.user(stage.world))
    handle = daemons.annotator()
    with outage(stage.world, "HeadObject", "GetObject"):
        for _ in range(2):
            with contextlib.suppress(Exception):
                handle(stage.world, Event(job.event))
    assert stage.world.jobs.get(job.job_id).crashes == 0


def garbage_of_a_dead_attempt_that_stays(stage: Stage) -> None:
    """What a dead attempt has left cannot be deleted: the job runs."""
    job = builders.started(stage.world, builders.user(stage.world), worker="dead")
    builders.result_of(stage.world, job)
    stage.clock.advance(daemons.LATE_S)
    with outage(stage.world, "DeleteObject"), contextlib.suppress(ClientError):
        daemons.annotator()(stage.world, Event(job.event))
    assert stage.world.jobs.get(job.job_id).job_status is Status.COMPLETED


def damaged_object(stage: Stage) -> None:
    """What is in S3 is not what was recorded: it is not archived as if it were."""
    job = builders.mailed(stage.world, builders.user(stage.world))
    stage.world.files.write(job.result.bucket, job.result.key, b"damaged")
    archive.store(stage.world, job)
    after = stage.world.jobs.get(job.job_id)
    assert (after.is_hot, after.failed_moves) == (True, 1)


def dead_while_writing(stage: Stage) -> None:
    """An annotator dies between its uploads and its commit; another completes the job."""
    job = builders.started(stage.world, builders.user(stage.world), worker="dead")
    builders.result_of(stage.world, job)
    stage.calm()


def garbage_added_while_striking_out(stage: Stage) -> None:
    """An archive is committed, and its daemon dies, while the outbox is being struck out."""
    world = stage.world
    job = builders.completed(world, builders.user(world))

    with meanwhile(world, lambda: commit(world, job), at=2, operation="Publish"):
        outbox.flush(world, job)
    stage.calm()


def commit(world: World, job: Job) -> None:
    """The archive daemon's steps up to its commit."""
    result, reserved = job.result, world.vault.reserve(job.user_id, job.job_id)
    archive.begin(world, job, reserved, Heartbeat())
    with contextlib.closing(world.files.open(result.bucket, result.key)) as stream:
        archive_id = world.vault.store(reserved, job.job_id, stream, job.result_bytes or 0)
    world.jobs.commit_archive(job.job_id, result=result, reserved=reserved, archive_id=archive_id)


def dead_at_the_commit(stage: Stage) -> None:
    """The archive daemon dies when it would commit."""
    job = builders.mailed(stage.world, builders.user(stage.world))
    with (
        contextlib.suppress(Crash),
        meanwhile(stage.world, die, at=2, operation="PutItem"),
    ):
        archive.handle(stage.world, Event(job.event))
    stage.demand_copies()


def lost_reply_of_a_commit(stage: Stage) -> None:
    """The archive's commit came through, the sweeper finished it, and its reply was lost."""
    job = builders.mailed(stage.world, builders.user(stage.world))
    with reply_lost(
        stage.world, 2, lambda: sweep.retry(stage.world, job.job_id, PendingWork.COMMIT)
    ):
        archive.handle(stage.world, Event(job.event))
    stage.demand_copies()


def upgrade_that_no_index_shows(stage: Stage) -> None:
    """Between role and commit its owner upgrades; the index lags behind all the reminders."""
    world, account = stage.world, builders.user(stage.world)
    job = builders.mailed(stage.world, account)

    def upgrade() -> None:
        real = world.jobs.all_of
        world.jobs.all_of = lambda user_id: iter(())  # type: ignore[method-assign]
        world.accounts.subscribe(account.user_id)
        builders.remind(world, account.user_id)
        restore.handle(world, Event(account.event))
        world.jobs.all_of = real  # type: ignore[method-assign]

    with meanwhile(world, upgrade, operation="GetObject"):
        archive.handle(world, Event(job.event))
    assert world.accounts.get(account.user_id).pending_role_change is None
    stage.calm()


def change_role(world: World, account: Account, premium: bool) -> None:
    change = world.accounts.subscribe if premium else world.accounts.unsubscribe
    change(account.user_id)
    restore.handle(world, Event(account.event))


def dead_before_the_announcement(stage: Stage) -> None:
    """The site dies between the new role and its event."""
    account = builders.user(stage.world)
    builders.archived(stage.world, account)
    stage.world.accounts.subscribe(account.user_id)
    stage.calm()


def downgrade_during_the_pass(stage: Stage) -> None:
    """While `restore` makes its last pass over one change comes the next, and its event is lost."""
    world, account = stage.world, builders.user(stage.world)
    job = builders.mailed(stage.world, account)
    world.accounts.subscribe(account.user_id)
    builders.remind(world, account.user_id)
    outbox.flush(world, world.jobs.pin(job.job_id))
    with meanwhile(
        world, lambda: world.accounts.unsubscribe(account.user_id), operation="Query"
    ) as meeting:
        restore.handle(world, Event(account.event))
    assert meeting.met
    stage.calm()


def kept(stage: Stage) -> tuple[Account, Job]:
    """A premium user's result."""
    account = builders.user(stage.world, premium=True)
    job = builders.mailed(stage.world, account)
    return account, outbox.flush(stage.world, stage.world.jobs.pin(job.job_id))


def downgraded_just_now(stage: Stage) -> None:
    """A premium user cancels: old results stay for the whole retention."""
    world = stage.world
    account, job = kept(stage)
    world.jobs.timeouts = replace(world.jobs.timeouts, after_s=RETENTION_S)
    change_role(world, account, premium=False)
    archive.handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).is_hot


def premium_at_rest(stage: Stage) -> None:
    """A premium user's result has no unfinished work."""
    _, job = kept(stage)
    assert unfinished(job, stage.world.jobs.now()) == {}


def upgrade_during_the_upload(stage: Stage) -> None:
    """Its owner upgrades while the archive is being written: the result never leaves S3."""
    world, account = stage.world, builders.user(stage.world)
    job = builders.mailed(stage.world, account)
    with meanwhile(
        world, lambda: change_role(world, account, premium=True), operation="PutObject"
    ) as meeting:
        archive.handle(world, Event(job.event))
    assert meeting.met
    assert world.jobs.get(job.job_id).archived_time is None


def damaged_archive(stage: Stage) -> None:
    """Glacier returns other bytes."""
    job, notice = stage.requested()
    bucket = stage.world.names.bucket("archive")
    stage.world.vault.s3.put_object(  # type: ignore[attr-defined]
        Bucket=bucket, Key=job.results_file_archive_id, Body=b"damaged"
    )
    thaw.act_on(stage.world, notice)
    assert stage.world.jobs.get(job.job_id).results_file_archive_id == job.archive_id


def zombie_thaw(stage: Stage) -> None:
    """A thaw wakes before its commit, when the result has been thawed and archived anew."""
    world = stage.world
    job, notice = stage.requested()

    def thawed_and_archived_anew() -> None:
        thaw.act_on(world, notice)
        change_role(world, world.accounts.get(job.user_id), premium=False)
        archive.handle(world, Event(job.event))
        assert world.jobs.get(job.job_id).is_archived

    with meanwhile(world, thawed_and_archived_anew, at=2, operation="PutItem") as meeting:
        thaw.act_on(world, notice)
    assert meeting.met
    stage.calm()


def failed_retrieval(stage: Stage) -> None:
    """Glacier announces that a retrieval failed."""
    job, notice = stage.requested()
    assert job.retrieval
    stage.world.jobs.postpone_check(job.job_id, token=job.retrieval.token, after_s=RETENTION_S)
    thaw.act_on(stage.world, replace(notice, succeeded=False))
    at = stage.world.jobs.now()
    assert unfinished(stage.world.jobs.get(job.job_id), at)[PendingWork.RETRIEVAL] <= at.now


def dead_while_mailing(stage: Stage) -> None:
    """The mail daemon dies before the mail is sent."""
    job = outbox.flush(stage.world, builders.completed(stage.world, builders.user(stage.world)))
    with contextlib.suppress(Crash), meanwhile(stage.world, die, operation="SendEmail"):
        notify.handle(stage.world, Event(job.event))
    stage.calm()


Off = Callable[[pytest.MonkeyPatch, World], None]


def patched(where: Any, name: str, mutant: Any) -> Off:
    """Switch a rule off by putting `mutant` in its place."""
    return lambda patch, world: patch.setattr(where, name, mutant)


def step(name: str, mutant: Callable[..., Job]) -> Off:
    """Switch off what one step of the lifecycle does."""
    return patched(Jobs, name, jobs_module.step_method(mutant))


def deletes_first(patch: pytest.MonkeyPatch, world: World) -> None:
    real = Jobs.commit_archive

    def early(self: Jobs, job_id: str, *, result: S3Object, **rest: Any) -> Job:
        world.files.delete(result.bucket, result.key)
        return real(self, job_id, result=result, **rest)

    patch.setattr(Jobs, "commit_archive", early)


def marks_first(patch: pytest.MonkeyPatch, world: World) -> None:
    real = Mail.send

    def early(self: Mail, letter: Letter) -> None:
        (job_id,) = re.findall(r"/annotations/(\S+)", letter.text)
        world.jobs.mark_mailed(job_id)
        real(self, letter)

    patch.setattr(Mail, "send", early)


def believes_the_row(patch: pytest.MonkeyPatch, world: World) -> None:
    """Compare nothing: whatever bytes came count as those of the row."""
    patch.setattr(Digest, "demand", lambda *_: None)


def raises_where_it_fails(world: World, stored: Stored) -> bool:
    outbox.discard(world, stored)
    return True


def of_whoever_holds_it(job: Job, at: Now, *, owner: str, lease_s: int) -> Job:
    return lifecycle.start(replace(job, lease_owner=None), at, owner=owner, lease_s=lease_s)


def unconditional(table: Table, row: Row) -> Row:
    return table.put({**row, "rev": row["rev"] + 1}, "attribute_exists(rev)", {})


def unrecorded(accounts: Accounts, account: Account, role: Role, customer: Any) -> Account:
    return replace(account, role=role)


def cleared_whatever_the_number(accounts: Accounts, user_id: str, number: int) -> Account:
    return accounts.change(user_id, lambda a: replace(a, pending_role_change=None))


def unchecked(job: Job, at: Now, **archive: Any) -> Job:
    return replace(moves.commit_archive(job, at, **archive), role_check_due=False)


def wiped(job: Job, at: Now, **_: Any) -> Job:
    return replace(job, outbox=(), garbage=())


def not_restarted(job: Job, at: Now) -> Job:
    return replace(moves.release(job, at), expires_time=at.now)


def unmarked(job: Job, at: Now) -> Job:
    stays = moves.pin(job, at)
    return replace(stays, pinned=False, role_check_due=False, expires_time=job.expires_time)


def not_overtaking(job: Job, at: Now) -> Job:
    left = {name: getattr(job, name) for name in ("pending_writes", "garbage", "lease_until")}
    return replace(moves.pin(job, at), **left)


def of_any_archive(job: Job, at: Now, *, archive_id: str, copy: S3Object) -> Job:
    pretended = replace(job, results_file_archive_id=archive_id, pending_writes=(copy,))
    return moves.commit_thaw(pretended, at, archive_id=archive_id, copy=copy)


RULES: dict[str, tuple[Callable[[Stage], None], Off]] = {
    "1 every write is a compare-and-swap": (two_writers, patched(Table, "swap", unconditional)),
    "1 due-ness is derived in each write": (
        forgotten_request,
        patched(jobs_module, "due", lambda job, at: None),
    ),
    "2 a write knows its own": (
        lost_reply_of_a_retrieval,
        patched(Table, "_is_mine", lambda table, row: False),
    ),
    "2 a claim knows its own whatever was written since": (
        lost_reply_of_a_claim,
        step("start", of_whoever_holds_it),
    ),
    "3 references go before bytes": (
        dead_while_writing,
        patched(lifecycle, "dropped", lambda job: replace(job, pending_writes=())),
    ),
    "4 commit before delete": (dead_at_the_commit, deletes_first),
    "4 entries are struck out one by one": (
        garbage_added_while_striking_out,
        step("strike_out", wiped),
    ),
    "4 garbage that stays keeps nothing from running": (
        garbage_of_a_dead_attempt_that_stays,
        patched(outbox, "_is_deleted", raises_where_it_fails),
    ),
    "5 the loser re-reads": (
        lost_reply_of_a_commit,
        patched(archive, "_drop", lambda world, job_id, archived: world.vault.delete(archived)),
    ),
    "6 the role check is recorded": (
        upgrade_that_no_index_shows,
        step("commit_archive", unchecked),
    ),
    "7 a change of role is unfinished work": (
        dead_before_the_announcement,
        patched(Accounts, "_role", unrecorded),
    ),
    "7 only the change acted on is cleared": (
        downgrade_during_the_pass,
        patched(Accounts, "clear_role_change", cleared_whatever_the_number),
    ),
    "8 a downgrade restarts the retention": (downgraded_just_now, step("release", not_restarted)),
    "8 what is premium is marked": (premium_at_rest, step("pin", unmarked)),
    "9 a restore overtakes an archive": (upgrade_during_the_upload, step("pin", not_overtaking)),
    "10 a thaw verifies the bytes": (damaged_archive, believes_the_row),
    "10 an archive verifies the bytes": (damaged_object, believes_the_row),
    "10 a thaw names its archive": (zombie_thaw, step("commit_thaw", of_any_archive)),
    "10 a failed retrieval is due at once": (
        failed_retrieval,
        step("postpone_check", lambda job, at, **_: job),
    ),
    "12 an outage is no crash": (
        outage_of_the_inputs,
        patched(annotator, "is_outage", lambda fault: False),
    ),
    "11 marked after it was mailed": (dead_while_mailing, marks_first),
}


@pytest.fixture
def stage(world: World, clock: Clock, local_aws: Handle) -> Stage:
    local_aws.settings(expedited_s=0, standard_s=0)
    return Stage(daemons.unthreaded(world), clock, local_aws)


@pytest.mark.parametrize("rule", RULES)
def test_with_the_rule_its_scene_ends_well(stage: Stage, rule: str) -> None:
    play, _ = RULES[rule]
    play(stage)


@pytest.mark.parametrize("rule", RULES)
def test_without_the_rule_its_scene_ends_badly(
    stage: Stage, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, off = RULES[rule]
    off(monkeypatch, stage.world)
    with pytest.raises(AssertionError):
        play(stage)
