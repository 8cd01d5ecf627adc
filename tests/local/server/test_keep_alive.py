import http.client
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import pytest

from local.server.keep_alive import KeepAliveServer
from local.server.wsgi import Environ, StartResponse, answer
from tests.conftest import PATIENCE_S
from tests.local.conftest import Clients


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers by path; the body is read where the path says so."""
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise RuntimeError("made to fail")
    if path == "/unmeasured":
        start_response("200 OK", [])
        return iter([b"of no ", b"known length"])
    body = environ["wsgi.input"].read() if path == "/read" else b"unread"
    return answer(start_response, 200, body)


@pytest.fixture
def server() -> Iterator[KeepAliveServer]:
    made = KeepAliveServer("localhost", 0, app)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.stop()
    thread.join(PATIENCE_S)
    made.server_close()


@pytest.fixture
def line(server: KeepAliveServer) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("localhost", server.server_port, timeout=PATIENCE_S)
    made.connect()
    made.auto_open = 0  # a closed connection is not opened again behind the test's back
    yield made
    made.close()


def asked(line: http.client.HTTPConnection, method: str, path: str, body: object = None) -> bytes:
    line.request(method, path, body)  # type: ignore[arg-type]
    return line.getresponse().read()


def test_a_connection_serves_one_request_after_another(line: http.client.HTTPConnection) -> None:
    assert [asked(line, "GET", "/read") for _ in range(3)] == [b""] * 3


def test_a_body_that_nobody_read_is_not_taken_for_the_next_request(
    line: http.client.HTTPConnection,
) -> None:
    assert asked(line, "PUT", "/unread", b"GET /read HTTP/1.1\r\n\r\n") == b"unread"
    assert asked(line, "PUT", "/read", b"body") == b"body"


def test_a_body_in_chunks_is_read_to_its_end(line: http.client.HTTPConnection) -> None:
    assert asked(line, "PUT", "/read", iter([b"two ", b"chunks"])) == b"two chunks"
    assert asked(line, "PUT", "/unread", iter([b"two ", b"chunks"])) == b"unread"
    assert asked(line, "PUT", "/read", b"body") == b"body"


def test_a_head_has_no_body(line: http.client.HTTPConnection) -> None:
    assert asked(line, "HEAD", "/unread") == b""
    assert asked(line, "GET", "/unread") == b"unread"


def test_an_answer_of_unknown_length_ends_with_its_connection(
    line: http.client.HTTPConnection,
) -> None:
    assert asked(line, "GET", "/unmeasured") == b"of no known length"
    with pytest.raises(http.client.NotConnected):
        asked(line, "GET", "/read")


def test_a_request_that_fails_is_answered(line: http.client.HTTPConnection) -> None:
    line.request("GET", "/fails")
    assert line.getresponse().status == 500


def test_a_client_may_have_its_connection_closed(line: http.client.HTTPConnection) -> None:
    line.request("GET", "/read", headers={"Connection": "close"})
    assert line.getresponse().getheader("Connection") == "close"


def test_a_body_that_breaks_off_is_no_request(server: KeepAliveServer) -> None:
    with socket.create_connection(("localhost", server.server_port), PATIENCE_S) as line:
        line.sendall(b"PUT /read HTTP/1.1\r\nContent-Length: 10\r\n\r\nsome")
        line.shutdown(socket.SHUT_WR)
        assert b"200" not in line.recv(100)


@pytest.mark.parametrize(
    "framing",
    ["Content-Length: some", "Content-Length: -4", "Content-Length: 4\r\nContent-Length: 5"],
)
def test_a_request_whose_end_is_unknown_is_refused(server: KeepAliveServer, framing: str) -> None:
    """Where the next one begins is unknown as well."""
    request = f"PUT /read HTTP/1.1\r\n{framing}\r\n\r\nbody"
    with socket.create_connection(("localhost", server.server_port), PATIENCE_S) as line:
        line.sendall(f"{request}GET /unread HTTP/1.1\r\n\r\n".encode())
        answers = line.makefile("rb").read()
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b" 200 " not in answers


def test_somebody_who_goes_away_before_the_answer_is_no_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    came, gone = threading.Event(), threading.Event()

    def slow(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        came.set()
        assert gone.wait(PATIENCE_S)
        return answer(start_response, 200, b"nobody reads this")

    server = KeepAliveServer("localhost", 0, slow)
    before = set(threading.enumerate())
    line = socket.create_connection(("localhost", server.server_port), PATIENCE_S)
    line.sendall(b"GET / HTTP/1.1\r\n\r\n")
    server.handle_request()
    assert came.wait(PATIENCE_S)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()  # with a reset, so that the answer is refused
    gone.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
    server.server_close()
    assert capsys.readouterr().err == ""


def test_a_stop_ends_the_connections_that_wait(
    server: KeepAliveServer, line: http.client.HTTPConnection
) -> None:
    asked(line, "GET", "/read")
    server.stop()
    assert line.sock
    assert line.sock.recv(1) == b""


def test_the_local_aws_keeps_connections(aws: Clients) -> None:
    url = urlsplit(aws.url)
    line = http.client.HTTPConnection("localhost", url.port or 0, timeout=PATIENCE_S)
    line.connect()
    line.auto_open = 0
    asked(line, "GET", "/_gas/health")
    line.request("GET", "/mail.json")
    assert line.getresponse().status == 200
    line.close()
