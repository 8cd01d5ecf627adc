"""Objects in S3: reading, writing, signing, listing; every key is written once."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from aws.storage.keys import Keys
from aws.storage.store_time import s3_time

MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
SNIFF_BYTES = 65536
ENCRYPTION = "AES256"
UNQUOTED = re.compile(r'[\x00-\x1f\x7f"\\]')
"""Characters that end, escape or break a quoted string of a header."""
PARTS_IN_MEMORY = 4
"""Parts of 8 MiB held while a stream is stored: boto3's own ten take a daemon to 190 MB."""


@dataclass(frozen=True)
class PresignedPost:
    """A presigned POST: where a browser sends the file, and the fields before it."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    """An object of a listing; `time` is when it was written (epoch s)."""

    bucket: str
    key: str
    bytes: int
    time: int


def transfer(tries: int = 5) -> TransferConfig:
    """The settings by which boto3 moves large objects: in parts, a few in memory at a time."""
    config = TransferConfig(max_concurrency=PARTS_IN_MEMORY, num_download_attempts=tries)
    config.max_in_memory_upload_chunks = PARTS_IN_MEMORY
    return config


class Files:
    """Reads, writes and signs objects in the inputs, results and references buckets."""

    def __init__(
        self,
        s3: Any,
        inputs: str,
        results: str,
        references: str,
        prefix: str,
        settings: TransferConfig | None = None,
    ) -> None:
        self.s3, self.keys = s3, Keys(prefix)
        self.transfer = settings or transfer()
        self.inputs, self.results, self.references = inputs, results, references

    def upload_form(
        self,
        user_id: str,
        job_id: str,
        max_bytes: int,
        expires_s: int,
        redirect: str = "",
        folder: str = "",
    ) -> PresignedPost:
        """A form for one upload of 1 to `max_bytes` bytes, valid for `expires_s`.

        `folder` goes before the file's name: ANNOTATION for what is given beside the VCF.

        S3 sends the browser on to `redirect`; without one it answers 201, for a script to read.
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
        """
        then = (
            {"success_action_redirect": redirect} if redirect else {"success_action_status": "201"}
        )
        fixed = {**then, "x-amz-server-side-encryption": ENCRYPTION}
        start = self.keys.upload(user_id, job_id, folder)
        conditions: list[Any] = [{name: value} for name, value in fixed.items()]
        conditions += [["starts-with", "$key", start], ["content-length-range", 1, max_bytes]]
        signed = self.s3.generate_presigned_post(
            self.inputs,
            start + "${filename}",
            Fields=fixed,
            Conditions=conditions,
            ExpiresIn=expires_s,
        )
        return PresignedPost(signed["url"], signed["fields"])

    def link(self, bucket: str, key: str, name: str, expires_s: int) -> str:
        """A link that downloads the object as `name` for `expires_s` seconds."""
        return str(
            self.s3.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": bucket,
                    "Key": key,
                    "ResponseContentDisposition": _attachment(name),
                },
                ExpiresIn=expires_s,
            )
        )

    def size(self, bucket: str, key: str) -> int:
        """The object's bytes. Raises FileNotFoundError."""
        return self.facts(bucket, key)[0]

    def facts(self, bucket: str, key: str) -> tuple[int, str]:
        """The object's bytes, and the ETag of its contents. Raises FileNotFoundError."""
        found = self._found(self.s3.head_object, bucket, key)
        return int(found["ContentLength"]), str(found["ETag"])

    def head(self, bucket: str, key: str, n: int = SNIFF_BYTES) -> bytes:
        """The object's first `n` bytes. Raises FileNotFoundError."""
        return self.part(bucket, key, 0, n)

    def part(self, bucket: str, key: str, first: int, n: int) -> bytes:
        """The `n` bytes from `first` on: fewer at its end, none behind it.

        Raises FileNotFoundError.
        """
        try:
            found = self._found(self.s3.get_object, bucket, key, f"bytes={first}-{first + n - 1}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRange":
                raise
            return b""
        with closing(found["Body"]) as body:  # a store that ignores Range sends the whole object
            return bytes(body.read(n))

    def open(self, bucket: str, key: str, span: tuple[int, int] | None = None) -> Any:
        """A stream of the object's bytes, or of a span: its first, and the one behind its last.

        Raises FileNotFoundError.
        """
        part = f"bytes={span[0]}-{span[1] - 1}" if span else None
        return self._found(self.s3.get_object, bucket, key, part)["Body"]

    def read(self, bucket: str, key: str) -> bytes:
        """All of a small object. Raises FileNotFoundError."""
        return bytes(self.open(bucket, key).read())

    def read_json(self, bucket: str, key: str) -> Any:
        return json.loads(self.read(bucket, key))

    def download(self, bucket: str, key: str, path: Path, etag: str = "") -> None:
        """Raises FileNotFoundError, also where the contents that `etag` names are there no more.

        A form may be sent again, and S3 has no way to refuse that: conditional writes are for PUT
        and for multipart uploads only.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        if etag and self.facts(bucket, key)[1] != etag:
            raise FileNotFoundError(f"s3://{bucket}/{key} of {etag}")
        try:
            self.s3.download_file(bucket, key, str(path), Config=self.transfer)
        except ClientError as error:
            raise _translated(error, bucket, key) from None

    def upload(self, path: Path, bucket: str, key: str, content_type: str) -> None:
        """Write a file, in parts where it is large."""
        extra = {"ServerSideEncryption": ENCRYPTION, "ContentType": content_type}
        self.s3.upload_file(str(path), bucket, key, ExtraArgs=extra, Config=self.transfer)

    def upload_stream(self, stream: BinaryIO, bucket: str, key: str) -> None:
        """Write all of `stream`, in parts, in bounded memory."""
        extra = {"ServerSideEncryption": ENCRYPTION}
        self.s3.upload_fileobj(stream, bucket, key, ExtraArgs=extra, Config=self.transfer)

    def write(self, bucket: str, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption=ENCRYPTION)

    def copy(self, bucket: str, key: str, to_key: str) -> None:
        """Copy an object within its bucket, in parts if it is large. Raises FileNotFoundError."""
        source = {"Bucket": bucket, "Key": key}
        extra = {"ServerSideEncryption": ENCRYPTION}
        try:
            self.s3.copy(source, bucket, to_key, ExtraArgs=extra, Config=self.transfer)
        except ClientError as error:
            raise _translated(error, bucket, key) from None

    def delete(self, bucket: str, key: str) -> None:
        """Deleting what is not there is no error."""
        self.s3.delete_object(Bucket=bucket, Key=key)

    def now(self, bucket: str) -> float:
        """The time (epoch s) by the clock that the times of a listing are of."""
        return s3_time(self.s3, bucket)

    def listing(self, bucket: str, under: str = "", after: str = "") -> Iterator[StoredObject]:
        """Every object whose key starts with `under` and comes after `after`, in their order.

        A page is in memory at a time.
        """
        start = {"StartAfter": after} if after else {}
        listing = self.s3.get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=bucket, Prefix=under, **start)
        for page in pages:
            for item in page.get("Contents", []):
                time = int(item["LastModified"].timestamp())
                yield StoredObject(bucket, item["Key"], item["Size"], time)

    @staticmethod
    def _found(call: Any, bucket: str, key: str, part: str | None = None) -> Any:
        try:
            return call(Bucket=bucket, Key=key, **({"Range": part} if part else {}))
        except ClientError as error:
            raise _translated(error, bucket, key) from None


def _attachment(name: str) -> str:
    """Content-Disposition for any name: RFC 6266's two forms, the plain one in ASCII."""
    ascii_name = UNQUOTED.sub("_", name.encode("ascii", "replace").decode())
    plain = f'attachment; filename="{ascii_name}"'
    return plain if ascii_name == name else f"{plain}; filename*=UTF-8''{quote(name, safe='')}"


def _translated(error: ClientError, bucket: str, key: str) -> Exception:
    missing = error.response["Error"]["Code"] in MISSING
    return FileNotFoundError(f"s3://{bucket}/{key}") if missing else error
