"""The policy of a presigned POST: the conditions that an upload form must meet.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from local.server.s3_errors import S3Error, denied
from local.server.signature import ALGORITHM, check_signature

FREE_FIELDS = {"bucket", "file", "policy", "x-amz-signature"}
"""Form fields that no condition needs to allow."""
REFUSED = "Invalid according to Policy: "


def check_form(secret: str, fields: dict[str, str], size: int) -> None:
    """Raise S3Error unless the policy is signed, in force, kept, and covers every field.

    `fields` have their names in lower case, `bucket` among them, and variables filled in.
    """
    if "policy" not in fields:
        raise denied()
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise S3Error(400, "InvalidRequest", f"Please use {ALGORITHM}.")
    credential, given = fields.get("x-amz-credential", ""), fields.get("x-amz-signature", "")
    check_signature(secret, credential, fields["policy"], given)
    try:
        _check_policy(json.loads(base64.b64decode(fields["policy"], validate=True)), fields, size)
    except (AttributeError, binascii.Error, KeyError, TypeError, ValueError):
        raise S3Error(400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from None


def _check_policy(policy: dict[str, Any], fields: dict[str, str], size: int) -> None:
    expiry = datetime.fromisoformat(policy["expiration"])
    if datetime.now(UTC) > expiry:
        raise denied(f"{REFUSED}Policy expired.")
    allowed = {_check_condition(condition, fields, size) for condition in policy["conditions"]}
    extra = [name for name in fields if name not in allowed | FREE_FIELDS]
    extra = [name for name in extra if not name.startswith("x-ignore-")]
    if extra:
        raise denied(f"{REFUSED}Extra input fields: {', '.join(extra)}")


def _check_condition(condition: Any, fields: dict[str, str], size: int) -> str:
    """Check one condition; return the field that it allows."""
    if isinstance(condition, dict):
        ((name, value),) = condition.items()
        condition = ["eq", f"${name}", value]
    kind, name, value = condition
    if kind == "content-length-range":
        _check_size(int(name), int(value), size)
        return ""
    field = name.removeprefix("$").lower()
    held = fields.get(field, "")
    kept = {"eq": held == value, "starts-with": held.startswith(value)}
    if not kept[kind]:
        raise denied(f"{REFUSED}Policy Condition failed: {json.dumps(condition)}")
    return str(field)


def _check_size(least: int, most: int, size: int) -> None:
    if size > most:
        words = "Your proposed upload exceeds the maximum allowed size"
        raise S3Error(400, "EntityTooLarge", words)
    if size < least:
        words = "Your proposed upload is smaller than the minimum allowed size"
        raise S3Error(400, "EntityTooSmall", words)
