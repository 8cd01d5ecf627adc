from dataclasses import replace

import pytest

from aws.rows.job import Job, Retrieval, Status
from web.display.availability import ResultState, availability

NOW = 1_000_000.0
OPEN = Job("j", "u", "a.vcf", "b", "k", 1)
DONE = replace(OPEN, job_status=Status.COMPLETED, existed=True, expires_time=NOW + 200)
COLD = replace(DONE, existed=False, expires_time=None, results_file_archive_id="a")


def test_an_open_job_has_no_result() -> None:
    assert availability(OPEN, False, NOW).state is ResultState.NONE


def test_a_free_result_says_how_long_it_stays() -> None:
    result = availability(DONE, False, NOW)
    assert (result.state, result.short) == (ResultState.LEAVING, "archived in 3 min 20 s")
    assert result.can_download


def test_a_free_result_past_its_time_is_about_to_go() -> None:
    assert availability(DONE, False, NOW + 500).short == "about to be archived"


@pytest.mark.parametrize("job", [DONE, replace(DONE, pinned=True, expires_time=None)])
def test_a_premium_result_is_available(job: Job) -> None:
    result = availability(job, True, NOW)
    assert (result.state, result.short) == (ResultState.AVAILABLE, "available")


def test_a_result_that_came_back_says_so() -> None:
    assert "came back" in availability(replace(DONE, thawed_time=NOW), True, NOW).words


def test_an_archived_result_asks_to_subscribe() -> None:
    result = availability(COLD, False, NOW)
    assert result.state is ResultState.ARCHIVED
    assert "Subscribe" in result.words
    assert not result.can_download


def test_an_archived_result_of_a_premium_user_is_on_its_way() -> None:
    assert availability(COLD, True, NOW).state is ResultState.RESTORING


@pytest.mark.parametrize(
    ("tier", "words", "seconds"), [("Expedited", "5 minutes", 300), ("Standard", "5 hours", 18_000)]
)
def test_a_restore_tells_its_tier_and_when(tier: str, words: str, seconds: int) -> None:
    live = Retrieval("t", tier, NOW, NOW + 60)
    result = availability(replace(COLD, retrieval=live), True, NOW)
    assert (result.state, result.expected_time) == (ResultState.RESTORING, NOW + seconds)
    assert words in result.words
    assert "refused" not in result.words


def test_a_refused_expedited_is_told_in_words() -> None:
    live = Retrieval("t", "Standard", NOW, NOW + 60, expedited_refused=True)
    assert "Expedited was refused" in availability(replace(COLD, retrieval=live), True, NOW).words


def test_a_result_that_was_given_up_says_so_and_whom_to_ask() -> None:
    result = availability(replace(COLD, archive_fault="its archive is gone"), True, NOW)
    assert result.state is ResultState.UNREADABLE
    assert "operators of this site have been notified" in result.words
    assert not result.can_download


def test_a_result_whose_bytes_have_changed_can_be_had_with_a_warning() -> None:
    result = availability(replace(DONE, archive_fault="it has changed"), False, NOW + 500)
    assert (result.short, result.can_download) == ("changed", True)
    assert "no longer those that were recorded" in result.words
