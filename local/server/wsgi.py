"""The WSGI that the stand-ins share: reading requests, answering, calling one another."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

SPOOL_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 256 * 1024
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    303: "See Other",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    416: "Requested Range Not Satisfiable",
    503: "Service Unavailable",
}


def answer(
    start_response: StartResponse,
    status: int,
    body: bytes = b"",
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> list[bytes]:
    """Answer a request at once."""
    fields = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
    start_response(f"{status} {REASONS.get(status, 'Error')}", list(fields.items()))
    return [body]


def answer_json(start_response: StartResponse, status: int, body: Any) -> list[bytes]:
    return answer(start_response, status, json.dumps(body).encode())


def s3_error(start_response: StartResponse, status: int, code: str, words: str) -> list[bytes]:
    """An error in S3's form."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(words)}</Message></Error>"
    )
    return answer(start_response, status, body.encode(), "application/xml")


def is_form_post(environ: Environ) -> bool:
    kind = environ.get("CONTENT_TYPE", "")
    return bool(environ["REQUEST_METHOD"] == "POST" and kind.startswith("multipart/form-data"))


def pieces(environ: Environ) -> Iterator[bytes]:
    """The request's body as it comes in."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    while chunked or left > 0:
        piece = environ["wsgi.input"].read(PIECE_BYTES if chunked else min(left, PIECE_BYTES))
        if not piece:
            return
        left -= len(piece)
        yield piece


@contextlib.contextmanager
def spooled(environ: Environ) -> Iterator[None]:
    """Read the whole body into a file, so that nobody waits for a slow sender under a lock."""
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
        for piece in pieces(environ):
            body.write(piece)
        if body.tell():
            environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        yield


def body_of(environ: Environ) -> bytes:
    """The whole of a small, spooled body; it can be read again."""
    stream = environ["wsgi.input"]
    body = stream.read()
    stream.seek(0)
    return bytes(body)


def path_of(environ: Environ) -> str:
    """The request's path, percent-decoded."""
    return str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace")


def bucket_and_key(environ: Environ) -> tuple[str, str]:
    """Of a path-style S3 request; the key is empty where the request is for the bucket itself."""
    bucket, _, key = path_of(environ).removeprefix("/").partition("/")
    return bucket, key


def signed_service(environ: Environ) -> str:
    """The service in the credential scope of a header-signed request; empty without one."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2]
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) == 5 else ""


def signed(service: str, region: str = "us-east-1") -> dict[str, str]:
    """The header by which a request of our own is for a service in a region."""
    credential = f"local/20200101/{region}/{service}/aws4_request"
    words = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature="
    return {"Authorization": words}


def ask(
    app: App,
    service: str,
    method: str,
    path: str = "/",
    headers: dict[str, str] | None = None,
    body: IO[bytes] | bytes = b"",
    size: int | None = None,
) -> Response:
    """Send a request of our own to `app`; `path` is not percent-encoded, `size` that of a file."""
    environ = create_environ(
        "/",
        "http://localhost",
        method=method,
        headers={**signed(service), **(headers or {})},
        **({"data": body} if isinstance(body, bytes) else {"input_stream": body}),
    )
    if size is not None:
        environ["CONTENT_LENGTH"] = str(size)
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    environ["RAW_URI"] = environ["REQUEST_URI"] = quote(path)
    return Response(*run_wsgi_app(app, environ, buffered=True))
