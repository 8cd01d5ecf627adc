"""The longest that a page keeps anybody waiting while 200 clients are slow, against without them.

The site of `./gas up` (gunicorn alone), and the same behind nginx as on an instance. A quarter each
of the slow clients is silent, in the middle of its headers, and in the middle of a body, signed in
or not. All but the silent send a byte now and then; one that is hung up on comes again.
"""

import argparse
import json
import os
import re
import select
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from aws import secrets
from aws.config import load
from aws.resources import connect
from aws.stack.template import HERE
from benchmarks.jobs import base_world
from benchmarks.pages import UNLIMITED, account, visitor
from local.addresses import free_port
from local.process import Process
from local.service import LocalService
from web.app import create_app

MAX_S = 1.0
BUSY = 1.5
"""Where the machine itself makes answers take longer than MAX_S, this much longer is no wonder."""
DRIP_S = 2.0
"""A slow client sends a byte this often: more often than any of the site's time limits."""
STOP_S = 30
HEAD = "{} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.{}\r\nCookie: {}\r\n"
ADDRESSES = 4
"""nginx takes 100 requests at a time of one address."""


@dataclass
class Crowd:
    """Slow clients at a port, all of one thread."""

    port: int
    cookie: str
    clients: int
    ended: threading.Event = field(default_factory=threading.Event)
    open: dict[socket.socket, int] = field(default_factory=dict)
    hung_up: int = 0
    """How often the site closed one of them."""

    def stand(self) -> None:
        """Come, send a byte now and then, come again where hung up on; until `ended`."""
        for number in range(self.clients):
            self._come(number)
        while not self.ended.wait(DRIP_S):
            for client in select.select(list(self.open), [], [], 0)[0]:
                self._come_again(client)
            for client, number in list(self.open.items()):
                if number % 4:
                    with suppress(OSError):
                        client.send(b"x")
        for client in self.open:
            client.close()

    def _come(self, number: int) -> None:
        client = socket.create_connection(("localhost", self.port))
        client.sendall(self._beginning(number).encode())
        self.open[client] = number

    def _come_again(self, client: socket.socket) -> None:
        self.hung_up += 1
        number = self.open.pop(client)
        client.close()
        self._come(number)

    def _beginning(self, number: int) -> str:
        """The first bytes of a client, by its kind."""
        of, body = number // 4 % ADDRESSES, "Content-Length: 900000\r\n\r\nx"
        return (
            "",
            HEAD.format("GET /", of, "") + "X-Slow: x",
            HEAD.format("POST /subscribe", of, "") + body,
            HEAD.format("POST /subscribe", of, self.cookie) + body,
        )[number % 4]


@contextmanager
def crowd(port: int, cookie: str, clients: int) -> Iterator[Crowd]:
    """Slow clients, all there from the beginning of the block to its end."""
    slow = Crowd(port, cookie, clients)
    thread = threading.Thread(target=slow.stand)
    thread.start()
    while len(slow.open) < clients:
        time.sleep(0.01)
    yield slow
    slow.ended.set()
    thread.join()


def nginx(folder: Path, port: int, site: int) -> list[str]:
    """The command of an instance's front at `port`, without TLS, before a site at port `site`."""
    text = (HERE / "nginx.conf").read_text()
    text = text.replace("8443 ssl", str(port)).replace("8081", str(site))
    path = folder / "nginx.conf"
    path.write_text(re.sub(r"^ *(pid|ssl_\w+|error_log) .*;\n", "", text, flags=re.MULTILINE))
    binary = shutil.which("nginx")
    if not binary:
        sys.exit("gas: needs nginx (Debian, Ubuntu: apt install nginx-light)")
    return [binary, "-c", str(path), "-e", "stderr", "-g", f"daemon off; pid {folder}/pid;"]


@contextmanager
def front(world: LocalService) -> Iterator[int]:
    """The port of an nginx before this world's site."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        argv = nginx(Path(folder), port, world.port)
        process = Process("nginx", argv, world.env, f"http://localhost:{port}/healthz")
        world.start_tier([process])
        yield port
        process.signal(signal.SIGTERM)
        process.reap(time.monotonic() + STOP_S)


def waits(port: int, cookie: str, seconds: float) -> dict[str, list[float]]:
    """The time (s) that each answer took: pages in turn, one at a time, by new connections."""
    took: dict[str, list[float]] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path, own in (("/healthz", ""), ("/", ""), ("/annotations", cookie)):
            began = time.monotonic()
            url = f"http://localhost:{port}{path}"
            assert requests.get(url, headers={"Cookie": own}, timeout=STOP_S).status_code == 200
            took.setdefault(path, []).append(time.monotonic() - began)
    return took


def figures(took: dict[str, list[float]]) -> dict[str, Any]:
    """The number of answers, their median and the longest of them."""
    every = [s for each in took.values() for s in each]
    longest = {path: round(max(each), 3) for path, each in took.items()}
    return {"answers": len(every), "p50_s": round(statistics.median(every), 4), "p100_s": longest}


def way(port: int, cookie: str, clients: int, seconds: float) -> dict[str, Any]:
    """Without slow clients, then with them."""
    without = figures(waits(port, cookie, seconds))
    with crowd(port, cookie, clients) as slow:
        beside = figures(waits(port, cookie, seconds))
    ratio = round(max(beside["p100_s"].values()) / max(without["p100_s"].values()), 2)
    return {"without": without, "with": beside, "p100_ratio": ratio, "hung_up": slow.hung_up}


def is_kept(found: dict[str, Any]) -> bool:
    """True if all came within a second, or the machine is so busy without the crowd as well."""
    without, beside = (max(found[name]["p100_s"].values()) for name in ("without", "with"))
    return bool(beside <= max(MAX_S, BUSY * without))


def measure(clients: int, seconds: float) -> dict[str, Any]:
    """Both ways, one after the other, in one world."""
    with base_world(**UNLIMITED) as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        os.environ["GLOBUS_SDK_SERVICE_URL_AUTH"] = world.env["GLOBUS_SDK_SERVICE_URL_AUTH"]
        cloud = connect(load())
        person = visitor(
            create_app(cloud, secrets.load(cloud.config)), cloud, account(cloud).user_id
        )
        found = person.get_cookie("gas")
        assert found
        cookie = f"gas={found.value}"
        world.start_tier(world.gas[-1:])
        alone = way(world.port, cookie, clients, seconds)
        with front(world) as port:
            behind = way(port, cookie, clients, seconds)
        world.gas[-1].signal(signal.SIGTERM)
    return {"slow_clients": clients, "gunicorn_alone": alone, "behind_nginx": behind}


def main() -> None:
    """The command line: `./gas bench front`; exits 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        prog="./gas bench front", description=__doc__, epilog="example: ./gas bench front --json"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--clients", type=int, default=200, help="slow ones")
    parser.add_argument("--seconds", type=float, default=30, help="of each of the four rounds")
    args = parser.parse_args()
    found = measure(args.clients, args.seconds)
    words = "\n".join(f"{name:<16}{value}" for name, value in found.items())
    sys.stdout.write((json.dumps(found) if args.json else words) + "\n")
    sys.exit(0 if all(is_kept(found[name]) for name in ("gunicorn_alone", "behind_nginx")) else 1)


if __name__ == "__main__":
    main()
