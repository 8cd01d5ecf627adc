"""The local world's supervisor inside another program, such as a demo or a test."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from aws import provision
from aws.config import Config
from local.addresses import free_port
from local.errors import UpError
from local.process import Process
from local.service import LocalService, environment
from tests.conftest import PATIENCE_S
from tests.local.conftest import eventually


def begun_and_ended(folder: Path) -> LocalService:
    """A world whose local AWS and Globus have started and stopped."""
    with (folder / "log").open("w") as log:
        world = LocalService(free_port(), None, 1, log)
        try:
            world.start_tier(world.base)
        finally:
            world.stop()
    return world


def test_a_world_within_a_program_leaves_the_programs_environment_as_it_was(
    tmp_path: Path,
) -> None:
    before = dict(os.environ)
    begun_and_ended(tmp_path)
    assert dict(os.environ) == before


class Broken:
    """Provisioning that is cut off when it is tried first, and so that the local AWS has died."""

    def __init__(self, world: LocalService, dies: bool) -> None:
        self.aws, self.dies, self.tries = world.base[0], dies, 0
        self.provision = provision.provision

    def __call__(self, config: Config) -> None:
        self.tries += 1
        if self.tries > 1:
            self.provision(config)
            return
        if self.dies and self.aws.child:
            self.aws.child.kill()
            self.aws.child.wait()
        raise EndpointConnectionError(endpoint_url="the local AWS")


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "fails"])
def test_a_local_aws_that_is_lost_while_it_is_provisioned_again_is_looked_after_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    with (tmp_path / "log").open("w") as log:
        world = LocalService(free_port(), None, 1, log)
        aws = world.base[0]
        world.gas = world.base[1:]  # no other process is needed
        supervisor = threading.Thread(target=world.supervise)
        try:
            world.start_tier(world.base)
            broken = Broken(world, dies)
            monkeypatch.setattr(provision, "provision", broken)
            aws.signal(signal.SIGKILL)
            supervisor.start()
            eventually(lambda: (broken.tries > 1 and aws.is_ready) or not supervisor.is_alive())
            assert supervisor.is_alive()
        finally:
            world.stopping.set()
            supervisor.join()
            world.stop()
    assert "aws could not be set up" in (tmp_path / "log").read_text()


def test_a_local_aws_that_is_lost_while_it_is_provisioned_first_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("w") as log:
        world = LocalService(free_port(), None, 1, log)
        broken = Broken(world, dies=True)
        monkeypatch.setattr(provision, "provision", broken)
        try:
            with pytest.raises(UpError, match="aws ended as soon as it started"):
                world.start_tier(world.base)
        finally:
            world.stop()


def test_what_a_process_says_last_is_written_before_it_counts_as_stopped() -> None:
    """The log may be closed next."""
    written: list[str] = []
    is_dead = threading.Event()

    class Slow:
        def write(self, text: str) -> None:
            is_dead.wait(PATIENCE_S)
            written.append(text)

        def flush(self) -> None:
            """Nothing is held back."""

    talker = Process("talker", [sys.executable, "-c", "print('first'); print('last')"], {}, "http")
    talker.start(Slow())
    assert talker.child
    talker.child.wait(PATIENCE_S)
    is_dead.set()
    talker.reap(0)
    assert written == ["talker    | first\n", "talker    | last\n"]


def test_private_worlds_take_ports_of_the_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_LOCAL_FIRST_PORT", "20000")
    monkeypatch.setenv("GAS_LOCAL_LAST_PORT", "20000")
    with pytest.raises(UpError, match="from 20000 to 20000; GAS_LOCAL_FIRST_PORT"):
        free_port()


def test_what_a_test_starts_keeps_to_the_ports_of_its_process() -> None:
    code = "from local.addresses import free_port; print(*(free_port() for _ in range(50)))"
    drawn = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    own = range(*(int(os.environ[f"GAS_LOCAL_{end}_PORT"]) for end in ("FIRST", "LAST")))
    assert len(own) == 1500
    assert set(map(int, drawn.stdout.split())) <= set(own)


def test_a_world_is_in_the_region_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell may name another for AWS: the local AWS publishes and saves in one region."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert environment("localhost", 5000, None, {})["AWS_DEFAULT_REGION"] == "us-east-1"
    elsewhere = environment("localhost", 5000, None, {"GAS_AWS_REGION": "eu-west-1"})
    assert elsewhere["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_world_is_no_matter_of_the_shells_proxy_and_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the proxy of an institute, in a shell that is set up for its own account at AWS."""
    nowhere = "http://127.0.0.1:9"
    for name in ("http_proxy", "HTTP_PROXY", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.delenv("no_proxy", raising=False)  # it would come before the next one
    monkeypatch.setenv("NO_PROXY", "example.org")
    world = begun_and_ended(tmp_path)
    assert world.env["no_proxy"] == world.env["NO_PROXY"] == "example.org,localhost"
    assert not {"AWS_ENDPOINT_URL_S3", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} & world.env.keys()
    assert os.environ["AWS_ENDPOINT_URL_S3"] == nowhere
