"""Uploads in parts, sent by a browser with signed addresses: begun, resumed and finished here."""

from typing import Any

from botocore.exceptions import ClientError

from aws.storage.files import ENCRYPTION

PART_BYTES = 16 * 1024 * 1024
"""S3 takes parts of 5 MiB to 5 GiB, 10,000 at the most: this carries 160 GB.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""


class Parts:
    """The uploads in parts to one bucket; each has a key, and an id of S3's."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket

    def begin(self, key: str) -> str:
        """Begin an upload; return its id."""
        begun = self.s3.create_multipart_upload(
            Bucket=self.bucket, Key=key, ServerSideEncryption=ENCRYPTION
        )
        return str(begun["UploadId"])

    def address(self, key: str, upload_id: str, number: int, size: int, expires_s: int) -> str:
        """The address that takes part `number`, from 1, of `size` bytes, by PUT."""
        params = {
            "Bucket": self.bucket,
            "Key": key,
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size,
        }
        return str(self.s3.generate_presigned_url("upload_part", params, ExpiresIn=expires_s))

    def stored(self, key: str, upload_id: str) -> dict[int, str]:
        """The parts that S3 has, with their ETags. Raises FileNotFoundError once it is over."""
        found: dict[int, str] = {}
        pages = self.s3.get_paginator("list_parts")
        try:
            for page in pages.paginate(Bucket=self.bucket, Key=key, UploadId=upload_id):
                found |= {part["PartNumber"]: part["ETag"] for part in page.get("Parts", [])}
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchUpload":
                raise FileNotFoundError(f"s3://{self.bucket}/{key}") from None
            raise
        return found

    def finish(self, key: str, upload_id: str, stored: dict[int, str]) -> None:
        """Make one object of these parts, which `stored` gave."""
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in sorted(stored.items())]
        self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )
