"""The copy that a person gets of what is kept of them."""

import json
from dataclasses import fields

import pytest

from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job
from aws.rows.sessions import Session
from tests import builders
from tests.web.browser import Person
from web.routes import profile

MACHINERY = {
    Account: "rev write_token role_changes pending_role_change reminders reminder_time sessions "
    "mailed_return",
    Session: "id",
    Job: "user_id s3_inputs_bucket s3_key_input_file s3_key_annotation_file input_etag batch_size "
    "rev write_token attempt crashes lapses fault lease_owner lease_until progress outputs existed "
    "results_file_archive_id retrieval outbox garbage pending_writes role_check_due mailed pinned "
    "reminders reminder_time retries retry_times failed_moves archive_fault thaws",
}
"""The attributes by which GAS does its work, and that tell nothing of anybody."""


@pytest.mark.parametrize(
    ("row", "copied"),
    [
        (Account, profile.OF_ACCOUNT),
        (Session, profile.OF_SESSION),
        (Job, profile.OF_JOB),
    ],
)
def test_whatever_a_row_tells_of_a_person_is_in_their_copy(
    row: type[Account | Session | Job], copied: tuple[str, ...]
) -> None:
    assert {f.name for f in fields(row)} == {*copied, *MACHINERY[row].split()}


def test_a_person_gets_a_copy_of_what_is_kept_of_them(ada: Person, world: World) -> None:
    job = builders.completed(world, ada, name="mine.vcf")
    copy = json.loads(ada.get("/profile/data").text)
    assert copy["account"]["email"] == "ada@example.org"
    assert [each["job_id"] for each in copy["jobs"]] == [job.job_id]
    assert copy["sessions"][0]["agent"] == "a browser of the tests"
    assert not {"id", "write_token", "rev"} & {*copy["sessions"][0], *copy["account"]}
