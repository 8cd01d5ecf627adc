"""Enforces what moto lets pass: the policies of presigned POSTs, the signatures of presigned URLs.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from werkzeug.formparser import parse_form_data

from local.wsgi import App, Environ, StartResponse, path_of, s3_error

FREE_FIELDS = {"file", "policy", "x-amz-signature"}
"""Form fields that no condition needs to allow."""


@dataclass
class Denial(Exception):
    """Why S3 refuses a request."""

    status: int
    code: str
    words: str


class Presigned:
    """Middleware: lets a presigned request through only as S3 would."""

    def __init__(self, app: App, secret: str) -> None:
        self.app, self.secret = app, secret

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            if is_form_post(environ):
                self._check_post(environ)
            elif "X-Amz-Signature=" in environ.get("QUERY_STRING", ""):
                self._check_url(environ)
        except Denial as denial:
            return s3_error(start_response, denial.status, denial.code, denial.words)
        return self.app(environ, start_response)

    def _check_post(self, environ: Environ) -> None:
        body = environ["wsgi.input"]
        _, form, files = parse_form_data({**environ})
        body.seek(0)
        fields = {name.lower(): value for name, value in form.items()}
        file = files.get("file")
        if "policy" not in fields:
            raise Denial(403, "AccessDenied", "Access Denied")
        self._check_signature(fields)
        size = _size(file.stream) if file else 0
        bucket = path_of(environ).strip("/").split("/")[0]
        check_policy(_policy(fields["policy"]), {**fields, "bucket": bucket}, size)

    def _check_signature(self, fields: dict[str, str]) -> None:
        credential = fields.get("x-amz-credential", "")
        expected = sign(self.secret, credential, fields["policy"])
        if not hmac.compare_digest(expected, fields.get("x-amz-signature", "")):
            raise Denial(403, "SignatureDoesNotMatch", "The signature does not match.")

    def _check_url(self, environ: Environ) -> None:
        query = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
        told = dict(query)
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                told.get("X-Amz-Date", ""),
                told.get("X-Amz-Credential", "").partition("/")[2],
                hashlib.sha256(_canonical(environ, query).encode()).hexdigest(),
            ]
        )
        expected = sign(self.secret, told.get("X-Amz-Credential", ""), text)
        if not hmac.compare_digest(expected, told["X-Amz-Signature"]):
            raise Denial(403, "SignatureDoesNotMatch", "The signature does not match.")
        signed = datetime.strptime(told["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(UTC) > signed + timedelta(seconds=int(told["X-Amz-Expires"])):
            raise Denial(403, "AccessDenied", "Request has expired")


def is_form_post(environ: Environ) -> bool:
    kind = environ.get("CONTENT_TYPE", "")
    return environ["REQUEST_METHOD"] == "POST" and kind.startswith("multipart/form-data")


def sign(secret: str, credential: str, text: str) -> str:
    """SigV4's signature of `text` in the scope of `credential`, in hexadecimal."""
    key = b"AWS4" + secret.encode()
    for part in credential.split("/")[1:]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check_policy(policy: dict[str, Any], fields: dict[str, str], size: int) -> None:
    """Raise Denial unless the form keeps to every condition and no field goes beyond them."""
    expiry = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00"))
    if datetime.now(UTC) > expiry:
        raise Denial(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    allowed = {"bucket", *FREE_FIELDS}
    for condition in policy["conditions"]:
        allowed.add(_check_condition(condition, fields, size))
    for name in fields:
        if name not in allowed and not name.startswith("x-ignore-"):
            raise Denial(403, "AccessDenied", f"Invalid according to Policy: extra field {name}")


def _check_condition(condition: Any, fields: dict[str, str], size: int) -> str:
    """Check one condition; return the field that it allows."""
    if isinstance(condition, dict):
        ((name, value),) = condition.items()
        condition = ["eq", f"${name}", value]
    kind, name, value = condition
    if kind == "content-length-range":
        _check_size(int(name), int(value), size)
        return ""
    field = name.lstrip("$").lower()
    held = fields.get(field, "")
    good = held.startswith(value) if kind == "starts-with" else held == value
    if not good:
        words = f'Invalid according to Policy: Policy Condition failed: ["{kind}", "{name}"]'
        raise Denial(403, "AccessDenied", words)
    return field


def _check_size(least: int, most: int, size: int) -> None:
    if size > most:
        words = "Your proposed upload exceeds the maximum allowed size"
        raise Denial(400, "EntityTooLarge", words)
    if size < least:
        words = "Your proposed upload is smaller than the minimum allowed size"
        raise Denial(400, "EntityTooSmall", words)


def _policy(encoded: str) -> dict[str, Any]:
    try:
        return dict(json.loads(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, ValueError):
        raise Denial(400, "InvalidPolicyDocument", "The policy is no base64 JSON.") from None


def _canonical(environ: Environ, query: list[tuple[str, str]]) -> str:
    """SigV4's canonical request of a presigned URL."""
    pairs = sorted((_quoted(k), _quoted(v)) for k, v in query if k != "X-Amz-Signature")
    names = dict(query).get("X-Amz-SignedHeaders", "host").split(";")
    headers = "".join(f"{name}:{_header(environ, name)}\n" for name in names)
    return "\n".join(
        [
            "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"],
            quote(path_of(environ), safe="/~"),
            "&".join(f"{k}={v}" for k, v in pairs),
            headers,
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _header(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(key if key.startswith("CONTENT_") else f"HTTP_{key}", "")).strip()


def _size(stream: Any) -> int:
    stream.seek(0, 2)
    return int(stream.tell())
