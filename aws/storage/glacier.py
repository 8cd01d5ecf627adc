"""The archive in a Glacier vault: the original API, closed to new accounts by now."""

import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

from aws.events import Arns
from aws.storage.store_time import answered_time
from aws.storage.stored import Stored, VaultUpload
from aws.storage.vault import (
    Expedited,
    InventoryEntry,
    RetrievalNotice,
    RetrievalRequest,
    RetrievalState,
)

MIB = 1024 * 1024
SINGLE_BYTES = 100 * MIB
"""Above this an archive is sent in parts."""
PART_BYTES = 16 * MIB
"""A power of two times 1 MiB; 10,000 parts of it hold 160 GB."""
GONE = "ResourceNotFoundException"
NO_CAPACITY = "InsufficientCapacityException"


class GlacierVault:
    """Archives in one vault; an id is known only once the bytes are stored.

    https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
    """

    def __init__(
        self,
        glacier: Any,
        vault: str,
        arns: Arns,
        single_bytes: int = SINGLE_BYTES,
        part_bytes: int = PART_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.expedited = Expedited(glacier, "InitiateJob", NO_CAPACITY, clock)
        self.glacier, self.vault, self.arns = glacier, vault, arns
        self.single_bytes, self.part_bytes = single_bytes, part_bytes

    def reserve(self, user_id: str, job_id: str) -> VaultUpload:
        return VaultUpload(uuid.uuid4().hex)

    def store(self, reserved: Stored, job_id: str, stream: BinaryIO, size: int) -> str:
        """Upload `size` bytes, in parts where they are many; return the id that Glacier gives."""
        if size > self.single_bytes:
            return self._store_parts(job_id, stream, size)
        body = stream.read()
        reply = self.glacier.upload_archive(
            vaultName=self.vault,
            archiveDescription=job_id,
            checksum=calculate_tree_hash(io.BytesIO(body)),
            body=body,
        )
        return str(reply["archiveId"])

    def _store_parts(self, job_id: str, stream: BinaryIO, size: int) -> str:
        started = self.glacier.initiate_multipart_upload(
            vaultName=self.vault, archiveDescription=job_id, partSize=str(self.part_bytes)
        )
        upload = {"vaultName": self.vault, "uploadId": started["uploadId"]}
        leaves: list[bytes] = []
        sent = 0
        try:
            while part := _read_exactly(stream, self.part_bytes):
                self._send_part(upload, part, sent)
                leaves.append(bytes.fromhex(calculate_tree_hash(io.BytesIO(part))))
                sent += len(part)
            reply = self.glacier.complete_multipart_upload(
                **upload, archiveSize=str(sent), checksum=_root(leaves).hex()
            )
        except BaseException:
            self.glacier.abort_multipart_upload(**upload)
            raise
        return str(reply["archiveId"])

    def _send_part(self, upload: dict[str, str], part: bytes, start: int) -> None:
        self.glacier.upload_multipart_part(
            **upload,
            checksum=calculate_tree_hash(io.BytesIO(part)),
            range=f"bytes {start}-{start + len(part) - 1}/*",
            body=part,
        )

    def request(self, archive_id: str, job_id: str, tier: str) -> RetrievalRequest:
        return self.expedited.request(lambda by: self._initiate(archive_id, job_id, by), tier)

    def _initiate(self, archive_id: str, job_id: str, tier: str) -> str:
        parameters = {
            "Type": "archive-retrieval",
            "ArchiveId": archive_id,
            "Description": job_id,
            "SNSTopic": self.arns.topic("thaw"),
            "Tier": tier,
        }
        try:
            reply = self.glacier.initiate_job(vaultName=self.vault, jobParameters=parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise
            raise FileNotFoundError(f"archive {archive_id} is gone") from None
        return str(reply["jobId"])

    def describe(self, archive_id: str, retrieval_id: str | None) -> RetrievalState:
        """The state of a retrieval; one that Glacier has forgotten (after 24 h) has failed."""
        if retrieval_id is None:
            return RetrievalState.FAILED
        try:
            reply = self.glacier.describe_job(vaultName=self.vault, jobId=retrieval_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise
            return RetrievalState.FAILED
        if reply["StatusCode"] == "InProgress":
            return RetrievalState.PENDING
        return RetrievalState.READY if reply["StatusCode"] == "Succeeded" else RetrievalState.FAILED

    def fetch(self, archive_id: str, retrieval_id: str | None) -> BinaryIO:
        """The bytes of a retrieval. Raises FileNotFoundError where it has no output (any more)."""
        try:
            reply = self.glacier.get_job_output(vaultName=self.vault, jobId=retrieval_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (GONE, "InvalidParameterValueException"):
                raise
            raise FileNotFoundError(f"retrieval {retrieval_id} has no output") from None
        return cast(BinaryIO, reply["body"])

    def delete(self, archive_id: str) -> None:
        try:
            self.glacier.delete_archive(vaultName=self.vault, archiveId=archive_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != GONE:
                raise

    def notices(self, body: dict[str, Any]) -> list[RetrievalNotice]:
        """The retrieval that a notice is about; none of an inventory. Raises ValueError."""
        if body.get("Action") == "InventoryRetrieval":
            return []
        if body.get("Action") != "ArchiveRetrieval":
            raise ValueError("not a Glacier notice")
        succeeded = body["StatusCode"] == "Succeeded"
        return [
            RetrievalNotice(body["JobDescription"], body["ArchiveId"], body["JobId"], succeeded)
        ]

    def notice(self, archive_id: str, job_id: str, retrieval_id: str | None) -> dict[str, Any]:
        """The notice that Glacier sends of a retrieval that has succeeded."""
        return {
            "Action": "ArchiveRetrieval",
            "StatusCode": "Succeeded",
            "JobDescription": job_id,
            "ArchiveId": archive_id,
            "JobId": retrieval_id,
        }

    def now(self) -> float:
        return answered_time(self.glacier.list_jobs(vaultName=self.vault, limit="1"))

    def inventory(self, after: str = "") -> Iterator[InventoryEntry]:
        """The newest inventory that is ready; requests another one where none is in progress.

        It goes on after the archive with the id `after`, or from the beginning where that is gone.

        https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-inventory.html
        """
        pages = self.glacier.get_paginator("list_jobs").paginate(vaultName=self.vault)
        listed = [job for page in pages for job in page["JobList"]]
        jobs = [job for job in listed if job["Action"] == "InventoryRetrieval"]
        ready = [job for job in jobs if job["StatusCode"] == "Succeeded"]
        if not any(job["StatusCode"] == "InProgress" for job in jobs):
            self.request_inventory()
        if ready:
            newest = sorted(ready, key=lambda job: str(job["CompletionDate"]))[-1]
            entries = list(self.read_inventory(newest["JobId"]))
            ids = [entry.archive_id for entry in entries]
            yield from entries[ids.index(after) + 1 if after in ids else 0 :]

    def request_inventory(self) -> str:
        """Have Glacier make an inventory; return the id of its job."""
        parameters = {"Type": "inventory-retrieval", "Format": "JSON"}
        reply = self.glacier.initiate_job(vaultName=self.vault, jobParameters=parameters)
        return str(reply["jobId"])

    def read_inventory(self, job_id: str) -> Iterator[InventoryEntry]:
        """Every archive in the inventory that this job has made."""
        reply = self.glacier.get_job_output(vaultName=self.vault, jobId=job_id)
        for item in json.loads(reply["body"].read())["ArchiveList"]:
            made = datetime.fromisoformat(item["CreationDate"].replace("Z", "+00:00"))
            yield InventoryEntry(item["ArchiveId"], item["ArchiveDescription"], made.timestamp())


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or what is left: a network stream may return fewer at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _root(hashes: list[bytes]) -> bytes:
    """The tree hash over the tree hashes of equal parts, each a whole subtree but the last."""
    while len(hashes) > 1:
        pairs = [hashes[i : i + 2] for i in range(0, len(hashes), 2)]
        hashes = [hashlib.sha256(b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
    return hashes[0]
