import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
from botocore.config import Config as ClientConfig

from tests.conftest import PATIENCE_S
from tests.local.conftest import Clients
from tests.local.server.test_presigned import code

BACK = "http://localhost:5000/annotate/job?from=form"
START = "gas/user/job~"
Fields = dict[str, str]


def form(aws: Clients, bucket: str, expires_s: int = 60, **fields: Any) -> tuple[str, Fields]:
    """The address and the fields of a form for one upload of up to 100 bytes."""
    conditions: list[Any] = [{name: value} for name, value in fields.items()]
    conditions += [["starts-with", "$key", START], ["content-length-range", 1, 100]]
    signed = aws.s3.generate_presigned_post(
        bucket, START + "${filename}", dict(fields), conditions, expires_s
    )
    return signed["url"], signed["fields"]


def post(
    url: str, fields: Fields, body: bytes = b"content", name: str = "my.vcf"
) -> requests.Response:
    files = {"file": (name, body)}
    return requests.post(url, fields, files=files, timeout=PATIENCE_S, allow_redirects=False)


def test_a_form_stores_its_file_and_sends_the_browser_on(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket, success_action_redirect=BACK)
    response = post(url, fields)
    assert response.status_code == 303
    location = urlsplit(response.headers["Location"])
    assert location._replace(query="").geturl() == "http://localhost:5000/annotate/job"
    head = aws.s3.head_object(Bucket=bucket, Key=f"{START}my.vcf")
    expected = {"bucket": [bucket], "key": [f"{START}my.vcf"], "etag": [head["ETag"]]}
    assert parse_qs(location.query) == {"from": ["form"], **expected}


def test_a_form_without_a_redirect_answers_for_a_script(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket, success_action_status="201")
    response = post(url, fields)
    assert response.status_code == 201
    assert f"<Key>{START}my.vcf</Key>" in response.text
    assert response.headers["ETag"] in response.text.replace("&quot;", '"')
    assert response.headers["Location"].endswith(f"/{bucket}/{START}my.vcf")


def test_a_form_that_asks_for_nothing_is_answered_with_204(aws: Clients, bucket: str) -> None:
    assert post(*form(aws, bucket)).status_code == 204


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("é ~+&=#?%2F.vcf", "é ~+&=#?%2F.vcf"),
        ("C:\\data\\my.vcf", "my.vcf"),
        ("../../other/x.vcf", "x.vcf"),
    ],
)
def test_the_file_name_is_put_in_the_key_without_its_folders(
    aws: Clients, bucket: str, sent: str, stored: str
) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="'
        + sent.replace("\\", "\\\\").encode()
        + b'"\r\n\r\nx\r\n--b--\r\n'
    )
    url, fields = form(aws, bucket)
    body = b"".join(_part(name, value) for name, value in fields.items()) + body
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert requests.post(url, body, headers=headers, timeout=PATIENCE_S).status_code == 204
    listed = aws.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == [START + stored]


def test_what_the_form_says_of_the_object_is_kept(aws: Clients, bucket: str) -> None:
    headers: dict[str, Any] = {
        "Content-Type": "text/x-vcf",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-meta-who": "ada",
    }
    assert post(*form(aws, bucket, **headers)).status_code == 204
    head = aws.s3.head_object(Bucket=bucket, Key=f"{START}my.vcf")
    assert head["ContentType"] == "text/x-vcf"
    assert head["ServerSideEncryption"] == "AES256"
    assert head["Metadata"] == {"who": "ada"}


def test_a_large_file_arrives_whole(aws: Clients, bucket: str) -> None:
    signed = aws.s3.generate_presigned_post(bucket, "large")
    body = bytes(range(256)) * 100_000
    assert post(signed["url"], signed["fields"], body).status_code == 204
    assert aws.s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body


def _foreign_key(fields: Fields) -> None:
    fields["key"] = "gas/other/job~my.vcf"


def _no_policy(fields: Fields) -> None:
    del fields["policy"]


def _wider_policy(fields: Fields) -> None:
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"] = [["starts-with", "$key", ""]]
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()


