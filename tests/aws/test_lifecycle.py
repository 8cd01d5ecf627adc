"""The steps as pure functions: what each demands, and what it leaves to be done."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aws import lifecycle
from aws.job import Business, Job, Leased, Moment, Patience, Refused, Result, Status, unfinished

SPANS = Patience(grace_s=60, patience_s=600, retrieval_s=21600, after_s=300, by_queue=True)
AT = Moment(1000.0, SPANS)
LATER = Moment(10_000.0, SPANS)
NEW = Job("j", "u", "a.vcf", "in", "k", 10)
PENDING = lifecycle.submit(NEW, AT)
RUNNING = lifecycle.start(PENDING, AT, owner="me", lease_s=30)
NAMES = ("s3:out/r", "s3:out/i")
WRITING = lifecycle.write(RUNNING, AT, owner="me", names=NAMES)
RESULT = Result("out", "r", "i", "l", "s", 5, "00", "rCRS", {"records": 1})
HOT = lifecycle.complete(WRITING, AT, owner="me", result=RESULT)
STORING = lifecycle.store(HOT, AT, name="archive:x")
COLD = lifecycle.archive(STORING, AT, key="r", name="archive:x", archive_id="x")
ASKED = lifecycle.retrieve(COLD, AT, token="t", tier="Expedited")
THAWING = lifecycle.bring_back(ASKED, AT, archive_id="x", name="s3:out/t", thaws=1)
THAWED = lifecycle.thaw(THAWING, AT, archive_id="x", bucket="out", key="t")


def test_a_new_job_has_its_request_to_publish() -> None:
    assert PENDING.job_status is Status.PENDING
    assert PENDING.outbox == ("job_requests@1",)


def test_a_leased_job_is_left_alone_until_its_lease_is_over() -> None:
    with pytest.raises(Leased):
        lifecycle.start(RUNNING, AT, owner="other", lease_s=30)
    taken = lifecycle.start(WRITING, LATER, owner="other", lease_s=30)
    assert (taken.lease_owner, taken.attempt, taken.strikes) == ("other", 2, 1)
    assert taken.writing == ()
    assert taken.garbage == NAMES


def test_a_commit_publishes_the_result_and_starts_the_retention() -> None:
    assert HOT.job_status is Status.COMPLETED
    assert HOT.is_hot
    assert [entry.partition("@")[0] for entry in HOT.outbox] == [
        "job_requests",
        "job_results",
        "results_archive",
    ]
    assert HOT.expires_time == AT.now + SPANS.after_s


def test_a_retention_longer_than_a_queue_can_wait_is_left_to_the_due_time() -> None:
    at = replace(AT, spans=replace(SPANS, by_queue=False))
    done = lifecycle.complete(WRITING, at, owner="me", result=RESULT)
    assert not any(entry.startswith("results_archive") for entry in done.outbox)
    assert unfinished(done, at)[Business.RETENTION] == done.expires_time


def test_a_job_handed_back_waits_without_a_strike_unless_there_was_a_fault() -> None:
    back = lifecycle.hand_back(WRITING, AT, owner="me")
    assert (back.job_status, back.lease_owner, back.strikes) == (Status.PENDING, None, 0)
    assert back.garbage == NAMES
    assert lifecycle.hand_back(RUNNING, AT, owner="me", fault="it crashed").strikes == 1


def test_an_archived_result_names_its_object_as_garbage_and_wants_a_check() -> None:
    assert COLD.is_archived
    assert not COLD.is_hot
    assert "s3:out/r" in COLD.garbage
    assert COLD.check


def test_a_thawed_result_names_its_archive_as_garbage_and_wants_a_check() -> None:
    assert THAWED.is_hot
    assert THAWED.s3_key_result_file == "t"
    assert "archive:x" in THAWED.garbage
    assert (THAWED.check, THAWED.retrieval, THAWED.results_file_archive_id) == (True, None, None)


def test_keeping_overtakes_an_archive_in_progress() -> None:
    kept = lifecycle.keep(STORING, AT)
    assert (kept.keep, kept.check, kept.writing) == (True, True, ())
    assert "archive:x" in kept.garbage
    with pytest.raises(Refused):
        lifecycle.archive(kept, AT, key="r", name="archive:x", archive_id="x")


def test_a_check_is_cleared_only_at_the_revision_it_was_made_at() -> None:
    assert not lifecycle.checked(replace(COLD, rev=7), AT, rev=7).check
    assert lifecycle.checked(replace(COLD, rev=8), AT, rev=7).check


def test_a_downgrade_restarts_the_retention() -> None:
    released = lifecycle.release(lifecycle.keep(HOT, AT), LATER)
    assert released.expires_time == LATER.now + SPANS.after_s
    assert not released.keep


def test_finishing_strikes_out_only_what_was_done() -> None:
    job = replace(HOT, garbage=("s3:a/b", "s3:a/c"))
    done = lifecycle.finish(job, AT, outbox=HOT.outbox[:1], garbage=("s3:a/b",))
    assert done.outbox == HOT.outbox[1:]
    assert done.garbage == ("s3:a/c",)


def test_a_reminder_waits_longer_each_time() -> None:
    at = replace(LATER, now=AT.now)
    waits = []
    job = PENDING
    for _ in range(3):
        job = lifecycle.nudge(job, at)
        waits.append(unfinished(job, at)[Business.PROGRESS] - at.now)
    assert waits == [1200, 2400, 4800]


REFUSED: dict[str, Callable[[], Any]] = {
    "starting what has ended": lambda: lifecycle.start(HOT, LATER, owner="x", lease_s=1),
    "renewing another's lease": lambda: lifecycle.renew(
        RUNNING, AT, owner="x", lease_s=1, progress=""
    ),
    "writing under another's lease": lambda: lifecycle.write(RUNNING, AT, owner="x", names=NAMES),
    "a zombie's commit": lambda: lifecycle.complete(WRITING, AT, owner="x", result=RESULT),
    "a commit of what was not named": lambda: lifecycle.complete(
        RUNNING, AT, owner="me", result=RESULT
    ),
    "failing what has ended": lambda: lifecycle.fail(HOT, AT, owner="me", error="e"),
    "cancelling what has ended": lambda: lifecycle.cancel(HOT, AT),
    "archiving twice": lambda: lifecycle.store(COLD, AT, name="archive:y"),
    "archiving what is kept": lambda: lifecycle.store(
        lifecycle.keep(HOT, AT), AT, name="archive:y"
    ),
    "archiving another key": lambda: lifecycle.archive(
        STORING, AT, key="other", name="archive:x", archive_id="x"
    ),
    "keeping what is cold": lambda: lifecycle.keep(COLD, AT),
    "releasing what is cold": lambda: lifecycle.release(COLD, AT),
    "asking for what is hot": lambda: lifecycle.retrieve(HOT, AT, token="t", tier="Standard"),
    "asking twice": lambda: lifecycle.retrieve(ASKED, AT, token="u", tier="Standard"),
    "an answer to an older asking": lambda: lifecycle.look_again(ASKED, AT, token="u", after_s=1),
    "thawing another archive": lambda: lifecycle.bring_back(
        ASKED, AT, archive_id="y", name="s3:out/t", thaws=1
    ),
    "thawing with a number used before": lambda: lifecycle.bring_back(
        ASKED, AT, archive_id="x", name="s3:out/t", thaws=2
    ),
    "a thaw's commit of what was not named": lambda: lifecycle.thaw(
        THAWING, AT, archive_id="x", bucket="out", key="other"
    ),
    "reminding where nothing is left to do": lambda: lifecycle.nudge(lifecycle.mail(HOT, AT), AT),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    with pytest.raises(Refused):
        REFUSED[what]()
