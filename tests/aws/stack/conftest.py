"""A local AWS of the stack's own, in its own process, with an edge that notes what was called."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.aws.stack.edge import Edge

ROOT = Path(__file__).parents[3]
READY = "local AWS at"
ENV = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONPATH": str(ROOT),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def local_url() -> Iterator[str]:
    """The URL of a local AWS that serves for the whole session; use a prefix of your own in it."""
    port = free_port()
    argv = [sys.executable, "-m", "local.aws", "--port", str(port)]
    with subprocess.Popen(
        argv, env={**os.environ, **ENV}, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr
        try:
            assert any(READY in line for line in child.stderr), "the local AWS did not start"
            yield f"http://localhost:{port}"
        finally:
            child.terminate()
            child.communicate()


@pytest.fixture
def edge(local_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """The local AWS as boto3 finds it by its own environment variables, every call noted."""
    server = Edge(local_url).start()
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield server
    server.shutdown()
    server.server_close()
