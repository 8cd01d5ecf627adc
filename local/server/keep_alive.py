"""HTTP that keeps connections, as AWS does: one of them serves many requests.

werkzeug's own server closes each connection behind its answer.
"""

import io
import logging
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import Message
from typing import Any, BinaryIO, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer
from werkzeug.wsgi import LimitedStream

from local.server.wsgi import PIECE_BYTES, App, Environ

log = logging.getLogger(__name__)

Reply = tuple[Any, ...]
"""What a WSGI application calls `start_response` with."""
BODILESS = (204, 304)
"""Statuses whose answers have no body (RFC 9110, 6.4.1)."""


class KeepAliveServer(ThreadedWSGIServer):
    """A thread for each connection; after `stop` none of them takes another request."""

    def __init__(self, host: str, port: int, app: App) -> None:
        self.is_stopping = False
        self.connections: set[socket.socket] = set()
        super().__init__(host, port, app, KeepAliveHandler)

    def stop(self) -> None:
        """Accept nothing more; requests under way are answered."""
        self.is_stopping = True
        self.shutdown()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


class KeepAliveHandler(MotoRequestHandler):
    """Answers the requests of one connection, and reads each to its end before the next."""

    server: KeepAliveServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Buffered: an answer's headers leave together with its body."""
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with suppress(ConnectionError):  # who has gone away gets no answer
            super().finish()

    def handle_one_request(self) -> None:
        if self.server.is_stopping:
            self.close_connection = True
        else:
            super().handle_one_request()

    def handle_expect_100(self) -> bool:
        """Have the body sent at once: the client waits for this before it does."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        try:
            environ = self.make_environ()
            body = environ["wsgi.input"] = _body(environ, self.rfile, self.headers)
        except ValueError:  # an address that is none, a length that is none
            self.close_connection = True
            self.send_error(400)
            return
        self.begun = False
        try:
            self._answer(environ)
            self.wfile.flush()
            while body.read(PIECE_BYTES):
                continue
        except (ConnectionError, ClientDisconnected):
            self.close_connection = True
        except Exception:
            log.exception("failed: %s", self.requestline)
            self.close_connection = True
            if not self.begun:
                self._begin("500 Internal Server Error", [("Content-Length", "0")])

    def _answer(self, environ: Environ) -> None:
        replies: list[Reply] = []

        def start_response(*reply: Any) -> Callable[[bytes], object]:
            replies.append(reply)
            return self.wfile.write

        parts = self.server.app(environ, start_response)
        try:
            self._send(replies, parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _send(self, replies: list[Reply], parts: Iterable[bytes]) -> None:
        """Send the answer; `replies` has its status and headers once its first part is there."""
        for part in parts:
            if not self.begun:
                self._begin(*replies[0])
            if self.has_body:
                self.wfile.write(part)
        if not self.begun:
            self._begin(*replies[0])

    def _begin(self, status: str, headers: list[tuple[str, str]], *more: Any) -> None:
        """Send status and headers; a body of unknown length ends with its connection."""
        self.begun = True
        code, _, reason = status.partition(" ")
        self.has_body = self.command != "HEAD" and int(code) not in BODILESS
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        is_measured = any(name.lower() == "content-length" for name, _ in headers)
        if self.close_connection or (self.has_body and not is_measured):
            self.send_header("Connection", "close")
        self.end_headers()

    def log_request(self, *args: Any) -> None:
        """Write no line of log for each request, unless somebody looks for a fault."""
        log.debug("%s", self.requestline)


def _body(environ: Environ, stream: Any, headers: Message) -> BinaryIO:
    """The request's body, which ends where it ends, whatever follows on the connection.

    Raises ValueError where the lengths in the headers contradict each other, or are none.
    """
    if environ.get("wsgi.input_terminated"):
        return cast(BinaryIO, io.BufferedReader(DechunkedInput(stream)))
    lengths = set(headers.get_all("Content-Length", ["0"]))
    if len(lengths) > 1 or not all(text.isdecimal() for text in lengths):
        raise ValueError(f"Content-Length: {lengths}")
    length = int(lengths.pop())
    return cast(BinaryIO, LimitedStream(stream, length)) if length else io.BytesIO()
