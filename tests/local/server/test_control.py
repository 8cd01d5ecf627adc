import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.conftest import PATIENCE_S, Handle
from tests.local.conftest import Clients


@pytest.fixture
def fail(local_aws: Handle) -> Iterator[Callable[..., None]]:
    """Has requests fail until the test is over."""
    yield local_aws.fail
    requests.delete(f"{local_aws.url}/_gas/fail", timeout=PATIENCE_S)


def test_it_says_that_it_serves(aws: Clients) -> None:
    assert requests.get(f"{aws.url}/_gas/health", timeout=PATIENCE_S).status_code == 200
    assert requests.get(f"{aws.url}/_gas/other", timeout=PATIENCE_S).status_code == 404


@pytest.mark.parametrize(
    "change", [{"speed": 1}, {"capacity": "none"}, {"standard_s": "soon"}, ["standard_s"]]
)
def test_a_setting_that_makes_no_sense_is_refused(aws: Clients, change: object) -> None:
    response = requests.put(f"{aws.url}/_gas/settings", json=change, timeout=PATIENCE_S)
    assert response.status_code == 400
    assert response.json()["error"]


def test_settings_are_told_back(aws: Clients, settings: Callable[..., None]) -> None:
    settings(standard_s=7, capacity="short")
    change = requests.put(f"{aws.url}/_gas/settings", json={}, timeout=PATIENCE_S).json()
    assert (change["standard_s"], change["capacity"]) == (7, "short")


CALLS: dict[str, Callable[[Clients], Any]] = {
    "sqs ListQueues": lambda aws: aws.sqs.list_queues(),
    "s3 ListObjectsV2": lambda aws: aws.s3.list_objects_v2(Bucket="unknown"),
    "s3 GetObject": lambda aws: aws.s3.get_object(Bucket="unknown", Key="a/b"),
    "s3 CopyObject": lambda aws: aws.s3.copy_object(
        Bucket="unknown", Key="b", CopySource={"Bucket": "unknown", "Key": "a"}
    ),
    "s3 RestoreObject": lambda aws: aws.s3.restore_object(
        Bucket="unknown", Key="k", RestoreRequest={"Days": 1}
    ),
    "s3 CreateMultipartUpload": lambda aws: aws.s3.create_multipart_upload(
        Bucket="unknown", Key="k"
    ),
    "dynamodb ListTables": lambda aws: aws.dynamodb.list_tables(),
    "sns ListTopics": lambda aws: aws.sns.list_topics(),
    "ses ListIdentities": lambda aws: aws.ses.list_identities(),
    "secretsmanager ListSecrets": lambda aws: aws.secretsmanager.list_secrets(),
    "glacier ListJobs": lambda aws: aws.glacier.list_jobs(vaultName="unknown"),
    "glacier GetJobOutput": lambda aws: aws.glacier.get_job_output(vaultName="unknown", jobId="j"),
    "glacier UploadArchive": lambda aws: aws.glacier.upload_archive(vaultName="v", body=b"x"),
}


@pytest.mark.parametrize("call", CALLS)
def test_any_operation_of_any_service_can_be_made_to_fail_once(
    aws: Clients, fail: Callable[..., None], call: str
) -> None:
    service, operation = call.split()
    fail(service, operation="SomethingElse")
    fail(service, operation=operation, code="ThrottlingException", status=400)
    with pytest.raises(ClientError) as refusal:
        CALLS[call](aws)
    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
    assert _code(lambda: CALLS[call](aws)) != "ThrottlingException"


def _code(call: Callable[[], Any]) -> str:
    """The error code that the call ends with; empty where it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_fault_of_a_whole_service_comes_as_often_as_told(
    aws: Clients, fail: Callable[..., None]
) -> None:
    fail("dynamodb", times=2)
    codes = [_code(aws.dynamodb.list_tables) for _ in range(3)]
    assert codes == ["ServiceUnavailable", "ServiceUnavailable", ""]


def test_a_reply_can_be_late(aws: Clients, fail: Callable[..., None]) -> None:
    fail("sns", status=0, delay_s=0.3)
    began = time.monotonic()
    aws.sns.list_topics()
    assert time.monotonic() - began >= 0.3


def test_a_reply_can_be_lost_with_the_work_done(
    aws: Clients, fail: Callable[..., None], bucket: str
) -> None:
    fail("s3", operation="PutObject", after=True)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        aws.s3.put_object(Bucket=bucket, Key="key", Body=b"stored")
    assert aws.s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"stored"


def test_an_upload_by_form_can_be_made_to_fail(
    aws: Clients, fail: Callable[..., None], bucket: str
) -> None:
    signed = aws.s3.generate_presigned_post(bucket, "key")
    fail("s3", operation="PostObject")
    files = {"file": b"x" * 3_000_000}
    response = requests.post(signed["url"], signed["fields"], files=files, timeout=PATIENCE_S)
    assert response.status_code == 503
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket)
