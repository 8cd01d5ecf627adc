"""The steps of a deployment around the stack itself: uploads, the secret, the roll-out."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws.stack.plan import GlobusClient

ROLL_OUT: dict[str, dict[str, Any]] = {
    "web": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
    "annotator": {"MinHealthyPercentage": 50, "ScaleInProtectedInstances": "Wait"},
    "util": {"MinHealthyPercentage": 0},
}
"""How each group's instances are replaced: the site never with fewer, annotators when idle."""
ABSENT = {"404", "NoSuchBucket", "NotFound"}
BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def upload(s3: Any, bucket: str, region: str, bodies: Mapping[str, bytes]) -> None:
    """Put what is not there yet; a key's bytes never change. Makes the bucket where it lacks."""
    if not _answers(s3.head_bucket, Bucket=bucket):
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else where))
        s3.put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKED, True)
        )
    for key, body in bodies.items():
        if not _answers(s3.head_object, Bucket=bucket, Key=key):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")


def _answers(head: Any, **what: str) -> bool:
    try:
        head(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return False
    return True


def fill_secret(secrets: Any, name: str, told: GlobusClient) -> None:
    """Add Globus's client to the secret that the stack makes, once it is there."""
    try:
        kept = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    wanted = {
        **kept,
        "globus_client_id": told.client_id,
        "globus_client_secret": told.client_secret,
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
