"""The local AWS as boto3 sees it, and a bucket of each test's own."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig

from tests.conftest import PATIENCE_S, Handle

NEVER_S = 3600
"""A delay that no test lives to see the end of."""


@dataclass
class Clients:
    """A client for each service, made when first used; without retries, to fail at once."""

    url: str

    def __getattr__(self, service: str) -> Any:
        settings = ClientConfig(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            max_pool_connections=50,
        )
        made = boto3.client(service, endpoint_url=self.url, config=settings)
        setattr(self, service, made)
        return made


def eventually(look: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """What `look` returns once that is true."""
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {within_s} s"
        threading.Event().wait(0.02)
    return seen


@pytest.fixture(scope="session")
def aws(local_aws: Handle) -> Clients:
    return Clients(local_aws.url)


@pytest.fixture
def name() -> str:
    """A name that nothing else has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(aws: Clients, name: str) -> str:
    aws.s3.create_bucket(Bucket=name)
    return name


@dataclass
class Inbox:
    """A topic, and what has been published on it."""

    aws: Clients
    topic: str
    queue: str

    def next(self) -> str:
        """The next message's text. Fails where none comes."""
        (message,) = eventually(lambda: self._received(20))
        self.aws.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return str(message["Body"])

    def is_empty(self) -> bool:
        return not self._received(1)

    def _received(self, wait_s: int) -> list[dict[str, Any]]:
        reply = self.aws.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=wait_s)
        return list(reply.get("Messages", ()))


@pytest.fixture
def inbox(aws: Clients, name: str) -> Inbox:
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    queue = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    aws.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn["Attributes"]["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )
    return Inbox(aws, topic, queue)


@pytest.fixture
def settings(local_aws: Handle) -> Iterator[Callable[..., None]]:
    """Changes the local AWS's settings until the test is over."""
    yield local_aws.settings
    local_aws.settings(
        expedited_s=0.1, standard_s=0.2, bulk_s=0.3, kept_s=86400, day_s=86400, capacity="ok"
    )


def make_table(clients: Clients, name: str) -> None:
    """A table of rows that are found by their `id`."""
    clients.dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
