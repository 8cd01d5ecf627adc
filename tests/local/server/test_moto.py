"""Fails, saying what is gone, where a release of moto moves a name that we lean on."""

import inspect

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.moto_server import werkzeug_app
from moto.s3.models import CorsRule, FakeBucket, FakeKey, s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ses.models import ses_backends
from moto.sns.models import SNSBackend, sns_backends
from moto.sqs.models import Queue

REGION = "us-east-1"


@pytest.fixture
def key() -> FakeKey:
    return FakeKey("key", b"value", DEFAULT_ACCOUNT_ID, REGION, bucket_name="bucket")


def test_a_long_poll_waits_in_one_place() -> None:
    source = inspect.getsource(Queue.wait_for_messages)
    assert list(inspect.signature(Queue.wait_for_messages).parameters)[1:] == ["timeout"]
    assert "wait" in source


def test_the_servers_parts_are_where_they_were() -> None:
    for name in ("DomainDispatcherApplication", "MotoRequestHandler", "create_backend_app"):
        assert hasattr(werkzeug_app, name)


def test_a_topic_can_be_published_on() -> None:
    assert {"message", "arn"} <= inspect.signature(SNSBackend.publish).parameters.keys()


@pytest.mark.parametrize(
    "name",
    [
        "storage_class",
        "metadata",
        "encryption",
        "last_modified",
        "response_dict",
        "size",
        "etag",
        "value",
        "expiry_date",
        "set_expiry",
        "status",
        "_expiry",
        "_value_buffer",
    ],
)
def test_an_object_has_what_we_ask_of_it(key: FakeKey, name: str) -> None:
    assert name in dir(key)


def test_an_objects_bytes_are_in_a_file_of_its_own(key: FakeKey) -> None:
    assert key._value_buffer.fileno() > 0


def test_a_bucket_has_its_rules_and_its_objects() -> None:
    bucket = FakeBucket(  # type: ignore[abstract]
        "bucket", DEFAULT_ACCOUNT_ID, REGION
    )
    assert (bucket.cors, list(bucket.keys.items())) == ([], [])
    assert bucket.notification_configuration is None
    rule = CorsRule(["GET"], ["*"])
    for name in ("allowed_methods", "allowed_origins", "allowed_headers", "exposed_headers"):
        assert hasattr(rule, name)
    assert rule.max_age_seconds is None


def test_a_table_has_what_we_keep_of_it() -> None:
    table = Table(  # type: ignore[abstract]
        "table",
        DEFAULT_ACCOUNT_ID,
        REGION,
        schema=[{"AttributeName": "id", "KeyType": "HASH"}],
        attr=[{"AttributeName": "id", "AttributeType": "S"}],
        global_indexes=[],
        billing_mode="PAY_PER_REQUEST",
    )
    item = table.put_item({"id": {"S": "1"}})
    assert list(table.items.values()) == [item]
    assert isinstance(item, Item)
    assert (item.hash_key.value, item.range_key) == ("1", None)
    assert item.to_json()["Attributes"] == {"id": {"S": "1"}}
    assert (
        [k["AttributeName"] for k in table.schema]
        == ["id"]
        == [a["AttributeName"] for a in table.attr]
    )
    assert (table.global_indexes, table.range_key_attr) == ([], None)
    assert inspect.signature(DynamoDBBackend.update_item).return_annotation is Item


def test_each_backend_is_found_by_account_and_region() -> None:
    assert dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables is not None
    assert secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].secrets is not None
    assert ses_backends[DEFAULT_ACCOUNT_ID][REGION].email_identities is not None
    assert sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics is not None
    assert s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets is not None
