"""The notify daemon: the text of a mail, and that each owner gets one."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from aws.events import Event
from aws.resources import World
from aws.rows.accounts import Account, MailKind, Role
from aws.rows.job import Job, Status
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs import invariants
from tests.proofs.faults import error, meanwhile, outage
from util import letters, notify, sweep

ADA = Account("u", "Ada", "ada@example.org")
DONE = Job(
    "j",
    "u",
    "a.vcf",
    "in",
    "k",
    1,
    submit_time=100,
    complete_time=175,
    job_status=Status.COMPLETED,
    counts={"records": 1141, "annotated": 933, "not_annotated": 208},
)


def test_the_letter_has_file_time_counts_and_link() -> None:
    letter = letters.about(DONE, ADA, "https://gas.example.org")
    assert letter.recipient == "ada@example.org"
    assert letter.subject == "Your annotation of a.vcf is ready"
    for words in ("1 min 15 s", "1,141 records", "933 annotated", "208 without"):
        assert words in letter.text
    assert "https://gas.example.org/annotations/j\n" in letter.text


def test_a_failure_says_why() -> None:
    job = replace(DONE, job_status=Status.FAILED, error="another assembly")
    letter = letters.about(job, ADA, "https://gas.example.org")
    assert letter.subject == "GAS could not annotate a.vcf"
    assert "another assembly" in letter.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.44, "0.4 seconds"), (75, "1 min 15 s"), (3720, "1 h 2 min")]
)
def test_a_span_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert letters.duration(replace(DONE, complete_time=100 + seconds)) == words


def test_an_owner_is_mailed_once_and_nobody_about_a_job_that_runs(
    world: World, local_aws: Handle
) -> None:
    account = builders.user(world)
    running = builders.started(world, account)
    done = builders.completed(world, account)
    for job in (running, done, done):
        notify.handle(world, Event(job.event))
    recipients = [mail["to"] for mail in local_aws.mail() if done.job_id in mail["text"]]
    assert recipients == [account.email]
    assert not [mail for mail in local_aws.mail() if running.job_id in mail["text"]]


def nobody(world: World) -> Account:
    """A user whose identity at Globus has no address."""
    account = builders.user(world)
    return world.accounts.sign_in(account.user_id, account.name, "", account.institution)


REFUSAL = error("MessageRejected", "Email address is not verified.")


def test_a_mail_to_nobody_ends_with_a_word_in_the_row(world: World, clock: Clock) -> None:
    job = builders.completed(world, nobody(world))
    daemons.bring_to_rest(world, clock, daemons.handlers())
    after = world.jobs.get(job.job_id)
    assert not after.mailed
    assert "is not a mail address" in (after.mail_fault or "")
    clock.advance(daemons.LATE_S)
    assert list(world.jobs.due()) == []
    assert world.queues.depth("job_results_dlq").visible == 0
    assert invariants.check(world, []).mails_missing == []


@pytest.mark.parametrize(
    "code", ["MessageRejected", "AccountSendingPausedException", "MailFromDomainNotVerified"]
)
def test_a_mail_that_ses_refuses_for_good_is_tried_once(world: World, code: str) -> None:
    job = builders.completed(world, builders.user(world))
    with outage(world, "SendEmail", answer=error(code, "No.")) as refused:
        notify.handle(world, Event(job.event))
        notify.handle(world, Event(job.event))
    assert refused == ["SendEmail"]
    assert world.jobs.get(job.job_id).mail_fault == "No."


def test_a_mail_that_is_throttled_is_tried_again_and_ends_after_a_day(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    job = builders.completed(world, builders.user(world))
    with outage(world, "SendEmail", answer=error("Throttling", "Maximum sending rate exceeded.")):
        for _ in range(notify.MAX_REMINDERS):
            with pytest.raises(ClientError, match="rate"):
                notify.handle(world, Event(job.event))
            clock.advance(daemons.LATE_S)
            sweep.sweep(world)
        assert world.jobs.get(job.job_id).mail_fault is None
        notify.handle(world, Event(job.event))
    assert "rate exceeded" in (world.jobs.get(job.job_id).mail_fault or "")


def test_a_mail_that_was_given_up_is_sent_at_the_operators_word(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    job = builders.completed(world, builders.user(world))
    with outage(world, "SendEmail", answer=REFUSAL):
        notify.handle(world, Event(job.event))
    world.jobs.resume(job.job_id)
    daemons.bring_to_rest(world, clock, daemons.handlers())
    assert world.jobs.get(job.job_id).mailed
    assert [mail for mail in local_aws.mail() if job.job_id in mail["text"]]


def test_a_free_users_mail_says_until_when_the_result_can_be_downloaded() -> None:
    job = replace(DONE, existed=True, expires_time=1_800_000_000.0)
    text = letters.about(job, ADA, "https://gas.example.org").text
    assert "Download before 08:00 UTC on 15 January" in text
    premium = replace(ADA, role=Role.PREMIUM)
    assert "Download before" not in letters.about(job, premium, "https://gas.example.org").text


def of_batch(world: World, account: Account, size: int) -> Job:
    job = builders.pending(world, account)
    return world.jobs.change(job.job_id, lambda j: replace(j, batch="Lund", batch_size=size))


def batch(world: World, size: int) -> list[Job]:
    """A batch of jobs, of which all but the last have ended."""
    account = builders.user(world)
    jobs = [of_batch(world, account, size) for _ in range(size)]
    return [builders.complete(world, job) for job in jobs[:-1]] + jobs[-1:]


def about_batches(local_aws: Handle) -> list[str]:
    return [mail["text"] for mail in local_aws.mail() if "Your batch Lund" in mail["subject"]]


def test_a_batch_is_mailed_about_once_when_its_last_file_has_ended(
    world: World, local_aws: Handle
) -> None:
    *ended, last = batch(world, 3)
    before = len(about_batches(local_aws))
    for job in ended:
        notify.handle(world, Event(job.event))
    assert len(about_batches(local_aws)) == before
    builders.complete(world, last)
    for job in (last, *ended):
        notify.handle(world, Event(job.event))
    (text,) = about_batches(local_aws)[: len(about_batches(local_aws)) - before]
    assert all(f"/annotations/{job.job_id}" in text for job in (*ended, last))
    assert all(world.jobs.get(job.job_id).mailed for job in (*ended, last))


def test_a_batch_that_stays_incomplete_is_mailed_about_after_some_minutes(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    first, last = batch(world, 2)
    for _ in range(notify.BATCH_REMINDERS):
        notify.handle(world, Event(first.event))
        clock.advance(daemons.LATE_S)
        sweep.sweep(world)
    notify.handle(world, Event(first.event))
    assert world.jobs.get(first.job_id).mailed
    assert not world.jobs.get(last.job_id).mailed


def test_a_file_that_ends_after_its_batch_was_mailed_about_is_mailed_about_alone(
    world: World, local_aws: Handle
) -> None:
    first, last = batch(world, 2)
    world.jobs.mark_mailed(first.job_id)
    builders.complete(world, last)
    notify.handle(world, Event(last.event))
    mails = [mail for mail in local_aws.mail() if last.job_id in mail["text"]]
    assert [first.job_id in mail["text"] for mail in mails] == [False]


def test_a_name_that_served_before_gives_the_new_batch_one_mail_of_its_own(
    world: World, local_aws: Handle
) -> None:
    account = builders.user(world)
    before, now = [of_batch(world, account, 2) for _ in range(2)], []
    for job in before:
        world.jobs.mark_mailed(builders.complete(world, job).job_id)
    for _ in range(2):
        now.append(builders.complete(world, of_batch(world, account, 2)))
        notify.handle(world, Event(now[-1].event))
    about = [mail["text"] for mail in local_aws.mail() if mail["to"] == account.email]
    assert len(about) == 1
    assert [job.job_id in about[0] for job in (*now, *before)] == [True, True, False, False]


def test_a_large_batch_costs_little_while_it_has_not_ended(world: World) -> None:
    account = builders.user(world)
    first, *_ = [of_batch(world, account, 8) for _ in range(8)]
    ended = builders.complete(world, first)
    with meanwhile(world, lambda: None, at=0, operation="GetItem") as reads:
        assert notify.batch_of(world, ended) == []
    assert reads.calls <= 2


def test_a_mail_that_is_switched_off_is_not_sent_and_nothing_waits_for_it(
    world: World, local_aws: Handle
) -> None:
    account = builders.user(world)
    world.accounts.choose_mail(account.user_id, (MailKind.ENDED,))
    job = builders.completed(world, account)
    notify.handle(world, Event(job.event))
    assert world.jobs.get(job.job_id).is_mail_settled
    assert [mail for mail in local_aws.mail() if job.job_id in mail["text"]] == []


def test_the_return_of_the_last_archived_result_is_mailed_once(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    account = builders.user(world)
    jobs = [builders.archived(world, account) for _ in range(2)]
    daemons.bring_to_rest(world, clock, daemons.handlers())
    world.accounts.subscribe(account.user_id)
    builders.change_role(world, account.user_id, premium=True)
    daemons.bring_to_rest(world, clock, daemons.handlers())
    assert all(world.jobs.get(job.job_id).is_hot for job in jobs)

    def told() -> list[str]:
        mails = [m for m in local_aws.mail() if m["to"] == account.email]
        return [m["text"] for m in mails if m["subject"] == "Your archived results are back"]

    assert len(told()) == 1
    assert "All 2 of your results are back" in told()[0]
    for job in jobs:
        notify.handle(world, Event(job.event))
    assert len(told()) == 1
