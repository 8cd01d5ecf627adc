"""Whole requests: who is still sending keeps nobody from the site."""

import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from tests.conftest import PATIENCE_S
from web.whole_requests import IN_MEMORY_BYTES, TOO_SLOW, WholeRequests

MAX_BYTES = 200_000


class SlowBody(BytesIO):
    """A body whose reader waits until the client goes on."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.asked, self.goes_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.asked.set()
        assert self.goes_on.wait(PATIENCE_S)
        return super().read(size)


class NotedReads(BytesIO):
    """A body that notes how much of it is wanted at a time."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.sizes: list[int | None] = []

    def read(self, size: int | None = -1) -> bytes:
        self.sizes.append(size)
        return super().read(size)


class GivenUp(BytesIO):
    """A body of which no more comes: the socket's time limit ends the wait."""

    def read(self, size: int | None = -1) -> bytes:
        raise BlockingIOError


@Request.application
def echo(request: Request) -> Response:
    return Response(request.get_data())


@Request.application
def refuse(_: Request) -> Response:
    return Response(status=413)


def ask(app: WholeRequests, body: BytesIO | bytes = b"") -> tuple[str, bytes]:
    """The status and the body of the answer to a POST."""
    sent = BytesIO(body) if isinstance(body, bytes) else body
    environ = EnvironBuilder(method="POST", input_stream=sent).get_environ()
    length = str(sent.getbuffer().nbytes)
    environ |= {"wsgi.input_terminated": True, "CONTENT_LENGTH": length}
    reply, status, _ = run_wsgi_app(app, environ, buffered=True)
    return status, b"".join(reply)


def test_whoever_is_still_sending_keeps_nobody_from_the_site() -> None:
    app = WholeRequests(echo, 1, MAX_BYTES)
    slow = [SlowBody(b"at last") for _ in range(20)]
    with ThreadPoolExecutor(len(slow)) as pool:
        answers = [pool.submit(ask, app, body) for body in slow]
        assert all(body.asked.wait(PATIENCE_S) for body in slow)
        assert ask(app, b"at once") == ("200 OK", b"at once")
        assert not any(answer.done() for answer in answers)
        for body in slow:
            body.goes_on.set()
        assert {answer.result() for answer in answers} == {("200 OK", b"at last")}


def test_so_many_are_in_the_site_at_a_time_until_their_answers_are_sent() -> None:
    app = WholeRequests(echo, 1, MAX_BYTES)
    environ = EnvironBuilder(method="GET").get_environ()
    reply = app(environ, lambda *_: None)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(ask, app, read := SlowBody(b"second"))
        read.goes_on.set()
        assert read.asked.wait(PATIENCE_S)
        assert not second.done()
        reply.close()  # type: ignore[attr-defined]
        assert second.result(PATIENCE_S) == ("200 OK", b"second")


def test_whoever_stops_is_told_so_and_takes_no_place() -> None:
    app = WholeRequests(echo, 1, MAX_BYTES)
    status, words = ask(app, GivenUp())
    assert (status, words) == ("408 REQUEST TIMEOUT", TOO_SLOW.encode())
    assert ask(app, b"next") == ("200 OK", b"next")


def test_a_fault_of_the_site_takes_no_place_either() -> None:
    def broken(*_: object) -> list[bytes]:
        raise ZeroDivisionError

    app = WholeRequests(broken, 1, MAX_BYTES)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            ask(app)


def test_an_answer_that_fails_while_it_is_closed_takes_no_place() -> None:
    def close() -> None:
        raise ZeroDivisionError

    def unclosable(*_: object) -> ClosingIterator:
        return ClosingIterator([b""], close)

    app = WholeRequests(unclosable, 1, MAX_BYTES)
    for _ in range(2):
        reply = app(EnvironBuilder().get_environ(), lambda *_: None)
        with pytest.raises(ZeroDivisionError):
            reply.close()  # type: ignore[attr-defined]
        assert app.free.acquire(blocking=False)
        app.free.release()


@pytest.mark.parametrize("size", [0, IN_MEMORY_BYTES, IN_MEMORY_BYTES + 1, MAX_BYTES])
def test_a_body_comes_as_it_was_sent(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert ask(WholeRequests(echo, 1, MAX_BYTES), body) == ("200 OK", body)


def test_a_body_that_is_too_long_is_left_to_the_site_unread() -> None:
    body = BytesIO(b"x" * (MAX_BYTES + 1))
    ask(WholeRequests(refuse, 1, MAX_BYTES), body)
    assert body.tell() == 0


def test_a_long_body_is_in_memory_a_part_at_a_time() -> None:
    body = NotedReads(b"x" * MAX_BYTES)
    assert ask(WholeRequests(echo, 1, MAX_BYTES), body)[1] == body.getvalue()
    assert {size for size in body.sizes if not 0 < (size or 0) <= IN_MEMORY_BYTES} == set()


def test_of_a_body_of_unknown_length_no_more_is_read_than_shows_that_it_is_too_long() -> None:
    body = BytesIO(b"x" * (2 * MAX_BYTES))
    environ = EnvironBuilder(method="POST", input_stream=body).get_environ()
    environ |= {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    reply, *_ = run_wsgi_app(WholeRequests(echo, 1, MAX_BYTES), environ, buffered=True)
    assert len(b"".join(reply)) == body.tell() == MAX_BYTES + 1
