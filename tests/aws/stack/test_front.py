"""The site in front of slow clients: behind nginx as on an instance, and alone as in `./gas up`."""

import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse

import pytest
import requests

from aws import secrets
from aws.config import load
from aws.provision import provision
from aws.resources import connect
from benchmarks.front import nginx
from local.addresses import free_port
from tests.conftest import PATIENCE_S, Handle
from tests.web.browser import visitor
from tests.web.conftest import NOWHERE, SECRETS
from web.app import create_app

ENVIRONMENT = {
    "GAS_GAS_PREFIX": "front",
    "GAS_WEB_PROXIES": "1",
    "GAS_WEB_PROCESSES": "1",
    "GAS_WEB_THREADS": "4",
    "GLOBUS_SDK_SERVICE_URL_AUTH": NOWHERE,
    "GAS_GLOBUS_ISSUER": NOWHERE,
}
CLIENT_S = 1800
"""The longest that a slow client is waited for here: no answer comes so late, on any machine."""
PATIENT_SITE = f"from web import __main__ as site; site.CLIENT_S = {CLIENT_S}; site.main()"
PATIENT = re.compile(r"(client_(?:header|body)_timeout) \d+s;")
GUNICORN_LINE = 4094
"""Bytes of a request's first line, method and version included (limit_request_line)."""
CLIENT, ATTACKERS = "198.51.100.1", [f"203.0.113.{n}" for n in range(1, 5)]
HTTP = "HTTP/1.1\r\nHost: localhost\r\n"
UNDUE_BODY = "Content-Length: 900000\r\n\r\nx"

pytestmark = pytest.mark.slow


@dataclass
class Front:
    """The address that the load balancer would ask, and the cookie of somebody signed in."""

    port: int
    cookie: str

    def get(self, path: str, cookie: str = "", of: str = CLIENT) -> requests.Response:
        headers = {"X-Forwarded-For": of, "X-Forwarded-Proto": "http", "Cookie": cookie}
        return requests.get(
            f"http://localhost:{self.port}{path}",
            headers=headers,
            timeout=PATIENCE_S,
            allow_redirects=False,
        )

    def slow(self, text: str) -> socket.socket:
        """A connection that sends so much, and no more for the time being."""
        connection = socket.create_connection(("localhost", self.port))
        connection.sendall(text.encode())
        return connection


@contextmanager
def running(argv: list[str], env: dict[str, str], port: int) -> Iterator[None]:
    """A server, once it listens, until the end of the block."""
    process = subprocess.Popen(argv, env=os.environ | env)
    deadline = time.monotonic() + PATIENCE_S
    while not _listens(port):
        assert process.poll() is None, argv
        assert time.monotonic() < deadline, argv
        time.sleep(0.05)
    yield
    process.terminate()
    process.wait(PATIENCE_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


@dataclass
class Site:
    """The address of gunicorn alone, and a front of it as an instance has it."""

    alone: Front
    front: Front


@pytest.fixture(scope="module")
def site(local_aws: Handle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        config = load()
        provision(config)
        secrets.create(config, SECRETS)
        world = connect(config)
        person = visitor(create_app(world, SECRETS), world)
    cookie = person.client.get_cookie("gas")
    assert cookie
    site = free_port()
    port = site + 1  # two draws may be the same
    folder = tmp_path_factory.mktemp("front")
    gunicorn = [sys.executable, "-c", PATIENT_SITE, "--bind", f"127.0.0.1:{site}"]
    before = nginx(folder, port, site)
    conf = folder / "nginx.conf"
    text, changes = PATIENT.subn(rf"\1 {CLIENT_S}s;", conf.read_text())
    assert changes == 2
    conf.write_text(text)
    with running(gunicorn, ENVIRONMENT, site), running(before, {}, port):
        yield Site(*(Front(at, f"gas={cookie.value}") for at in (site, port)))


@pytest.fixture
def front(site: Site) -> Front:
    return site.front


@pytest.mark.parametrize("way", ["alone", "front"])
def test_slow_clients_take_the_site_from_nobody(site: Site, way: str) -> None:
    front: Front = getattr(site, way)
    kinds = (
        "",
        "GET / HTTP/1.1\r\nHost: loc",
        f"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {{}}\r\n{UNDUE_BODY}",
        f"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {{}}\r\n"
        f"Cookie: {front.cookie}\r\n{UNDUE_BODY}",
    )
    with ExitStack() as open_connections:
        slow = [
            open_connections.enter_context(
                front.slow(kinds[n % len(kinds)].format(ATTACKERS[n % 3]))
            )
            for n in range(200)
        ]
        for path, cookie, status in (
            ("/healthz", "", 200),
            ("/", "", 200),
            ("/annotations", front.cookie, 200),
            ("/annotations", "", 302),
        ):
            assert front.get(path, cookie).status_code == status
        ended = select.select(slow, [], [], 0)[0]
        assert ended == []  # no answer had to wait until the site gave up one of them


def test_one_client_has_so_many_requests_at_a_time(front: Front) -> None:
    of = ATTACKERS[3]
    text = f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {of}\r\n{UNDUE_BODY}"
    with ExitStack() as open_connections:
        for _ in range(120):
            open_connections.enter_context(front.slow(text))
        refusal = front.get("/healthz", of=of)
        assert refusal.status_code == 429
        assert "until some are answered" in refusal.text
        assert front.get("/healthz").status_code == 200
    forged, deadline = f"{CLIENT}, {of}", time.monotonic() + PATIENCE_S
    while front.get("/healthz", of=forged).status_code != 200:  # until it has seen them all go
        assert time.monotonic() < deadline


def test_an_address_too_long_for_gunicorn_is_refused_in_our_own_words(front: Front) -> None:
    """gunicorn's own refusals are pages without the headers that the site's have."""
    for method in ("GET", "OPTIONS"):
        most = GUNICORN_LINE - len(f"{method}  HTTP/1.1")
        for length, status in ((most, 404), (most + 1, 414), (5_000, 414), (7_000, 414)):
            path = "/" + "a" * (length - 1)
            url = f"http://localhost:{front.port}{path}"
            reply = requests.request(method, url, timeout=PATIENCE_S)
            assert reply.status_code == status
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("beginning", "status", "advice"),
    [
        (f"GET /{'a' * 5_000} {HTTP}", 414, "begin at the front page"),
        (f"GET /{'a' * 9_000} {HTTP}", 414, "begin at the front page"),
        (f"GET / {HTTP}Cookie: {'a' * 9_000}\r\n", 431, "delete this site's cookies"),
        (f"GET / {HTTP}Host: localhost\r\n", 400, "reload the page"),
        (f"POST / {HTTP}Content-Length: {2 << 20}\r\n", 413, "upload a VCF"),
    ],
    ids=["long_for_gunicorn", "long_for_nginx", "headers", "malformed", "body"],
)
def test_who_is_refused_by_the_front_for_good_is_told_what_to_do(
    front: Front, beginning: str, status: int, advice: str
) -> None:
    """Such a request is refused at every try, so that to try again would be no advice."""
    with front.slow(f"{beginning}\r\n") as connection:
        reply = HTTPResponse(connection)
        reply.begin()
        words = reply.read().decode()
    assert reply.status == status
    assert reply.headers.get_content_type() == "text/plain"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert advice in words
    assert "in a minute" not in words


def test_what_is_too_large_is_refused_before_it_is_sent(front: Front) -> None:
    reply = requests.post(
        f"http://localhost:{front.port}/subscribe", data=b"x" * 2_000_000, timeout=PATIENCE_S
    )
    assert reply.status_code == 413
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "nginx/" not in reply.headers["Server"]
