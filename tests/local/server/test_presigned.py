from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
import requests
from botocore.config import Config as ClientConfig

from tests.conftest import PATIENCE_S
from tests.local.conftest import Clients

KEY = "a folder/é~+&=#?%.vcf"


def code(response: requests.Response) -> str:
    """S3's error code in an XML answer."""
    assert response.headers["Content-Type"] == "application/xml"
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


def altered(url: str, **changes: str | None) -> str:
    """The URL with query parameters replaced, or left out where they are None."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    query = {name: value for name, value in {**query, **changes}.items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()


def link(aws: Clients, bucket: str, expires_s: int = 60, method: str = "get_object") -> str:
    where = {"Bucket": bucket, "Key": KEY}
    return str(aws.s3.generate_presigned_url(method, Params=where, ExpiresIn=expires_s))


@pytest.fixture
def stored(aws: Clients, bucket: str) -> str:
    """A bucket with one object in it."""
    aws.s3.put_object(Bucket=bucket, Key=KEY, Body=b"0123456789")
    return bucket


def test_a_signed_link_opens(aws: Clients, stored: str) -> None:
    assert requests.get(link(aws, stored), timeout=PATIENCE_S).content == b"0123456789"


def test_a_link_says_how_the_download_is_named(aws: Clients, stored: str) -> None:
    where = {"Bucket": stored, "Key": KEY, "ResponseContentDisposition": 'attachment; filename="x"'}
    url = aws.s3.generate_presigned_url("get_object", Params=where)
    disposition = requests.get(url, timeout=PATIENCE_S).headers["Content-Disposition"]
    assert disposition == 'attachment; filename="x"'


def test_a_link_serves_ranges(aws: Clients, stored: str) -> None:
    response = requests.get(link(aws, stored), headers={"Range": "bytes=2-4"}, timeout=PATIENCE_S)
    assert (response.status_code, response.content) == (206, b"234")
    assert response.headers["Content-Range"] == "bytes 2-4/10"


@pytest.mark.parametrize(
    "change",
    [
        {"X-Amz-Signature": "0" * 64},
        {"X-Amz-Signature": "é"},
        {"X-Amz-Expires": "86400"},
        {"X-Amz-Credential": "other/20260101/us-east-1/s3/aws4_request"},
        {"response-content-type": "text/html"},
    ],
)
def test_an_altered_link_is_refused(
    aws: Clients, stored: str, change: dict[str, str | None]
) -> None:
    response = requests.get(altered(link(aws, stored), **change), timeout=PATIENCE_S)
    assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")


def test_a_link_for_one_object_does_not_open_another(aws: Clients, stored: str) -> None:
    aws.s3.put_object(Bucket=stored, Key="other", Body=b"secret")
    parts = urlsplit(link(aws, stored))
    response = requests.get(parts._replace(path=f"/{stored}/other").geturl(), timeout=PATIENCE_S)
    assert code(response) == "SignatureDoesNotMatch"


def test_a_link_to_read_does_not_write_or_delete(aws: Clients, stored: str) -> None:
    url = link(aws, stored)
    assert code(requests.put(url, data=b"x", timeout=PATIENCE_S)) == "SignatureDoesNotMatch"
    assert code(requests.delete(url, timeout=PATIENCE_S)) == "SignatureDoesNotMatch"
    assert requests.get(url, timeout=PATIENCE_S).content == b"0123456789"


def test_a_link_signed_with_another_secret_is_refused(stored: str, aws: Clients) -> None:
    settings = ClientConfig(signature_version="s3v4", s3={"addressing_style": "path"})
    thief = boto3.client(
        "s3",
        endpoint_url=aws.url,
        config=settings,
        aws_access_key_id="local",
        aws_secret_access_key="guessed",
    )
    url = thief.generate_presigned_url("get_object", Params={"Bucket": stored, "Key": KEY})
    assert code(requests.get(url, timeout=PATIENCE_S)) == "SignatureDoesNotMatch"


def test_a_link_past_its_time_says_that_it_has_expired(
    aws: Clients, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", _an_hour_ago)
    response = requests.get(link(aws, stored, expires_s=60), timeout=PATIENCE_S)
    assert (response.status_code, code(response)) == (403, "AccessDenied")
    assert "Request has expired" in response.text


def test_a_link_of_more_than_a_week_is_refused(aws: Clients, stored: str) -> None:
    response = requests.get(link(aws, stored, expires_s=604801), timeout=PATIENCE_S)
    assert (response.status_code, code(response)) == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize("name", ["X-Amz-Date", "X-Amz-Expires", "X-Amz-Credential"])
def test_a_link_that_lacks_a_part_is_refused(aws: Clients, stored: str, name: str) -> None:
    response = requests.get(altered(link(aws, stored), **{name: None}), timeout=PATIENCE_S)
    assert (response.status_code, code(response)) == (400, "AuthorizationQueryParametersError")


def test_without_its_signature_a_link_opens_nothing(aws: Clients, stored: str) -> None:
    bare = urlsplit(link(aws, stored))._replace(query="").geturl()
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert requests.request(method, bare, timeout=PATIENCE_S).status_code == 403
    assert requests.get(bare.rpartition("/")[0], timeout=PATIENCE_S).status_code == 403


def test_a_signature_of_version_2_is_refused(aws: Clients, stored: str) -> None:
    settings = ClientConfig(signature_version="s3", s3={"addressing_style": "path"})
    old = boto3.client("s3", endpoint_url=aws.url, config=settings)
    url = old.generate_presigned_url("get_object", Params={"Bucket": stored, "Key": KEY})
    assert code(requests.get(url, timeout=PATIENCE_S)) == "InvalidRequest"


def test_a_signed_put_stores_what_it_may_and_nothing_else(aws: Clients, bucket: str) -> None:
    url = link(aws, bucket, method="put_object")
    assert code(requests.put(altered(url, x="y"), data=b"new", timeout=PATIENCE_S))
    assert requests.put(url, data=b"new", timeout=PATIENCE_S).status_code == 200
    assert aws.s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"new"


def test_parts_can_be_sent_by_signed_links(aws: Clients, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": KEY}
    upload = {**where, "UploadId": aws.s3.create_multipart_upload(**where)["UploadId"]}
    url = aws.s3.generate_presigned_url("upload_part", Params={**upload, "PartNumber": 1})
    assert code(requests.put(altered(url, partNumber="2"), data=b"x", timeout=PATIENCE_S))
    etag = requests.put(url, data=b"part", timeout=PATIENCE_S).headers["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    aws.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert aws.s3.get_object(**where)["Body"].read() == b"part"


def _an_hour_ago(remove_tzinfo: bool = True) -> datetime:
    now = datetime.now(UTC) - timedelta(hours=1)
    return now.replace(tzinfo=None) if remove_tzinfo else now
