"""Cold storage for results, behind one interface with two backends."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol


class RetrievalState(StrEnum):
    """How far a retrieval is."""

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
    """What the thaw topic carries: the end of one retrieval; `retrieval_id` where it is told."""

    job_id: str
    archive_id: str
    retrieval_id: str | None
    succeeded: bool


@dataclass(frozen=True)
class InventoryEntry:
    """One archive of an inventory; `time` is when it was made (epoch s)."""

    archive_id: str
    job_id: str
    time: float


class Vault(Protocol):
    """Stores results cold; every method streams. Archive ids are unique and never used again."""

    def name(self, user_id: str, job_id: str) -> str:
        """The entry of a row's `writing` for an archive about to be stored, never used before."""
        ...

    def store(self, name: str, job_id: str, stream: BinaryIO, size: int) -> str:
        """Store `size` bytes of `stream` as named; return the archive id."""
        ...

    def request(self, archive_id: str, job_id: str, tier: str) -> RetrievalRequest:
        """Ask for the archive, by Standard where Expedited has no capacity."""
        ...

    def describe(self, archive_id: str, retrieval_id: str | None) -> RetrievalState:
        """How far that retrieval is."""
        ...

    def fetch(self, archive_id: str, retrieval_id: str | None) -> BinaryIO:
        """A stream of the retrieved bytes. Raises FileNotFoundError where they are not ready."""
        ...

    def delete(self, archive_id: str) -> None:
        """Deleting what is gone is no error."""
        ...

    def notices(self, body: dict[str, Any]) -> list[RetrievalNotice]:
        """The retrievals that a message on the thaw queue tells the end of.

        Raises ValueError for a message that is none of this backend's.
        """
        ...

    def inventory(self) -> Iterator[InventoryEntry]:
        """Every archive, a page in memory at a time; may be hours old."""
        ...
