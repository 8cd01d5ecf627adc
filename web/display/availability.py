"""Where a job's result is, in the words of its page."""

from dataclasses import dataclass
from enum import StrEnum

from aws.rows.job import Job, Retrieval, Status
from web.display.formatting import span_words

EXPECTED_S = {"Expedited": 5 * 60, "Standard": 5 * 3600, "Bulk": 12 * 3600}
"""How long Glacier takes at most, as a rule, by tier.

https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
"""


class Kind(StrEnum):
    NONE = "none"
    AVAILABLE = "available"
    LEAVING = "leaving"
    ARCHIVED = "archived"
    RESTORING = "restoring"


@dataclass(frozen=True)
class Availability:
    """Where the result is, in short and at length; `expected_time` (epoch s) of a restore."""

    kind: Kind
    short: str
    words: str
    expected_time: float | None = None

    @property
    def can_download(self) -> bool:
        return self.kind in (Kind.AVAILABLE, Kind.LEAVING)


def place(job: Job, is_premium: bool, now: float) -> Availability:
    """`now` is epoch seconds."""
    if job.job_status is not Status.COMPLETED:
        return Availability(Kind.NONE, "", "")
    if job.retrieval:
        return _restoring(job.retrieval)
    if job.is_archived and is_premium:
        return Availability(
            Kind.RESTORING, "being restored", "GAS is about to ask the archive for it."
        )
    if job.is_archived:
        words = "It is kept in the archive. Subscribe to premium to bring it back and download it."
        return Availability(Kind.ARCHIVED, "archived", words)
    if is_premium or job.expires_time is None:
        words = "It came back from the archive." if job.thawed_time else "It is kept for you."
        return Availability(Kind.AVAILABLE, "available", words)
    return _leaving(job.expires_time - now)


def _leaving(left_s: float) -> Availability:
    when = f"archived in {span_words(left_s)}" if left_s >= 1 else "about to be archived"
    words = (
        "On the free plan a result can be downloaded for a few minutes and is then moved to the "
        "archive. Premium keeps it here, and brings archived ones back."
    )
    return Availability(Kind.LEAVING, when, words)


def _restoring(live: Retrieval) -> Availability:
    refused = (
        "Expedited was refused, for Glacier had no capacity for it just then; so it was asked for "
        "at the Standard tier. "
    )
    tier = "5 minutes" if live.tier == "Expedited" else "5 hours"
    tier = "12 hours" if live.tier == "Bulk" else tier
    words = f"{refused if live.expedited_refused else ''}{live.tier} takes up to {tier}."
    expected = live.requested_time + EXPECTED_S.get(live.tier, EXPECTED_S["Standard"])
    return Availability(Kind.RESTORING, "being restored", words, expected)
