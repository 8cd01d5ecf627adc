"""The archive in S3's own Glacier class: S3 Glacier Flexible Retrieval."""

import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast
from urllib.parse import quote_plus, unquote_plus

from botocore.exceptions import ClientError

from aws.storage.files import MISSING, transfer
from aws.storage.keys import Keys, parse
from aws.storage.store_time import s3_time
from aws.storage.stored import Archive, Stored
from aws.storage.vault import (
    Expedited,
    InventoryEntry,
    RetrievalNotice,
    RetrievalRequest,
    RetrievalState,
)

KEPT_DAYS = 2
"""Days that S3 keeps the restored copy: time for a thaw that has to be tried again."""
STORAGE_CLASS = "GLACIER"
NO_CAPACITY = "GlacierExpeditedRetrievalNotAvailable"
UNDER_WAY = "RestoreAlreadyInProgress"


class S3Vault:
    """Archives as objects; an archive's id is its key, known before a byte is sent.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
    """

    def __init__(
        self, s3: Any, bucket: str, prefix: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.s3, self.bucket, self.keys = s3, bucket, Keys(prefix)
        self.transfer = transfer()
        self.expedited = Expedited(s3, "RestoreObject", NO_CAPACITY, clock)

    def reserve(self, user_id: str, job_id: str) -> Archive:
        return Archive(self.keys.archive(user_id, job_id))

    def store(self, reserved: Stored, job_id: str, stream: BinaryIO, size: int) -> str:
        if not isinstance(reserved, Archive):
            raise TypeError(f"{reserved} was not reserved in S3")
        key = reserved.archive_id
        extra = {"StorageClass": STORAGE_CLASS, "ServerSideEncryption": "AES256"}
        self.s3.upload_fileobj(stream, self.bucket, key, ExtraArgs=extra, Config=self.transfer)
        return key

    def request(self, archive_id: str, job_id: str, tier: str) -> RetrievalRequest:
        return self.expedited.request(lambda by: self._restore(archive_id, by), tier)

    def _restore(self, key: str, tier: str) -> str:
        """Request the restore; one that is under way already is as good."""
        request = {"Days": KEPT_DAYS, "GlacierJobParameters": {"Tier": tier}}
        try:
            self.s3.restore_object(Bucket=self.bucket, Key=key, RestoreRequest=request)
        except ClientError as error:
            if error.response["Error"]["Code"] != UNDER_WAY:
                raise _translated(error, key) from None
        return key

    def describe(self, archive_id: str, retrieval_id: str | None) -> RetrievalState:
        """The state by the `x-amz-restore` header, which a copy that has expired lacks."""
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=archive_id)
        except ClientError as error:
            raise _translated(error, archive_id) from None
        restore = head.get("Restore", "")
        if 'ongoing-request="true"' in restore:
            return RetrievalState.PENDING
        return (
            RetrievalState.READY if 'ongoing-request="false"' in restore else RetrievalState.FAILED
        )

    def notice(self, archive_id: str, job_id: str, retrieval_id: str | None) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
        key = {"object": {"key": quote_plus(archive_id)}}
        return {"Records": [{"eventName": "ObjectRestore:Completed", "s3": key}]}

    def fetch(self, archive_id: str, retrieval_id: str | None) -> BinaryIO:
        try:
            reply = self.s3.get_object(Bucket=self.bucket, Key=archive_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InvalidObjectState", "NoSuchKey"):
                raise
            raise FileNotFoundError(f"archive {archive_id} is not restored") from None
        return cast(BinaryIO, reply["Body"])

    def delete(self, archive_id: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=archive_id)

    def notices(self, body: dict[str, Any]) -> list[RetrievalNotice]:
        """S3 sends keys URL-encoded, and a test event when the notification is set up."""
        if body.get("Event") == "s3:TestEvent":
            return []
        if "Records" not in body:
            raise ValueError("not an S3 event")
        events = [r for r in body["Records"] if r["eventName"] == "ObjectRestore:Completed"]
        keys = [unquote_plus(event["s3"]["object"]["key"]) for event in events]
        return [RetrievalNotice(parse(key).job_id, key, None, succeeded=True) for key in keys]

    def now(self) -> float:
        return s3_time(self.s3, self.bucket)

    def inventory(self, after: str = "") -> Iterator[InventoryEntry]:
        start = {"StartAfter": after} if after else {}
        listing = self.s3.get_paginator("list_objects_v2")
        for page in listing.paginate(Bucket=self.bucket, **start):
            for item in page.get("Contents", []):
                time = item["LastModified"].timestamp()
                yield InventoryEntry(item["Key"], parse(item["Key"]).job_id, time)


def _translated(error: ClientError, key: str) -> Exception:
    gone = error.response["Error"]["Code"] in MISSING
    return FileNotFoundError(f"archive {key} is gone") if gone else error
