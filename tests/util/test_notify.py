"""The notify daemon: the text of a mail, and that each owner gets one."""

from dataclasses import replace

import pytest

from aws.events import Event
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Status
from tests import builders
from tests.conftest import Handle
from util import notify

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
    letter = notify.letter(DONE, ADA, "https://gas.example.org")
    assert letter.recipient == "ada@example.org"
    assert letter.subject == "Your annotation of a.vcf is ready"
    for words in ("1 min 15 s", "1,141 records", "933 annotated", "208 without"):
        assert words in letter.text
    assert "https://gas.example.org/annotations/j\n" in letter.text


def test_a_failure_says_why() -> None:
    job = replace(DONE, job_status=Status.FAILED, error="another assembly")
    letter = notify.letter(job, ADA, "https://gas.example.org")
    assert letter.subject == "GAS could not annotate a.vcf"
    assert "another assembly" in letter.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.44, "0.4 seconds"), (75, "1 min 15 s"), (3720, "1 h 2 min")]
)
def test_a_span_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert notify.duration(replace(DONE, complete_time=100 + seconds)) == words


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
