"""The annotations table as the site and the daemons use it."""

from dataclasses import replace

import pytest

from aws.resources import World
from aws.rows.job import Job, Status
from tests import builders, daemons
from tests.conftest import Clock


def job(user_id: str, job_id: str) -> Job:
    return Job(job_id, user_id, "a.vcf", "in", "k", 1)


def test_a_list_is_newest_first_and_paged(world: World, clock: Clock) -> None:
    for number in range(5):
        clock.advance(1)
        world.jobs.submit(job("ada", f"job-{number}"))
    first = world.jobs.page_of("ada", 2)
    assert [each.job_id for each in first.jobs] == ["job-4", "job-3"]
    second = world.jobs.page_of("ada", 2, first.next)
    last = world.jobs.page_of("ada", 2, second.next)
    assert [each.job_id for each in last.jobs] == ["job-0"]
    assert last.next is None
    assert len(list(world.jobs.all_of("ada"))) == 5
    assert list(world.jobs.all_of("grace")) == []


@pytest.mark.parametrize("token", ["", "~", "abc~1", "1e9~x", "12", "1~"])
def test_a_made_up_page_token_is_refused(world: World, token: str) -> None:
    if token:
        with pytest.raises(ValueError, match="no place"):
            world.jobs.page_of("ada", 2, token)
    else:
        assert world.jobs.page_of("ada", 2, token).jobs == []


def test_submitting_twice_is_the_same_job_and_anothers_id_is_refused(world: World) -> None:
    first = world.jobs.submit(job("ada", "1"))
    again = world.jobs.submit(replace(job("ada", "1"), input_file_name="b.vcf"))
    assert again == first
    with pytest.raises(FileExistsError):
        world.jobs.submit(job("eve", "1"))


def test_every_state_of_a_row_comes_back_as_it_was(world: World) -> None:
    account = builders.user(world)
    done = builders.archived(world, account)
    world.accounts.subscribe(account.user_id)
    retrieving = world.jobs.begin_retrieval(done.job_id, token="t", tier="Expedited")
    assert world.jobs.get(done.job_id) == retrieving
    assert retrieving.counts == {"records": 1}
    assert retrieving.job_status is Status.COMPLETED


def test_an_unknown_job_is_a_key_error(world: World) -> None:
    with pytest.raises(KeyError):
        world.jobs.get("nothing")
    with pytest.raises(KeyError):
        world.jobs.cancel("nothing")


def test_what_is_unfinished_falls_due_and_what_is_finished_does_not(
    world: World, clock: Clock
) -> None:
    waiting = builders.submitted(world, builders.user(world))
    account = builders.user(world)
    at_rest = builders.archived(world, account)
    clock.advance(daemons.LATE_S)
    due = set(world.jobs.due())
    assert waiting.job_id in due
    assert at_rest.job_id not in due
