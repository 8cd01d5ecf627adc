"""Names of resources as AWS's own hosts and partitions have them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws.config import Config
from aws.events import Arns
from aws.limits import DAEMON, PAGE, SWEEPER, Limits
from aws.resources import Clients, connect
from tests.conftest import PATIENCE_S
from tests.proofs import faults


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


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("", "no credentials for AWS are set: aws configure"),
        ("nobody", "cannot be used: The config profile (nobody)"),
    ],
)
@pytest.mark.parametrize("command", [["util.sweep", "--once"], ["aws.queue_admin", "queues"]])
def test_who_has_no_credentials_is_shown_the_way_in_one_line(
    command: list[str], profile: str, words: str, tmp_path: Path
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env = {**kept, "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    env |= {"AWS_PROFILE": profile} if profile else {}
    argv = [sys.executable, "-m", *command]
    ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert words in ran.stderr


PAGE_S, PASS_S = 10, 60


@pytest.mark.parametrize(("limits", "most_s"), [(PAGE, PAGE_S), (SWEEPER, PASS_S)])
def test_one_silent_call_leaves_its_caller_time(limits: Limits, most_s: float) -> None:
    assert limits.call_s < most_s / 1.2


@pytest.mark.parametrize("limits", [PAGE, SWEEPER, DAEMON])
def test_every_client_has_the_limits_of_its_caller(config: Config, limits: Limits) -> None:
    world = connect(config, limits=limits)
    for client in faults.clients(world):
        given = client.meta.config
        assert (given.connect_timeout, given.read_timeout) == (limits.connect_s, limits.read_s)
        assert given.retries["total_max_attempts"] == limits.tries


def test_a_receive_may_take_as_long_as_its_poll(config: Config) -> None:
    given = connect(config, limits=SWEEPER).queues.sqs.meta.config
    assert given.read_timeout > config.aws.poll_s
