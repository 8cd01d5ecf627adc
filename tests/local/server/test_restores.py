import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import NEVER_S, Clients, Inbox, eventually

KEY = "gas/user/a job~é 1.vcf.gz"


@pytest.fixture
def cold(aws: Clients, bucket: str) -> str:
    """A bucket with one object in the Glacier class."""
    aws.s3.put_object(Bucket=bucket, Key=KEY, Body=b"result", StorageClass="GLACIER")
    return bucket


def restore(aws: Clients, bucket: str, tier: str = "Standard", days: int = 1) -> int:
    """Ask for the object; return the HTTP status."""
    request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
    reply = aws.s3.restore_object(Bucket=bucket, Key=KEY, RestoreRequest=request)
    return int(reply["ResponseMetadata"]["HTTPStatusCode"])


def restore_header(aws: Clients, bucket: str) -> str:
    return str(aws.s3.head_object(Bucket=bucket, Key=KEY).get("Restore", ""))


def read(aws: Clients, bucket: str) -> bytes:
    return bytes(aws.s3.get_object(Bucket=bucket, Key=KEY)["Body"].read())


def is_restored(aws: Clients, bucket: str) -> bool:
    return 'ongoing-request="false"' in restore_header(aws, bucket)


def announce(aws: Clients, bucket: str, inbox: Inbox) -> None:
    """Have S3 tell the inbox when a restore is done."""
    notice = {"TopicArn": inbox.topic, "Events": ["s3:ObjectRestore:Completed"]}
    aws.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [notice]}
    )
    assert json.loads(inbox.next())["Event"] == "s3:TestEvent"


def test_what_is_cold_cannot_be_read_or_copied(aws: Clients, cold: str) -> None:
    with pytest.raises(aws.s3.exceptions.InvalidObjectState):
        read(aws, cold)
    with pytest.raises(ClientError, match="ObjectNotInActiveTierError"):
        aws.s3.copy_object(Bucket=cold, Key="copy", CopySource={"Bucket": cold, "Key": KEY})
    assert restore_header(aws, cold) == ""


def test_an_ongoing_restore_cannot_be_read(
    aws: Clients, cold: str, settings: Callable[..., None]
) -> None:
    settings(standard_s=NEVER_S)
    assert restore(aws, cold) == 202
    assert restore_header(aws, cold) == 'ongoing-request="true"'
    with pytest.raises(aws.s3.exceptions.InvalidObjectState):
        read(aws, cold)


def test_a_restore_is_done_and_then_announced(aws: Clients, cold: str, inbox: Inbox) -> None:
    announce(aws, cold, inbox)
    assert restore(aws, cold) == 202
    event = json.loads(inbox.next())
    assert 'ongoing-request="false", expiry-date="' in restore_header(aws, cold)
    assert read(aws, cold) == b"result"
    (record,) = event["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectRestore:Completed")
    assert record["s3"]["bucket"]["name"] == cold
    assert record["s3"]["object"]["key"] == "gas/user/a+job~%C3%A9+1.vcf.gz"
    assert record["s3"]["object"]["size"] == 6
    assert record["glacierEventData"]["restoreEventData"]["lifecycleRestorationExpiryTime"]
    assert inbox.is_empty()


def test_a_second_request_is_told_that_one_is_under_way(
    aws: Clients, cold: str, settings: Callable[..., None]
) -> None:
    settings(standard_s=NEVER_S)
    restore(aws, cold)
    with pytest.raises(ClientError) as refusal:
        restore(aws, cold)
    assert refusal.value.response["Error"]["Code"] == "RestoreAlreadyInProgress"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_asking_again_for_what_is_restored_keeps_it_longer(aws: Clients, cold: str) -> None:
    restore(aws, cold)
    eventually(lambda: is_restored(aws, cold))
    before = restore_header(aws, cold)
    assert restore(aws, cold, days=3) == 200
    assert is_restored(aws, cold)
    assert restore_header(aws, cold) != before
    assert read(aws, cold) == b"result"


def test_a_restored_copy_expires(
    aws: Clients, cold: str, inbox: Inbox, settings: Callable[..., None]
) -> None:
    announce(aws, cold, inbox)
    settings(day_s=0.5)
    restore(aws, cold, "Expedited")
    inbox.next()
    eventually(lambda: restore_header(aws, cold) == "")
    with pytest.raises(aws.s3.exceptions.InvalidObjectState):
        read(aws, cold)


def test_expedited_is_refused_when_capacity_is_short(
    aws: Clients, cold: str, settings: Callable[..., None]
) -> None:
    settings(capacity="short")
    with pytest.raises(ClientError) as refusal:
        restore(aws, cold, "Expedited")
    assert refusal.value.response["Error"]["Code"] == "GlacierExpeditedRetrievalNotAvailable"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert restore_header(aws, cold) == ""
    assert restore(aws, cold, "Standard") == 202


def test_only_what_is_cold_and_there_can_be_restored(aws: Clients, bucket: str) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        restore(aws, bucket)
    aws.s3.put_object(Bucket=bucket, Key=KEY, Body=b"warm")
    with pytest.raises(ClientError, match="InvalidObjectState"):
        restore(aws, bucket)


def test_nothing_is_announced_of_what_was_deleted_meanwhile(
    aws: Clients, bucket: str, inbox: Inbox, settings: Callable[..., None]
) -> None:
    """The restore of another object, asked for later, shows that the time for the first is up."""
    announce(aws, bucket, inbox)
    for standard_s in (1, 4, 16, 64):
        settings(standard_s=standard_s)
        deleted, began = f"within {standard_s} s", time.monotonic()
        ask_for(aws, bucket, deleted)
        aws.s3.delete_object(Bucket=bucket, Key=deleted)
        if time.monotonic() - began < standard_s:
            break  # it was surely deleted before it could be restored
    ask_for(aws, bucket, "later")
    announced: list[str] = []
    while "later" not in announced:
        (record,) = json.loads(inbox.next())["Records"]
        announced.append(unquote_plus(record["s3"]["object"]["key"]))
    assert deleted not in announced
    assert inbox.is_empty()


def ask_for(aws: Clients, bucket: str, key: str) -> None:
    """Store a cold object and ask for it."""
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b"result", StorageClass="GLACIER")
    request = {"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}}
    aws.s3.restore_object(Bucket=bucket, Key=key, RestoreRequest=request)


def test_twins_are_restored_apart(aws: Clients, cold: str) -> None:
    twin = {"Bucket": cold, "Key": "twin"}
    aws.s3.put_object(**twin, Body=b"result", StorageClass="GLACIER")
    restore(aws, cold)
    eventually(lambda: is_restored(aws, cold))
    head: dict[str, Any] = aws.s3.head_object(**twin)
    assert "Restore" not in head


def test_a_large_cold_object_cannot_be_read_before_it_is_restored(
    aws: Clients, bucket: str
) -> None:
    body = bytes(6_000_000)
    aws.s3.put_object(Bucket=bucket, Key=KEY, Body=body, StorageClass="GLACIER")
    with pytest.raises(aws.s3.exceptions.InvalidObjectState):
        read(aws, bucket)
    restore(aws, bucket)
    eventually(lambda: is_restored(aws, bucket))
    assert read(aws, bucket) == body
