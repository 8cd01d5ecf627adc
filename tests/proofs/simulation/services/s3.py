"""S3: objects, their listings, and the Glacier class with its restores."""
# ruff: noqa: N803 (parameters have the names that AWS gives them)

import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from botocore.response import StreamingBody

from tests.proofs.simulation.scheduler import Scheduler
from tests.proofs.simulation.services.answers import Reply, ServiceError

PAGE = 3
"""Objects of one page of a listing."""
DAY_S = 86_400
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
Changed = Callable[[str, str], None]
"""Called after each object that was written or deleted: bucket and key."""


@dataclass
class SimulatedObject:
    """An object; `ready_time` and `gone_time` are those of its restored copy."""

    body: bytes
    time: float
    storage_class: str = "STANDARD"
    ready_time: float | None = None
    gone_time: float = 0.0

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class S3:
    """The operations of S3; `restore_s` is how long the retrieval of a tier takes."""

    def __init__(
        self,
        scheduler: Scheduler,
        restore_s: Callable[[str], float],
        announce: Callable[[str], None],
    ) -> None:
        self.scheduler, self.restore_s, self.announce = scheduler, restore_s, announce
        self.buckets: dict[str, dict[str, SimulatedObject]] = defaultdict(dict)
        self.parts: dict[str, dict[int, bytes]] = {}
        self.wrote: Changed = lambda bucket, key: None
        self.deleted: Changed = lambda bucket, key: None

    def put_object(
        self, Bucket: str, Key: str, Body: Any = b"", StorageClass: str = "STANDARD", **_: Any
    ) -> Reply:
        body = Body if isinstance(Body, bytes) else Body.read()
        stored = SimulatedObject(body, self.scheduler.now, StorageClass)
        self.buckets[Bucket][Key] = stored
        self.wrote(Bucket, Key)
        return {"ETag": stored.etag}

    def _found(self, bucket: str, key: str, missing: str) -> SimulatedObject:
        stored = self.buckets[bucket].get(key)
        if stored is None:
            raise ServiceError(missing, 404)
        return stored

    def head_object(self, Bucket: str, Key: str, **_: Any) -> Reply:
        stored = self._found(Bucket, Key, "404")
        return {**self._described(stored), "ContentLength": len(stored.body)}

    def _described(self, stored: SimulatedObject) -> Reply:
        reply: Reply = {"ETag": stored.etag, "StorageClass": stored.storage_class}
        reply["LastModified"] = datetime.fromtimestamp(stored.time, UTC)
        if stored.ready_time is not None and self.scheduler.now < stored.gone_time:
            ongoing = "true" if self.scheduler.now < stored.ready_time else "false"
            reply["Restore"] = f'ongoing-request="{ongoing}"'
        return reply

    def _is_readable(self, stored: SimulatedObject) -> bool:
        if stored.storage_class != "GLACIER":
            return True
        ready = stored.ready_time
        return ready is not None and ready <= self.scheduler.now < stored.gone_time

    def get_object(self, Bucket: str, Key: str, Range: str = "", **_: Any) -> Reply:
        stored = self._found(Bucket, Key, "NoSuchKey")
        if not self._is_readable(stored):
            raise ServiceError("InvalidObjectState", 403)
        body = stored.body
        if match := RANGE.fullmatch(Range):
            last = int(match[2]) + 1 if match[2] else len(body)
            body = body[int(match[1]) : last]
        return {**self._described(stored), **streamed(body)}

    def delete_object(self, Bucket: str, Key: str, **_: Any) -> Reply:
        self.buckets[Bucket].pop(Key, None)
        self.deleted(Bucket, Key)
        return {}

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str = "",
        ContinuationToken: str = "",
        StartAfter: str = "",
        **_: Any,
    ) -> Reply:
        after = ContinuationToken or StartAfter
        objects = sorted(self.buckets[Bucket].items())
        found = [(k, o) for k, o in objects if k.startswith(Prefix) and k > after]
        contents = [
            {"Key": key, "Size": len(o.body), **self._described(o)} for key, o in found[:PAGE]
        ]
        reply: Reply = {"Contents": contents, "IsTruncated": len(found) > PAGE}
        if len(found) > PAGE:
            reply["NextContinuationToken"] = found[PAGE - 1][0]
        return reply

    def restore_object(self, Bucket: str, Key: str, RestoreRequest: dict[str, Any]) -> Reply:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html"""
        stored, now = self._found(Bucket, Key, "NoSuchKey"), self.scheduler.now
        if stored.ready_time is not None and now < stored.ready_time:
            raise ServiceError("RestoreAlreadyInProgress", 409)
        gone_after = RestoreRequest["Days"] * DAY_S
        if self._is_readable(stored):
            stored.gone_time = now + gone_after
            return {}
        took = self.restore_s(RestoreRequest["GlacierJobParameters"]["Tier"])
        if took < 0:
            raise ServiceError("GlacierExpeditedRetrievalNotAvailable", 503)
        stored.ready_time, stored.gone_time = now + took, now + took + gone_after
        self.scheduler.after(took, lambda: self._announce(Bucket, Key))
        return {}

    def _announce(self, bucket: str, key: str) -> None:
        if key in self.buckets[bucket]:
            record = {
                "eventName": "ObjectRestore:Completed",
                "s3": {"object": {"key": quote_plus(key)}},
            }
            self.announce(json.dumps({"Records": [record]}))

    def create_multipart_upload(self, Bucket: str, Key: str, **_: Any) -> Reply:
        upload = f"{len(self.parts)}"
        self.parts[upload] = {}
        return {"UploadId": upload}

    def upload_part(self, UploadId: str, PartNumber: int, Body: Any, **_: Any) -> Reply:
        self.parts[UploadId][PartNumber] = Body if isinstance(Body, bytes) else Body.read()
        return {"ETag": f'"{PartNumber}"'}

    def complete_multipart_upload(self, Bucket: str, Key: str, UploadId: str, **_: Any) -> Reply:
        parts = self.parts.pop(UploadId, None)
        if parts is None:
            raise ServiceError("NoSuchUpload", 404)
        return self.put_object(Bucket, Key, b"".join(parts[n] for n in sorted(parts)))

    def abort_multipart_upload(self, UploadId: str, **_: Any) -> Reply:
        self.parts.pop(UploadId, None)
        return {}


def streamed(body: bytes) -> Reply:
    """A body as botocore hands it out."""
    return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentLength": len(body)}
