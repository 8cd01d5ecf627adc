"""Reads of large objects, straight from the file that moto holds them in.

moto copies the whole object for each range of it, with everybody else waiting.
"""

import os
from collections.abc import Iterable
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl

from local.server.ranges import NotSatisfiable, Slice, Span, span_of
from local.server.restores import is_cold, stored_object
from local.server.wsgi import REASONS, App, Environ, StartResponse, bucket_and_key, s3_error

LARGE_BYTES = 1024 * 1024
OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "content-type",
    "response-expires": "expires",
}
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")


class Objects:
    """Middleware: GetObject of what is large; anything unusual goes on to moto."""

    def __init__(self, app: App, lock: RLock) -> None:
        self.app, self.lock = app, lock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        if not _is_plain_get(environ, query):
            return self.app(environ, start_response)
        with self.lock:
            stored = stored_object(*bucket_and_key(environ))
            if not _is_ours(stored, environ.get("HTTP_IF_MATCH")):
                return self.app(environ, start_response)
            headers, file = _headers(stored, query), _open(stored)
        try:
            span = span_of(environ.get("HTTP_RANGE", ""), stored.size)
        except NotSatisfiable:
            os.close(file)
            words = "The requested range is not satisfiable"
            return s3_error(start_response, 416, "InvalidRange", words)
        start_response(
            f"{span.status} {REASONS[span.status]}", list({**headers, **span.headers}.items())
        )
        return Slice(file, span)


def _is_plain_get(environ: Environ, query: dict[str, str]) -> bool:
    """Tell whether the request is for an object's bytes and nothing else."""
    plain = {name for name in query if name.startswith("X-Amz-")} | OVERRIDES.keys() | {"x-id"}
    unconditional = not any(name in environ for name in CONDITIONS)
    return environ["REQUEST_METHOD"] == "GET" and query.keys() <= plain and unconditional


def _is_ours(stored: Any, if_match: str | None) -> bool:
    if stored is None or stored.size < LARGE_BYTES or is_cold(stored):
        return False
    return if_match is None or if_match.strip('"') == stored.etag.strip('"')


def _headers(stored: Any, query: dict[str, str]) -> dict[str, str]:
    headers = {**stored.response_dict, **stored.metadata}
    headers = {name.lower(): str(value) for name, value in headers.items()}
    del headers["content-length"]
    return headers | {OVERRIDES[name]: value for name, value in query.items() if name in OVERRIDES}


def open_whole(stored: Any) -> Iterable[bytes]:
    """All of an object's bytes, as of now; a large one's are still on disk."""
    if stored.size < LARGE_BYTES:
        return [stored.value]
    return Slice(_open(stored), Span(0, stored.size - 1, stored.size))


def _open(stored: Any) -> int:
    """A descriptor of its own for the object's file, which outlives the object."""
    stored._value_buffer.flush()
    return os.dup(stored._value_buffer.fileno())
