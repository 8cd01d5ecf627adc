"""The steps of a deployment around the stack itself: uploads, the secret, the tables."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws.provision import create_bucket
from aws.resources import Names

ABSENT = {"404", "NoSuchBucket", "NotFound"}


def make_bucket(s3: Any, bucket: str, region: str) -> bool:
    """Create the bucket if need be, and return whether it was."""
    is_new = not _exists(s3.head_bucket, Bucket=bucket)
    if is_new:
        create_bucket(s3, bucket, region)
    return is_new


def upload(s3: Any, bucket: str, bodies: Mapping[str, bytes]) -> None:
    """Upload the missing keys; a key's bytes never change."""
    for key, body in bodies.items():
        if not _exists(s3.head_object, Bucket=bucket, Key=key):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="AES256")


def delete_bucket(s3: Any, bucket: str) -> None:
    """Delete a small bucket that a dry run has made, with what is in it."""
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    s3.delete_bucket(Bucket=bucket)


def _exists(head: Any, **what: str) -> bool:
    try:
        head(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return False
    return True


def fill_secret(secrets: Any, name: str, keys: Mapping[str, str]) -> None:
    """Add `keys` to the secret that the stack makes; do nothing until it exists."""
    try:
        kept = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    wanted = {**kept, **keys}
    if wanted != kept:
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(wanted))


def protect_tables(dynamodb: Any, prefix: str) -> None:
    """Switch deletion protection on; the template does not, so that a creation can be undone."""
    for kind in ("annotations", "accounts"):
        name = Names(prefix).table(kind)
        if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
