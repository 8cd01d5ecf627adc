"""The stack's edge in front of the local AWS, and the template as CloudFormation would see it."""

from collections.abc import Iterator

import boto3
import pytest

from aws.stack.template import rendered
from tests.aws.stack.edge import Edge
from tests.aws.stack.parsed import Parsed
from tests.conftest import Handle


@pytest.fixture
def edge(local_aws: Handle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """The local AWS as boto3 finds it by its own environment variables, every call noted."""
    server = Edge(local_aws.url).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def parsed() -> Parsed:
    """With S3 as the archive."""
    return Parsed(rendered())
