"""Takes in whole requests before the site sees them, so that slow clients keep nobody waiting."""

import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import IO, Any

from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

IN_MEMORY_BYTES = 65_536
"""A body that is longer waits on the disk: many may wait at a time."""
TOO_SLOW = "The request did not come in time. Please try again.\n"


class WholeRequests:
    """A WSGI app that lets `concurrency` requests at a time into another, each with its whole body.

    Whoever is still sending has a thread of the server's, and those may be many more. A client
    that stops is answered with 408; a body of more than `max_bytes` is the app's to refuse.
    """

    def __init__(self, app: App, concurrency: int, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes
        self.free = threading.BoundedSemaphore(concurrency)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with ExitStack() as stack:
            body = stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
            try:
                self._take_in(environ, body)
            except BlockingIOError:  # the time limit of the socket that gunicorn listens on
                return Response(TOO_SLOW, 408)(environ, start_response)
            stack.enter_context(self.free)
            reply = self.app(environ, start_response)
            if close := getattr(reply, "close", None):
                stack.callback(close)  # the stack goes on where it raises; ClosingIterator does not
            return ClosingIterator((part for part in reply), stack.pop_all().close)

    def _take_in(self, environ: Environ, body: IO[bytes]) -> None:
        """Put the request's body in its own place, once all of it is there."""
        if int(environ.get("CONTENT_LENGTH") or 0) > self.max_bytes:
            return
        sent, left = environ["wsgi.input"], self.max_bytes + 1
        while left and (part := sent.read(min(left, IN_MEMORY_BYTES))):
            body.write(part)
            left -= len(part)
        body.seek(0)
        environ["wsgi.input"] = body
