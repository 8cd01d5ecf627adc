"""Cold storage for results, behind one interface with two backends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from aws.storage.stored import Stored

REFUSED_S = 60
"""How long a refusal of Expedited counts for other requests."""


class RetrievalState(StrEnum):
    """The state of a retrieval."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class RetrievalRequest:
    """Glacier's answer to a request: its id for the retrieval, and the tier it granted."""

    id: str
    tier: str
    expedited_refused: bool


@dataclass(frozen=True)
class RetrievalNotice:
    """A retrieval-completed notification; `retrieval_id` is None on the s3 backend."""

    job_id: str
    archive_id: str
    retrieval_id: str | None
    succeeded: bool


@dataclass(frozen=True)
class InventoryEntry:
    """One archive of an inventory; `time` is when it was stored (epoch s)."""

    archive_id: str
    job_id: str
    time: float


class NoCapacity(Exception):
    """There is no capacity for Expedited retrievals just now."""


class Expedited:
    """Requests by the Expedited tier, or by Standard while there is no capacity for it.

    Both services refuse with an HTTP 503, which botocore would retry for seconds; the refusal is
    remembered for a while, so that thousands of requests do not each meet it anew.
    """

    def __init__(self, client: Any, operation: str, code: str, clock: Callable[[], float]) -> None:
        self.code, self.clock, self.refused_until = code, clock, 0.0
        event = f"needs-retry.{client.meta.service_model.service_name}.{operation}"
        client.meta.events.register_first(event, self.raise_at_once)

    def raise_at_once(self, response: Any, **_: Any) -> None:
        """Raise NoCapacity in the place of a retry: a handler of botocore's `needs-retry`."""
        if response is not None and response[1].get("Error", {}).get("Code") == self.code:
            raise NoCapacity

    def request(self, by: Callable[[str], str], tier: str) -> RetrievalRequest:
        """Request by `by`, a function from a tier to the retrieval's id."""
        if tier != "Expedited":
            return RetrievalRequest(by(tier), tier, expedited_refused=False)
        left_s = self.refused_until - self.clock()
        if not 0 < left_s <= REFUSED_S:  # more is of a clock that was ahead
            try:
                return RetrievalRequest(by(tier), tier, expedited_refused=False)
            except NoCapacity:
                self.refused_until = self.clock() + REFUSED_S
        return RetrievalRequest(by("Standard"), "Standard", expedited_refused=True)


class Vault(Protocol):
    """Stores results cold; every method streams. Archive ids are unique and never used again."""

    def reserve(self, user_id: str, job_id: str) -> Stored:
        """A reference, never used before, to an archive about to be stored."""
        ...

    def store(self, reserved: Stored, job_id: str, stream: BinaryIO, size: int) -> str:
        """Store `size` bytes of `stream` as what was reserved; return the archive id."""
        ...

    def request(self, archive_id: str, job_id: str, tier: str) -> RetrievalRequest:
        """Request the archive's retrieval, by Standard where Expedited has no capacity.

        Raises FileNotFoundError where the archive is gone.
        """
        ...

    def describe(self, archive_id: str, retrieval_id: str | None) -> RetrievalState:
        """The state of that retrieval. Raises FileNotFoundError where the archive is known gone."""
        ...

    def notice(self, archive_id: str, job_id: str, retrieval_id: str | None) -> dict[str, Any]:
        """The message by which the service announces that this retrieval has succeeded."""
        ...

    def fetch(self, archive_id: str, retrieval_id: str | None) -> BinaryIO:
        """A stream of the retrieved bytes. Raises FileNotFoundError where they are not ready."""
        ...

    def delete(self, archive_id: str) -> None:
        """Deleting what is gone is no error."""
        ...

    def notices(self, body: dict[str, Any]) -> list[RetrievalNotice]:
        """The ends of retrievals that a message on the thaw queue announces.

        Raises ValueError for a message that is not of this backend.
        """
        ...

    def now(self) -> float:
        """The time (epoch s) by the clock that the times of an inventory are of."""
        ...

    def inventory(self, after: str = "") -> Iterator[InventoryEntry]:
        """Every archive that comes after `after`, in one order; may be a day old."""
        ...
