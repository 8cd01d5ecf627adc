"""The steps of a deployment around the stack itself: uploads, the secret, the roll-out."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws.provision import create_bucket
from aws.stack.plan import GlobusClient

ROLL_OUT: dict[str, dict[str, Any]] = {
    "web": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
    "annotator": {"MinHealthyPercentage": 50, "ScaleInProtectedInstances": "Wait"},
    "util": {"MinHealthyPercentage": 0},
}
"""Each group's instance refresh: the site keeps its full size, busy annotators are waited for."""
ABSENT = {"404", "NoSuchBucket", "NotFound"}


def upload(s3: Any, bucket: str, region: str, bodies: Mapping[str, bytes]) -> None:
    """Upload the missing keys, creating the bucket if need be; a key's bytes never change."""
    if not _exists(s3.head_bucket, Bucket=bucket):
        create_bucket(s3, bucket, region)
    for key, body in bodies.items():
        if not _exists(s3.head_object, Bucket=bucket, Key=key):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")


def _exists(head: Any, **what: str) -> bool:
    try:
        head(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return False
    return True


def fill_secret(secrets: Any, name: str, client: GlobusClient) -> None:
    """Add the Globus client to the secret that the stack makes; do nothing until it exists."""
    try:
        kept = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    wanted = {
        **kept,
        "globus_client_id": client.client_id,
        "globus_client_secret": client.client_secret,
    }
    if wanted != kept:
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(wanted))


def roll_out(autoscaling: Any, prefix: str) -> list[str]:
    """Replace the instances of an earlier release, a few at a time; return the groups' names."""
    started = []
    for kind, preferences in ROLL_OUT.items():
        group = f"{prefix}-{kind}"
        autoscaling.start_instance_refresh(
            AutoScalingGroupName=group, Preferences={**preferences, "SkipMatching": True}
        )
        started.append(group)
    return started
