import os
import threading
from pathlib import Path

import pytest
import requests
from botocore.exceptions import ClientError

from tests.conftest import PATIENCE_S
from tests.local.conftest import Clients

LARGE = os.urandom(12_000_000)
WHERE = "large.vcf.gz"


@pytest.fixture
def large(aws: Clients, bucket: str) -> str:
    """A bucket with one large object."""
    stored = {"ContentType": "text/x-vcf", "Metadata": {"who": "ada"}}
    aws.s3.put_object(Bucket=bucket, Key=WHERE, Body=LARGE, **stored)
    return bucket


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-5000099", 100, 5_000_099),
        ("bytes=11999990-99999999", 11_999_990, 11_999_999),
        ("bytes=11000000-", 11_000_000, 11_999_999),
        ("bytes=-10", 11_999_990, 11_999_999),
    ],
)
def test_a_range_of_a_large_object_is_that_range(
    aws: Clients, large: str, header: str, first: int, last: int
) -> None:
    reply = aws.s3.get_object(Bucket=large, Key=WHERE, Range=header)
    assert reply["Body"].read() == LARGE[first : last + 1]
    assert reply["ContentRange"] == f"bytes {first}-{last}/{len(LARGE)}"
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_large_object_comes_whole_and_with_all_that_is_known_of_it(
    aws: Clients, large: str
) -> None:
    reply, head = (
        call(Bucket=large, Key=WHERE) for call in (aws.s3.get_object, aws.s3.head_object)
    )
    assert reply["Body"].read() == LARGE
    for name in ("ContentType", "Metadata", "ETag", "LastModified", "ContentLength"):
        assert reply[name] == head[name]


def test_a_range_behind_the_end_is_refused(aws: Clients, large: str) -> None:
    with pytest.raises(ClientError, match="InvalidRange"):
        aws.s3.get_object(Bucket=large, Key=WHERE, Range="bytes=12000000-")


def test_a_large_object_under_another_etag_is_refused(aws: Clients, large: str) -> None:
    with pytest.raises(ClientError, match="PreconditionFailed"):
        aws.s3.get_object(Bucket=large, Key=WHERE, IfMatch='"0"')
    etag = aws.s3.head_object(Bucket=large, Key=WHERE)["ETag"]
    assert aws.s3.get_object(Bucket=large, Key=WHERE, IfMatch=etag)["Body"].read() == LARGE


def test_a_large_object_can_be_downloaded_in_parts_at_once(
    aws: Clients, large: str, tmp_path: Path
) -> None:
    aws.s3.download_file(large, WHERE, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == LARGE


def test_a_link_to_a_large_object_names_the_download(aws: Clients, large: str) -> None:
    where = {"Bucket": large, "Key": WHERE, "ResponseContentDisposition": "attachment"}
    url = aws.s3.generate_presigned_url("get_object", Params=where)
    response = requests.get(url, timeout=PATIENCE_S)
    assert (response.content, response.headers["Content-Disposition"]) == (LARGE, "attachment")


def test_a_download_outlives_the_object(aws: Clients, large: str) -> None:
    body = aws.s3.get_object(Bucket=large, Key=WHERE)["Body"]
    head = body.read(10)
    aws.s3.delete_object(Bucket=large, Key=WHERE)
    assert head + body.read() == LARGE


def test_a_slow_reader_keeps_nobody_waiting(aws: Clients, large: str) -> None:
    body = aws.s3.get_object(Bucket=large, Key=WHERE)["Body"]
    other = threading.Thread(target=lambda: aws.s3.head_object(Bucket=large, Key=WHERE))
    other.start()
    other.join(PATIENCE_S)
    assert not other.is_alive()
    body.close()
