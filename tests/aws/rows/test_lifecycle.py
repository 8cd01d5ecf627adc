"""The steps as pure functions: what each demands, and what it leaves to be done."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aws.rows import lifecycle, moves, outputs
from aws.rows.job import (
    MAX_RETRIES,
    Job,
    Leased,
    Now,
    PendingWork,
    Refused,
    Result,
    Status,
    Timeouts,
)
from aws.rows.unfinished import unfinished
from aws.storage.stored import Archive, S3Object, VaultUpload

TIMEOUTS = Timeouts(grace_s=60, patience_s=600, retrieval_s=21600, after_s=300, by_queue=True)
AT = Now(1000.0, TIMEOUTS)
LATER = Now(10_000.0, TIMEOUTS)
NEW = Job("j", "u", "a.vcf", "in", "k", 10)
PENDING = lifecycle.submit(NEW, AT)
RUNNING = lifecycle.start(PENDING, AT, owner="me", lease_s=30)
OUTPUTS = {name: S3Object("out", name) for name in outputs.OUTPUTS}
INTENDED = tuple(OUTPUTS.values())
WRITING = lifecycle.intend_outputs(RUNNING, AT, owner="me", outputs=INTENDED)
RESULT = Result(
    outputs=OUTPUTS,
    result_bytes=5,
    result_sha256="00",
    reference="rCRS",
    counts={"records": 1},
)
HOT = lifecycle.complete(WRITING, AT, owner="me", result=RESULT)
RESERVED = VaultUpload("1")
LEASE_S = 30
STORING = moves.begin_archive(
    HOT, AT, reserved=RESERVED, expires_time=HOT.expires_time, lease_s=LEASE_S
)
COLD = moves.commit_archive(STORING, AT, result=HOT.result, reserved=RESERVED, archive_id="x")
RETRIEVING = moves.begin_retrieval(COLD, AT, token="t", tier="Expedited")
COPY = S3Object("out", "t")
THAWING = moves.begin_thaw(RETRIEVING, AT, archive_id="x", copy=COPY, thaws=1)
THAWED = moves.commit_thaw(THAWING, AT, archive_id="x", copy=COPY)


def begin_archive(job: Job, at: Now) -> Job:
    """Another archive of the job is begun, by a daemon that has read this very row."""
    y, expires = Archive("y"), job.expires_time
    return moves.begin_archive(job, at, reserved=y, expires_time=expires, lease_s=LEASE_S)


def test_a_new_job_has_its_request_to_publish() -> None:
    assert PENDING.job_status is Status.PENDING
    assert PENDING.outbox == ("job_requests@1",)


def test_a_leased_job_is_left_alone_until_its_lease_is_over() -> None:
    with pytest.raises(Leased):
        lifecycle.start(RUNNING, AT, owner="other", lease_s=30)
    taken = lifecycle.start(WRITING, LATER, owner="other", lease_s=30)
    assert (taken.lease_owner, taken.attempt) == ("other", 2)
    assert (taken.lapses, taken.crashes) == (1, 0)
    assert taken.pending_writes == ()
    assert taken.garbage == INTENDED


def test_ones_own_claim_is_recognised_whatever_was_written_since() -> None:
    since = replace(RUNNING, write_token="another's", rev=RUNNING.rev + 1)
    assert lifecycle.start(since, AT, owner="me", lease_s=30) == since
    assert lifecycle.intend_outputs(WRITING, AT, owner="me", outputs=INTENDED).garbage == ()
    assert moves.begin_retrieval(RETRIEVING, LATER, token="t", tier="Expedited") == RETRIEVING


def test_a_request_that_has_arrived_is_not_published_again() -> None:
    assert RUNNING.outbox == ()


def test_an_error_of_any_length_makes_no_large_row() -> None:
    failed = lifecycle.fail(RUNNING, AT, owner="me", error="Z" * 600_000)
    assert len(failed.error or "") < 2100


def test_a_row_stays_small_however_often_attempts_fail_whose_outputs_cannot_be_deleted() -> None:
    """As where a bucket is closed over a weekend, which no file is to blame for."""
    job = PENDING
    for number in range(1000):
        job = lifecycle.start(job, AT, owner="me", lease_s=30)
        keys = tuple(S3Object("b" * 63, f"{number}~{n}".rjust(1024)) for n in range(len(OUTPUTS)))
        job = lifecycle.intend_outputs(job, AT, owner="me", outputs=keys)
        job = lifecycle.return_to_queue(job, AT, owner="me")
    assert sum(len(str(entry)) for entry in job.garbage) < 300_000
    assert job.garbage[-len(keys) :] == keys


def test_a_commit_publishes_the_result_and_starts_the_retention() -> None:
    assert HOT.job_status is Status.COMPLETED
    assert HOT.is_hot
    assert [entry.partition("@")[0] for entry in HOT.outbox] == [
        "job_results",
        "results_archive",
    ]
    assert HOT.expires_time == AT.now + TIMEOUTS.after_s


def test_a_retention_longer_than_a_queue_can_wait_is_left_to_the_due_time() -> None:
    at = replace(AT, timeouts=replace(TIMEOUTS, by_queue=False))
    done = lifecycle.complete(WRITING, at, owner="me", result=RESULT)
    assert not any(entry.startswith("results_archive") for entry in done.outbox)
    assert unfinished(done, at)[PendingWork.RETENTION] == done.expires_time


def test_a_job_returned_to_the_queue_counts_a_crash_only_for_a_fault() -> None:
    back = lifecycle.return_to_queue(WRITING, AT, owner="me")
    assert (back.job_status, back.lease_owner, back.crashes) == (Status.PENDING, None, 0)
    assert back.garbage == INTENDED
    assert lifecycle.return_to_queue(RUNNING, AT, owner="me", fault="it crashed").crashes == 1


def test_an_archived_result_leaves_its_object_as_garbage_and_a_role_check() -> None:
    assert COLD.is_archived
    assert not COLD.is_hot
    assert OUTPUTS["result"] in COLD.garbage
    assert COLD.outputs.keys() == OUTPUTS.keys() - {"result"}
    assert COLD.role_check_due


def test_a_thawed_result_leaves_its_archive_as_garbage_and_a_role_check() -> None:
    assert THAWED.is_hot
    assert THAWED.result == COPY
    assert THAWED.outputs.keys() == OUTPUTS.keys()
    assert Archive("x") in THAWED.garbage
    assert (THAWED.role_check_due, THAWED.retrieval, THAWED.results_file_archive_id) == (
        True,
        None,
        None,
    )


def test_an_archive_is_begun_again_only_after_its_lease() -> None:
    assert STORING.lease_until == AT.now + LEASE_S
    renewed = moves.renew_archive(
        STORING, replace(AT, now=AT.now + 20), reserved=RESERVED, lease_s=LEASE_S
    )
    with pytest.raises(Leased):
        begin_archive(renewed, replace(AT, now=AT.now + LEASE_S + 10))
    taken = begin_archive(renewed, LATER)
    assert RESERVED in taken.garbage
    with pytest.raises(Refused):
        moves.commit_archive(taken, LATER, result=HOT.result, reserved=RESERVED, archive_id="x")


def test_an_archive_whose_writer_stood_still_beyond_its_lease_is_not_committed() -> None:
    late = replace(AT, now=AT.now + LEASE_S + 1)
    with pytest.raises(Refused, match="after its lease"):
        moves.commit_archive(STORING, late, result=HOT.result, reserved=RESERVED, archive_id="x")


def test_a_lease_that_has_run_out_is_not_renewed_for_its_archive() -> None:
    """Else the heartbeat of a writer that stood still would undo the test before."""
    late = replace(AT, now=AT.now + LEASE_S + 1)
    with pytest.raises(Refused, match="after its lease"):
        moves.renew_archive(STORING, late, reserved=RESERVED, lease_s=LEASE_S)


def test_an_archive_that_failed_may_be_begun_again_at_once() -> None:
    dropped = moves.drop_archive(STORING, AT, reserved=RESERVED)
    assert RESERVED in dropped.garbage
    assert begin_archive(dropped, AT).pending_writes == (Archive("y"),)


def test_a_retention_that_started_anew_is_not_archived_by_the_old_one() -> None:
    released = moves.release(moves.pin(HOT, AT), LATER)
    with pytest.raises(Refused):
        moves.begin_archive(
            released, LATER, reserved=RESERVED, expires_time=HOT.expires_time, lease_s=LEASE_S
        )


def test_a_release_overtakes_an_archive_in_progress() -> None:
    released = moves.release(STORING, AT)
    assert RESERVED in released.garbage
    with pytest.raises(Refused):
        moves.commit_archive(released, AT, result=HOT.result, reserved=RESERVED, archive_id="x")


def test_an_archive_that_does_not_come_back_is_tried_less_and_less_and_then_given_up() -> None:
    job, waits = RETRIEVING, []
    while job.retrieval:
        waits.append(job.retrieval.check_time - AT.now)
        job = moves.fail_retrieval(job, AT, archive_id="x", fault="damaged")
    assert waits == [60, 240, 960, 3840, 15360]
    assert (job.archive_fault, job.is_given_up) == ("damaged", True)
    assert PendingWork.RETRIEVAL not in unfinished(job, LATER)
    resumed = moves.resume(job, LATER)
    assert (resumed.archive_fault, resumed.role_check_due) == (None, True)
    assert moves.begin_retrieval(resumed, LATER, token="u", tier="Standard").retrieval


def test_a_retry_waits_longer_each_time_and_has_an_end() -> None:
    at = replace(AT, now=HOT.expires_time or 0)
    job, waits = replace(HOT, outbox=(), mailed=True), []
    while not job.is_given_up:
        job = lifecycle.count_retry(job, at, work=PendingWork.RETENTION)
        waits += [when - at.now for when in unfinished(job, at).values()]
    assert waits[:3] == [60, 120, 240]
    assert max(waits) == 60 * 2**6
    assert len(waits) == MAX_RETRIES - 1
    assert unfinished(moves.resume(job, at), at)


def test_a_cancelled_jobs_upload_is_garbage_at_once() -> None:
    assert PENDING.input in lifecycle.cancel(PENDING, AT).garbage


def test_an_annotation_belongs_to_its_job_and_goes_with_it() -> None:
    job = replace(PENDING, s3_key_annotation_file="gas/u/j~annotation/a.bed", annotation_tag="A")
    assert job.annotation in job.stored
    assert {job.input, job.annotation} <= {*lifecycle.cancel(job, AT).garbage}


BEFORE = Now(AT.now - 900, TIMEOUTS)
"""The right time, when `AT` was written by a clock that was ahead."""


def test_a_lease_of_a_clock_that_was_ahead_ends_like_any_other() -> None:
    bounded = lifecycle.bound_times(RUNNING, BEFORE)
    assert bounded.lease_until == BEFORE.now + TIMEOUTS.lease_s
    assert unfinished(bounded, BEFORE)[PendingWork.PROGRESS] == bounded.lease_until


@pytest.mark.parametrize("job", [PENDING, RUNNING, HOT, STORING, RETRIEVING, THAWED])
def test_nothing_falls_due_later_than_a_right_clock_would_have_it(job: Job) -> None:
    bounded = lifecycle.bound_times(job, BEFORE)
    longest = 60 * 4**5
    assert max(unfinished(bounded, BEFORE).values()) <= BEFORE.now + longest
    assert lifecycle.bound_times(bounded, BEFORE) == bounded


@pytest.mark.parametrize(("failures", "longest"), [(0, TIMEOUTS.retrieval_s), (5, 60 * 4**5)])
def test_a_retrieval_is_checked_no_later_than_its_own_failures_have_it(
    failures: int, longest: int
) -> None:
    """What has never failed waits no pause of what has failed time and again."""
    assert RETRIEVING.retrieval
    ahead = replace(RETRIEVING.retrieval, check_time=AT.now + 86400)
    job = replace(RETRIEVING, retrieval=ahead, failed_moves=failures)
    bounded = lifecycle.bound_times(job, BEFORE).retrieval
    assert bounded
    assert bounded.check_time == BEFORE.now + longest


@pytest.mark.parametrize("job", [PENDING, RUNNING, HOT, STORING, RETRIEVING, THAWED])
def test_times_of_right_clocks_stay(job: Job) -> None:
    assert lifecycle.bound_times(job, replace(AT, now=AT.now - lifecycle.SKEW_S)) == job
    assert lifecycle.bound_times(job, LATER) == job


def test_a_pin_overtakes_an_archive_in_progress() -> None:
    kept = moves.pin(STORING, AT)
    assert (kept.pinned, kept.role_check_due, kept.pending_writes) == (True, True, ())
    assert RESERVED in kept.garbage
    with pytest.raises(Refused):
        moves.commit_archive(kept, AT, result=HOT.result, reserved=RESERVED, archive_id="x")


def test_a_check_is_cleared_only_at_the_revision_it_was_made_at() -> None:
    assert not lifecycle.clear_role_check(replace(COLD, rev=7), AT, rev=7).role_check_due
    assert lifecycle.clear_role_check(replace(COLD, rev=8), AT, rev=7).role_check_due


def test_a_downgrade_restarts_the_retention() -> None:
    released = moves.release(moves.pin(HOT, AT), LATER)
    assert released.expires_time == LATER.now + TIMEOUTS.after_s
    assert not released.pinned


def test_only_what_was_done_is_struck_out() -> None:
    one, other = S3Object("a", "b"), S3Object("a", "c")
    job = replace(HOT, garbage=(one, other))
    done = lifecycle.strike_out(job, AT, outbox=HOT.outbox[:1], garbage=(one,))
    assert done.outbox == HOT.outbox[1:] != ()
    assert done.garbage == (other,)


def test_a_reminder_waits_longer_each_time() -> None:
    at = replace(LATER, now=AT.now)
    waits = []
    job = PENDING
    for _ in range(3):
        job = lifecycle.republish(job, at)
        waits.append(unfinished(job, at)[PendingWork.PROGRESS] - at.now)
    assert waits == [1200, 2400, 4800]


REFUSED: dict[str, Callable[[], Any]] = {
    "starting what has ended": lambda: lifecycle.start(HOT, LATER, owner="x", lease_s=1),
    "renewing another's lease": lambda: lifecycle.renew(
        RUNNING, AT, owner="x", lease_s=1, progress=""
    ),
    "writing under another's lease": lambda: lifecycle.intend_outputs(
        RUNNING, AT, owner="x", outputs=INTENDED
    ),
    "a zombie's commit": lambda: lifecycle.complete(WRITING, AT, owner="x", result=RESULT),
    "a commit of outputs that were not intended": lambda: lifecycle.complete(
        RUNNING, AT, owner="me", result=RESULT
    ),
    "failing what has ended": lambda: lifecycle.fail(HOT, AT, owner="me", error="e"),
    "cancelling what has ended": lambda: lifecycle.cancel(HOT, AT),
    "archiving twice": lambda: begin_archive(COLD, AT),
    "archiving what is pinned": lambda: begin_archive(moves.pin(HOT, AT), AT),
    "archiving what is being archived": lambda: begin_archive(STORING, AT),
    "renewing the lease of an archive that was overtaken": lambda: moves.renew_archive(
        begin_archive(STORING, LATER), LATER, reserved=RESERVED, lease_s=LEASE_S
    ),
    "dropping another's archive": lambda: moves.drop_archive(STORING, AT, reserved=Archive("y")),
    "archiving another key": lambda: moves.commit_archive(
        STORING, AT, result=COPY, reserved=RESERVED, archive_id="x"
    ),
    "pinning what is archived": lambda: moves.pin(COLD, AT),
    "releasing what is archived": lambda: moves.release(COLD, AT),
    "retrieving what is in S3": lambda: moves.begin_retrieval(HOT, AT, token="t", tier="Standard"),
    "retrieving twice": lambda: moves.begin_retrieval(RETRIEVING, AT, token="u", tier="Standard"),
    "an answer to an older request": lambda: moves.postpone_check(
        RETRIEVING, AT, token="u", after_s=1
    ),
    "thawing another archive": lambda: moves.begin_thaw(
        RETRIEVING, AT, archive_id="y", copy=COPY, thaws=1
    ),
    "thawing with a number used before": lambda: moves.begin_thaw(
        RETRIEVING, AT, archive_id="x", copy=COPY, thaws=2
    ),
    "a thaw's commit of a copy that was not intended": lambda: moves.commit_thaw(
        THAWING, AT, archive_id="x", copy=S3Object("out", "other")
    ),
    "republishing where nothing is left to do": lambda: lifecycle.republish(
        lifecycle.mark_mailed(HOT, AT), AT
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    with pytest.raises(Refused):
        REFUSED[what]()
