"""Names of resources as AWS's own hosts and partitions have them."""

from typing import Any

import boto3
import pytest

from aws.events import Arns
from aws.resources import Clients


class Sts:
    """An account of a partition."""

    def __init__(self, partition: str) -> None:
        self.partition, self.calls = partition, 0

    def get_caller_identity(self) -> dict[str, Any]:
        self.calls += 1
        arn = f"arn:{self.partition}:sts::123456789012:assumed-role/a/b"
        return {"Account": "123456789012", "Arn": arn}


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_an_arn_has_the_callers_partition(partition: str) -> None:
    sts = Sts(partition)
    arns = Arns(sts, "a-region", "gas")
    assert arns.topic("thaw") == f"arn:{partition}:sns:a-region:123456789012:gas-thaw"
    assert arns.queue("thaw") == f"arn:{partition}:sqs:a-region:123456789012:gas-thaw"
    assert sts.calls == 1


def form_url(region: str) -> str:
    session = boto3.session.Session(aws_access_key_id="k", aws_secret_access_key="s")  # noqa: S106
    form = Clients(session, region).s3().generate_presigned_post("gas-acme-inputs", "key")
    return str(form["url"])


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://gas-acme-inputs.s3.eu-central-1.amazonaws.com/"),
        ("us-east-1", "https://gas-acme-inputs.s3.amazonaws.com/"),
    ],
)
def test_on_aws_uploads_go_to_the_buckets_own_host(
    region: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site's policy admits the origin of this URL: it must be no other bucket's."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert form_url(region) == url


def test_on_an_endpoint_of_ones_own_the_bucket_is_in_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:5001")
    assert form_url("us-east-1") == "http://localhost:5001/gas-acme-inputs"
