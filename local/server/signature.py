"""AWS Signature Version 4, as presigned URLs and upload forms carry it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from local.server.s3_errors import S3Error, denied
from local.server.wsgi import Environ, path_of

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES_S = 7 * 24 * 3600
SKEW_S = 15 * 60
"""A signer's clock may be so far ahead of S3's."""
NEEDED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
)


def sign(secret: str, credential: str, text: str) -> str:
    """The signature of `text` in the scope of `credential`, in hexadecimal."""
    key = b"AWS4" + secret.encode()
    for part in credential.split("/")[1:]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check_signature(secret: str, credential: str, text: str, given: str) -> None:
    """Raises S3Error unless `given` is the signature of `text`."""
    expected = sign(secret, credential, text)
    if not hmac.compare_digest(expected.encode(), given.encode()):
        words = "The request signature we calculated does not match the signature you provided."
        raise S3Error(403, "SignatureDoesNotMatch", words)


def check_url(secret: str, environ: Environ) -> None:
    """Raises S3Error unless the presigned URL is whole, of its time and signed with `secret`."""
    query = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    parameters = dict(query)
    missing = [name for name in NEEDED if name not in parameters]
    if missing or len(parameters) < len(query) or parameters["X-Amz-Algorithm"] != ALGORITHM:
        words = "Query-string authentication version 4 requires each of its parameters once"
        raise S3Error(400, "AuthorizationQueryParametersError", words)
    scope = parameters["X-Amz-Credential"].partition("/")[2]
    hashed = hashlib.sha256(_canonical(environ, query).encode()).hexdigest()
    text = "\n".join([ALGORITHM, parameters["X-Amz-Date"], scope, hashed])
    check_signature(secret, parameters["X-Amz-Credential"], text, parameters["X-Amz-Signature"])
    _check_time(parameters["X-Amz-Date"], parameters["X-Amz-Expires"])


def _check_time(date: str, expires: str) -> None:
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        expires_s = int(expires)
    except ValueError:
        raise S3Error(400, "AuthorizationQueryParametersError", "Malformed date") from None
    if not 0 < expires_s <= MAX_EXPIRES_S:
        words = "X-Amz-Expires must be more than 0 and no more than a week (in seconds)"
        raise S3Error(400, "AuthorizationQueryParametersError", words)
    now = datetime.now(UTC)
    if now > signed + timedelta(seconds=expires_s):
        raise denied("Request has expired")
    if now < signed - timedelta(seconds=SKEW_S):
        raise denied("Request is not valid yet")


def _canonical(environ: Environ, query: list[tuple[str, str]]) -> str:
    """The canonical request of a presigned URL."""
    pairs = sorted((_quoted(k), _quoted(v)) for k, v in query if k != "X-Amz-Signature")
    names = dict(query)["X-Amz-SignedHeaders"].split(";")
    return "\n".join(
        [
            environ["REQUEST_METHOD"],
            quote(path_of(environ), safe="/~"),
            "&".join(f"{k}={v}" for k, v in pairs),
            "".join(f"{name}:{_header(environ, name)}\n" for name in names),
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _header(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    value = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    return " ".join(str(value).split())
