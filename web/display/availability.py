"""The availability of a job's result, in the words of its page."""

from dataclasses import dataclass
from enum import StrEnum

from aws.rows.job import Job, Retrieval, Status
from web.display.formatting import span_words

EXPECTED_S = {"Expedited": 5 * 60, "Standard": 5 * 3600, "Bulk": 12 * 3600}
"""The most that Glacier takes as a rule (s), by tier.

https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
"""


class ResultState(StrEnum):
    """A result as its owner sees it."""

    NONE = "none"
    AVAILABLE = "available"
    LEAVING = "leaving"
    ARCHIVED = "archived"
    RESTORING = "restoring"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Availability:
    """A result's state, in short and at length; `expected_time` (epoch s) of a restore."""

    state: ResultState
    short: str
    words: str
    expected_time: float | None = None

    @property
    def can_download(self) -> bool:
        return self.state in (ResultState.AVAILABLE, ResultState.LEAVING)


def availability(job: Job, is_premium: bool, now: float) -> Availability:
    """The availability of a job's result to its owner; `now` is epoch seconds."""
    if job.job_status is not Status.COMPLETED:
        return Availability(ResultState.NONE, "", "")
    if job.archive_fault:
        return _given_up(job)
    if job.retrieval:
        return _restoring(job.retrieval)
    if job.is_archived and is_premium:
        return Availability(
            ResultState.RESTORING, "being restored", "GAS is about to ask the archive for it."
        )
    if job.is_archived:
        words = "It is kept in the archive. Subscribe to premium to bring it back and download it."
        return Availability(ResultState.ARCHIVED, "archived", words)
    if is_premium or job.expires_time is None:
        words = "It came back from the archive." if job.thawed_time else "It is kept for you."
        return Availability(ResultState.AVAILABLE, "available", words)
    return _leaving(job.expires_time - now)


def _given_up(job: Job) -> Availability:
    """A result that cannot be moved, or not be read back: the operators know of it."""
    advice = (
        "The operators of this site have been notified and can try again; please ask them, with "
        "this job's id. If you still have the file, you can annotate it again."
    )
    if job.is_hot:
        words = f"But its bytes are no longer those that were recorded at completion. {advice}"
        return Availability(ResultState.AVAILABLE, "changed", words)
    words = f"GAS has tried several times to read it back from the archive, in vain. {advice}"
    return Availability(ResultState.UNREADABLE, "not readable", words)


def _leaving(left_s: float) -> Availability:
    when = f"archived in {span_words(left_s)}" if left_s >= 1 else "about to be archived"
    words = (
        "On the free plan a result can be downloaded for a few minutes and is then moved to the "
        "archive. Premium keeps it here, and brings archived ones back."
    )
    return Availability(ResultState.LEAVING, when, words)


def _restoring(retrieval: Retrieval) -> Availability:
    refused = (
        "Expedited was refused, for Glacier had no capacity for it just then; so it was requested "
        "at the Standard tier. "
    )
    tier = "5 minutes" if retrieval.tier == "Expedited" else "5 hours"
    tier = "12 hours" if retrieval.tier == "Bulk" else tier
    words = f"{refused if retrieval.expedited_refused else ''}{retrieval.tier} takes up to {tier}."
    expected = retrieval.requested_time + EXPECTED_S.get(retrieval.tier, EXPECTED_S["Standard"])
    return Availability(ResultState.RESTORING, "being restored", words, expected)
