"""Cold storage for results, behind one interface with two backends."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol


class State(StrEnum):
    """How far a retrieval is."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Asked:
    """Glacier's answer to a request: its id for the retrieval, and the tier it granted."""

    id: str
    tier: str
    expedited_refused: bool


@dataclass(frozen=True)
class Notice:
    """What the thaw topic carries: the end of one retrieval."""

    job_id: str
    archive_id: str
    succeeded: bool


class Vault(Protocol):
    """Stores results cold; every method streams."""

    def name(self, user_id: str, job_id: str) -> str:
        """The entry of a row's `writing` for an archive about to be stored, never used before."""

    def store(self, name: str, stream: BinaryIO, size: int) -> str:
        """Store `size` bytes of `stream` under `name`; return the archive id."""

    def request(self, archive_id: str, job_id: str, tier: str) -> Asked:
        """Ask for the archive, by Standard where Expedited has no capacity."""

    def describe(self, archive_id: str, retrieval_id: str | None) -> State:
        """How far that retrieval is."""

    def fetch(self, archive_id: str, retrieval_id: str | None) -> Any:
        """A stream of the retrieved bytes."""

    def delete(self, archive_id: str) -> None:
        """Deleting what is gone is no error."""

    def notice(self, body: dict[str, Any]) -> list[Notice]:
        """The retrievals that a message on the thaw queue tells the end of."""
