"""The contents of Glacier vaults: archives, retrievals and uploads, their bytes in files."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

ACCOUNT = "123456789012"
MIB = 1024 * 1024


@dataclass(frozen=True)
class StoredArchive:
    """One archive and the description that it was stored with; `time` in epoch s."""

    id: str
    description: str
    size: int
    tree_hash: str
    time: float = field(default_factory=time.time)

    def listed(self) -> dict[str, Any]:
        """Its entry in an inventory."""
        return {
            "ArchiveId": self.id,
            "ArchiveDescription": self.description,
            "CreationDate": date(self.time),
            "Size": self.size,
            "SHA256TreeHash": self.tree_hash,
        }


@dataclass(frozen=True)
class RetrievalJob:
    """One job of a vault: an archive's or an inventory's retrieval. Times in epoch s."""

    id: str
    vault_arn: str
    request: dict[str, Any]
    ready_time: float
    size: int
    tree_hash: str | None
    time: float = field(default_factory=time.time)

    @property
    def is_ready(self) -> bool:
        return time.time() >= self.ready_time

    def described(self) -> dict[str, Any]:
        """Its description, for DescribeJob and in the notice on completion.

        https://docs.aws.amazon.com/amazonglacier/latest/dev/api-describe-job-get.html
        """
        done, of_archive = self.is_ready, self.request["Type"] == "archive-retrieval"
        return {
            "Action": "ArchiveRetrieval" if of_archive else "InventoryRetrieval",
            "ArchiveId": self.request.get("ArchiveId"),
            "ArchiveSHA256TreeHash": self.tree_hash,
            "ArchiveSizeInBytes": self.size if of_archive else None,
            "Completed": done,
            "CompletionDate": date(self.ready_time) if done else None,
            "CreationDate": date(self.time),
            "InventorySizeInBytes": self.size if done and not of_archive else None,
            "JobDescription": self.request.get("Description"),
            "JobId": self.id,
            "RetrievalByteRange": f"0-{self.size - 1}" if of_archive else None,
            "SHA256TreeHash": self.tree_hash,
            "SNSTopic": self.request.get("SNSTopic"),
            "StatusCode": "Succeeded" if done else "InProgress",
            "StatusMessage": "Succeeded" if done else None,
            "Tier": self.request.get("Tier", "Standard") if of_archive else None,
            "VaultARN": self.vault_arn,
        }


@dataclass
class MultipartUpload:
    """An upload in parts: the size of each by its first byte."""

    description: str
    parts: dict[int, int] = field(default_factory=dict)


@dataclass
class LocalVault:
    """A vault's contents, by id."""

    name: str
    time: float = field(default_factory=time.time)
    archives: dict[str, StoredArchive] = field(default_factory=dict)
    retrievals: dict[str, RetrievalJob] = field(default_factory=dict)
    uploads: dict[str, MultipartUpload] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/{self.name}"

    def described(self) -> dict[str, Any]:
        """Its description, for DescribeVault."""
        return {
            "CreationDate": date(self.time),
            "NumberOfArchives": len(self.archives),
            "SizeInBytes": sum(archive.size for archive in list(self.archives.values())),
            "VaultARN": self.arn,
            "VaultName": self.name,
        }

    def inventory(self) -> dict[str, Any]:
        listed = [archive.listed() for archive in list(self.archives.values())]
        return {"VaultARN": self.arn, "InventoryDate": date(time.time()), "ArchiveList": listed}

    def forget(self, kept_s: float) -> list[str]:
        """Drop the retrievals that ended more than `kept_s` ago; return their ids."""
        oldest = time.time() - kept_s
        gone = [id for id, job in list(self.retrievals.items()) if job.ready_time < oldest]
        for retrieval_id in gone:
            self.retrievals.pop(retrieval_id, None)
        return gone


def private_folder(folder: Path) -> None:
    """Have a folder whose files only their owner reads, also where an earlier run made it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


class VaultStore:
    """All vaults, and the folder where each archive, output and upload is the file of its id.

    `discard(path)` is called for a file that nothing needs any more.
    """

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self.folder = folder
        self.vaults: dict[str, LocalVault] = {}
        self.discard: Callable[[Path], object] = unlink

    def path(self, any_id: str) -> Path:
        return self.folder / any_id

    def drop(self, any_id: str) -> None:
        self.discard(self.path(any_id))

    def load_vault(self, name: str, row: dict[str, Any]) -> None:
        self.vaults[name] = LocalVault(name, row["time"])

    def load_archive(self, row: dict[str, Any]) -> None:
        vault = self.vaults[row.pop("vault")]
        vault.archives[row["id"]] = StoredArchive(**row)

    def tidy(self) -> None:
        """Remove the files of all but archives: retrievals and uploads end with the process."""
        kept = {id for vault in self.vaults.values() for id in vault.archives}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink()


def new_id(length: int) -> str:
    """A random id of so many characters, fit for URLs and file names."""
    return secrets.token_urlsafe(length)[:length].replace("-", "_")


def tree_hash(stream: BinaryIO) -> str:
    """https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html"""
    hashes = [hashlib.sha256(leaf).digest() for leaf in iter(lambda: stream.read(MIB), b"")]
    hashes = hashes or [hashlib.sha256().digest()]
    while len(hashes) > 1:
        pairs = [hashes[i : i + 2] for i in range(0, len(hashes), 2)]
        hashes = [hashlib.sha256(b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
    return hashes[0].hex()


def date(when: float) -> str:
    """Glacier's form of epoch seconds."""
    millis = int(when * 1000) % 1000
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{millis:03d}Z", time.gmtime(when))


def unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
