"""Each test fails where a release of moto no longer goes the way that a shortcut leads around."""

import inspect
from typing import Any

import boto3
import pytest
from moto.core import responses
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local.server import shortcuts
from tests.local.conftest import Clients, make_table

VALUES = {
    "text": {"S": "text"},
    "empty": {"S": ""},
    "number": {"N": "1.50"},
    "truth": {"BOOL": False},
    "nothing": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "list": {"L": [{"S": "a"}, {"L": []}, {"M": {"deep": {"B": b"\x01"}}}]},
    "map": {"M": {"S": {"S": "named as a type"}, "none": {"M": {}}}},
}


def test_every_kind_of_value_comes_back_as_it_was_put(aws: Clients, name: str) -> None:
    make_table(aws, name)
    item: dict[str, Any] = {"id": {"S": "one"}, **VALUES}
    aws.dynamodb.put_item(TableName=name, Item=item)
    (scanned,) = aws.dynamodb.scan(TableName=name)["Items"]
    assert scanned == aws.dynamodb.get_item(TableName=name, Key={"id": {"S": "one"}})["Item"]
    assert scanned == item


def test_a_service_is_found_again_after_others(aws: Clients) -> None:
    for _ in range(2):
        assert aws.sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert aws.s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert aws.ses.list_identities()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_moto_still_goes_the_long_ways() -> None:
    assert "method_names_from_class(" in inspect.getsource(responses.BaseResponse.call_action)
    assert "self.get_backend_for_host(" in inspect.getsource(
        DomainDispatcherApplication.get_application
    )
    get_item = get_service_model("dynamodb").operation_model("GetItem").output_shape
    assert get_item.members["Item"].value.name == "AttributeValue"


def test_the_serializer_of_rows_is_the_one_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVICE_SPECIFIC_SERIALIZERS, "dynamodb", {})
    shortcuts.take()
    protocol = boto3.client("dynamodb").meta.service_model.resolved_protocol
    assert SERVICE_SPECIFIC_SERIALIZERS["dynamodb"][protocol] is shortcuts.RowSerializer
