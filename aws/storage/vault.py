"""Cold storage for results, behind one interface with two backends."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from aws.storage.stored import Stored


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


class Vault(Protocol):
    """Stores results cold; every method streams. Archive ids are unique and never used again."""

    def reserve(self, user_id: str, job_id: str) -> Stored:
        """A reference, never used before, to an archive about to be stored."""
        ...

    def store(self, reserved: Stored, job_id: str, stream: BinaryIO, size: int) -> str:
        """Store `size` bytes of `stream` as what was reserved; return the archive id."""
        ...

    def request(self, archive_id: str, job_id: str, tier: str) -> RetrievalRequest:
        """Request the archive's retrieval, by Standard where Expedited has no capacity."""
        ...

    def describe(self, archive_id: str, retrieval_id: str | None) -> RetrievalState:
        """The state of that retrieval."""
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

    def inventory(self) -> Iterator[InventoryEntry]:
        """Every archive, a page in memory at a time; may be hours old."""
        ...
