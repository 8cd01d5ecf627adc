"""A local AWS for the whole run, and for each test a world of its own in it."""

import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest
import requests

from aws.config import Config, load
from aws.provision import provision
from aws.resources import World, connect
from local.addresses import free_port
from local.process import Process

PATIENCE_S = 180
"""The longest that a test waits for what a machine under load does late."""
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST_PORT = 20000 + 1500 * (PROCESS % 8)
os.environ["GAS_LOCAL_FIRST_PORT"] = str(FIRST_PORT)  # what a test starts keeps to them too
os.environ["GAS_LOCAL_LAST_PORT"] = str(FIRST_PORT + 1500)
CRASH_POINTS = "crash points"
"""The property by which a test tells how many it went through; their sum is printed."""

SETTINGS = {
    "GAS_ARCHIVE_AFTER_S": "0",
    "GAS_AWS_POLL_S": "1",
    "GAS_SWEEP_GRACE_S": "0",
}


class Clock:
    """A clock that a test sets: epoch seconds, running on from the real time."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s

    def advance(self, seconds: float) -> None:
        self.ahead_s += seconds

    def date(self, parsed: dict[str, Any], **_: Any) -> None:
        """Set the date of a service's answer by this clock: a handler of botocore's."""
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = formatdate(self(), usegmt=True)


class Handle:
    """The controls of the local AWS: Glacier's delays, faults, and the mail sent."""

    def __init__(self, url: str) -> None:
        self.url = url

    def settings(self, **settings: Any) -> None:
        """Change how long Glacier takes and whether it has capacity."""
        requests.put(
            f"{self.url}/_gas/settings", json=settings, timeout=PATIENCE_S
        ).raise_for_status()

    def fail(self, service: str, **fault: Any) -> None:
        """Have the next requests of a service fail."""
        fault["service"] = service
        requests.post(f"{self.url}/_gas/fail", json=fault, timeout=PATIENCE_S).raise_for_status()

    def heal(self) -> None:
        """Cancel every fault still to come."""
        requests.delete(f"{self.url}/_gas/fail", timeout=PATIENCE_S).raise_for_status()

    def archives(self, world: World) -> dict[str, str]:
        """The SHA-256 of each archive of this world, by its id: of the bytes as they are now."""
        backend, vault = world.config.archive.backend, world.config.archive.vault
        name = world.names.bucket("archive") if backend == "s3" else vault
        return dict(
            requests.get(f"{self.url}/_gas/archives", {"of": name}, timeout=PATIENCE_S).json()
        )

    def mail(self) -> list[dict[str, Any]]:
        """The mail sent, newest first."""
        return list(requests.get(f"{self.url}/mail.json", timeout=PATIENCE_S).json())


@pytest.fixture(scope="session")
def local_aws() -> Iterator[Handle]:
    """One local AWS for the run, in a process of its own, named as boto3 expects it."""
    port = free_port()
    url = f"http://localhost:{port}"
    env = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ.update(env, AWS_ENDPOINT_URL=url)
    delays = ["--expedited-s", "0.1", "--standard-s", "0.2", "--bulk-s", "0.3"]
    argv = [sys.executable, "-m", "local.server.app", "--port", str(port), *delays]
    process = Process("aws", argv, dict(os.environ), url=f"{url}/_gas/health")
    process.start(sys.stderr)
    deadline = time.monotonic() + PATIENCE_S
    while not process.serves() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    yield Handle(url)
    process.signal(signal.SIGTERM)
    process.reap(time.monotonic() + PATIENCE_S)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of crash points, test by test and whole."""
    points_of = {
        report.nodeid.partition("[")[2].rstrip("]"): points
        for report in terminalreporter.getreports("passed")
        for name, points in report.user_properties
        if name == CRASH_POINTS
    }
    if points_of:
        terminalreporter.write_sep("=", f"{sum(points_of.values())} crash points")
        for act, points in points_of.items():
            terminalreporter.write_line(f"{points:6}  {act}")


@pytest.fixture(params=["s3"])
def backend(request: pytest.FixtureRequest) -> str:
    """The archive backend; parametrize indirectly for both."""
    return str(request.param)


@pytest.fixture
def config(local_aws: Handle, backend: str) -> Config:
    """Settings under a prefix of its own, without waits."""
    os.environ["AWS_ENDPOINT_URL"] = local_aws.url  # a private world in this process has its own
    prefix = f"t{uuid.uuid4().hex[:10]}"
    own = {
        "GAS_GAS_PREFIX": prefix,
        "GAS_ARCHIVE_BACKEND": backend,
        "GAS_ARCHIVE_VAULT": prefix,
    }
    return load(env={**SETTINGS, **own})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(config: Config, clock: Clock) -> World:
    """Provisioned and empty; its stores go by the test's clock as well."""
    provision(config)
    made = connect(config, clock)
    for operation in ("s3.ListObjectsV2", "glacier.ListJobs"):
        for client in store_clients(made):
            client.meta.events.register(f"after-call.{operation}", clock.date)
    return made


def store_clients(world: World) -> list[Any]:
    """The clients of the stores: S3's, and the vault's where it has one of its own."""
    return [world.files.s3, *filter(None, [getattr(world.vault, "glacier", None)])]
