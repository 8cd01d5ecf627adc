"""The little WSGI that the stand-ins share: answering, and keeping a request's body aside."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

SPOOL_BYTES = 8 * 1024 * 1024
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
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
    told = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
    start_response(f"{status} {REASONS.get(status, 'Error')}", list(told.items()))
    return [body]


def answer_json(start_response: StartResponse, status: int, told: Any) -> list[bytes]:
    return answer(start_response, status, json.dumps(told).encode())


def s3_error(start_response: StartResponse, status: int, code: str, words: str) -> list[bytes]:
    """An error as S3 tells it; browsers may read it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(words)}</Message></Error>"
    )
    headers = {"Access-Control-Allow-Origin": "*"}
    return answer(start_response, status, body.encode(), "application/xml", headers)


@contextlib.contextmanager
def spooled(environ: Environ) -> Iterator[None]:
    """Read the whole body into a file, so that nobody waits for a slow sender under a lock."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
        while chunked or left > 0:
            part = environ["wsgi.input"].read(65536 if chunked else min(left, 65536))
            if not part:
                break
            body.write(part)
            left -= len(part)
        if body.tell():
            environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        yield


def path_of(environ: Environ) -> str:
    """The request's path, percent-decoded."""
    return str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8", "replace")


def signed_service(environ: Environ) -> str:
    """The service in the credential scope of a header-signed request; empty without one."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2]
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) == 5 else ""


def operation(environ: Environ) -> str:
    """The operation of a JSON-protocol request (`X-Amz-Target`); empty for other protocols."""
    return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