def _no_signature(fields: Fields) -> None:
    del fields["x-amz-signature"]


def _strange_signature(fields: Fields) -> None:
    fields["x-amz-signature"] = "é"


def _another_redirect(fields: Fields) -> None:
    fields["success_action_redirect"] = "http://evil.example/"


def _an_extra_field(fields: Fields) -> None:
    fields["x-amz-storage-class"] = "GLACIER"


def _another_algorithm(fields: Fields) -> None:
    fields["x-amz-algorithm"] = "AWS4-HMAC-SHA1"


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_foreign_key, "AccessDenied"),
        (_no_policy, "AccessDenied"),
        (_wider_policy, "SignatureDoesNotMatch"),
        (_no_signature, "SignatureDoesNotMatch"),
        (_strange_signature, "SignatureDoesNotMatch"),
        (_another_redirect, "AccessDenied"),
        (_an_extra_field, "AccessDenied"),
        (_another_algorithm, "InvalidRequest"),
    ],
)
def test_a_form_that_was_tampered_with_is_refused(
    aws: Clients, bucket: str, spoil: Callable[[Fields], None], error: str
) -> None:
    url, fields = form(aws, bucket, success_action_redirect=BACK)
    spoil(fields)
    assert code(post(url, fields)) == error
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket)


def test_a_form_for_one_bucket_is_refused_by_another(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket)
    aws.s3.create_bucket(Bucket=f"{bucket}-other")
    assert code(post(f"{url}-other", fields)) == "AccessDenied"


def test_an_expired_form_is_refused(aws: Clients, bucket: str) -> None:
    response = post(*form(aws, bucket, expires_s=-1))
    assert code(response) == "AccessDenied"
    assert "Policy expired" in response.text


@pytest.mark.parametrize(("size", "error"), [(101, "EntityTooLarge"), (0, "EntityTooSmall")])
def test_a_file_beyond_the_limits_is_refused_by_s3(
    aws: Clients, bucket: str, size: int, error: str
) -> None:
    response = post(*form(aws, bucket), body=b"x" * size)
    assert (response.status_code, code(response)) == (400, error)


def test_a_form_signed_with_another_secret_is_refused(aws: Clients, bucket: str) -> None:
    settings = ClientConfig(signature_version="s3v4", s3={"addressing_style": "path"})
    thief = boto3.client(
        "s3",
        endpoint_url=aws.url,
        config=settings,
        aws_access_key_id="local",
        aws_secret_access_key="guessed",
    )
    signed = thief.generate_presigned_post(bucket, "key")
    assert code(post(signed["url"], signed["fields"])) == "SignatureDoesNotMatch"


def test_a_form_for_a_bucket_that_is_not_there_says_so(aws: Clients, name: str) -> None:
    signed = aws.s3.generate_presigned_post(name, "key")
    assert code(post(signed["url"], signed["fields"])) == "NoSuchBucket"


def test_a_form_without_a_file_is_refused(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket)
    body = b"".join(_part(name, value) for name, value in fields.items()) + b"--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert code(requests.post(url, body, headers=headers, timeout=PATIENCE_S)) == "InvalidArgument"


def test_fields_behind_the_file_count_for_nothing(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket)
    parts = [_part("file", "x"), *(_part(name, value) for name, value in fields.items())]
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = requests.post(
        url, b"".join(parts) + b"--b--\r\n", headers=headers, timeout=PATIENCE_S
    )
    assert code(response) == "AccessDenied"


def test_what_is_no_form_is_refused_in_words(aws: Clients, bucket: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = requests.post(
        f"{aws.url}/{bucket}", b"nonsense", headers=headers, timeout=PATIENCE_S
    )
    assert code(response) == "MalformedPOSTRequest"


def test_endless_fields_are_refused(aws: Clients, bucket: str) -> None:
    url, fields = form(aws, bucket)
    response = post(url, {**fields, "x-ignore-this": "x" * 30_000})
    assert code(response) == "MaxPostPreDataLengthExceeded"


def _part(name: str, value: str) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value.encode() + b"\r\n"
