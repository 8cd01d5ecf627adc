"""Uploads by form: read as they come in, checked against their policy, stored as S3 does.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from local.server.post_policy import check_form
from local.server.s3_errors import S3Error
from local.server.wsgi import (
    SPOOL_BYTES,
    App,
    Environ,
    StartResponse,
    answer,
    ask,
    bucket_and_key,
    pieces,
)

MAX_FIELD_BYTES = 20_000
MAX_KEY_BYTES = 1024
HEADERS = ("content-type", "cache-control", "content-disposition", "content-encoding", "expires")
STATUSES = {"200": 200, "201": 201, "204": 204}


def answer_form(
    app: App, secret: str, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Store the form's file through `app` and answer as the form says. Raises S3Error."""
    bucket = bucket_and_key(environ)[0]
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        fields = {**_read(environ, file), "bucket": bucket}
        size = file.tell()
        check_form(secret, fields, size)
        _check_key(fields.get("key", ""))
        file.seek(0)
        path = f"/{bucket}/{fields['key']}"
        reply = ask(app, "s3", "PUT", path, _headers(fields), file, size)
    if reply.status_code != 200:
        return reply(environ, start_response)
    return _answer(fields, reply.headers["ETag"], environ, start_response)


def _read(environ: Environ, file: IO[bytes]) -> dict[str, str]:
    """Write the form's file to `file`, return the fields before it; S3 ignores those after it."""
    values: dict[str, bytearray] = {}
    part: bytearray | None = None
    name = filename = None
    for event in _events(environ):
        if isinstance(event, Field | File) and name != "file":
            name = event.name.lower()
            filename = getattr(event, "filename", None)
            part = values.setdefault(name, bytearray())
        elif isinstance(event, Field | File):
            part = None
        elif name == "file" and part is not None:
            file.write(event.data)
        elif part is not None:
            part.extend(event.data)
            _check_length(values)
    if values.pop("file", None) is None:
        words = "POST requires exactly one file upload per request."
        raise S3Error(400, "InvalidArgument", words)
    fields = {name: value.decode("utf-8", "replace") for name, value in values.items()}
    return {name: _filled_in(value, filename or "") for name, value in fields.items()}


def _events(environ: Environ) -> Iterator[Field | File | Data]:
    boundary = parse_options_header(environ["CONTENT_TYPE"])[1].get("boundary", "")
    decoder = MultipartDecoder(boundary.encode())
    try:
        for piece in itertools.chain(pieces(environ), [None]):
            decoder.receive_data(piece)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                if isinstance(event, Field | File | Data):
                    yield event
    except ValueError:
        raise S3Error(400, "MalformedPOSTRequest", "The body is no multipart form.") from None


def _check_length(values: dict[str, bytearray]) -> None:
    if sum(map(len, values.values())) > MAX_FIELD_BYTES:
        words = "Your POST request fields preceding the upload file were too large."
        raise S3Error(400, "MaxPostPreDataLengthExceeded", words)


def _filled_in(value: str, filename: str) -> str:
    """`${filename}` stands for the name of the file, without any folders that browsers send."""
    return value.replace("${filename}", re.split(r"[/\\]", filename)[-1])


def _check_key(key: str) -> None:
    if not key:
        words = "Bucket POST must contain a field named 'key'."
        raise S3Error(400, "InvalidArgument", words)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise S3Error(400, "KeyTooLongError", "Your key is too long")


def _headers(fields: dict[str, str]) -> dict[str, str]:
    """The object's headers among the form's fields: its type, its encryption, its metadata."""
    signing = {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
    names = {name for name in fields if name.startswith("x-amz-")} - signing
    names |= {name for name in HEADERS if name in fields}
    return {name: " ".join(fields[name].split()) for name in names}


def _answer(
    fields: dict[str, str], etag: str, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    bucket, key = fields["bucket"], fields["key"]
    redirect = fields.get("success_action_redirect", "")
    if redirect.startswith(("http://", "https://")):
        query = urlencode({"bucket": bucket, "key": key, "etag": etag})
        location = f"{redirect}{'&' if '?' in redirect else '?'}{query}"
        return answer(start_response, 303, headers={"Location": location})
    location = f"http://{environ['HTTP_HOST']}/{bucket}/{quote(key)}"
    headers = {"Location": location, "ETag": etag}
    status = STATUSES.get(fields.get("success_action_status", ""), 204)
    if status != 201:
        return answer(start_response, status, headers=headers)
    body = "".join(
        f"<{name}>{escape(value)}</{name}>"
        for name, value in {
            "Location": location,
            "Bucket": bucket,
            "Key": key,
            "ETag": etag,
        }.items()
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{body}</PostResponse>'
    return answer(start_response, 201, body.encode(), "application/xml", headers)
