"""The whole service under its supervisor: deaths, a job in mid-run, a stop, a taken port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from local.addresses import free_port
from local.people import PEOPLE
from local.visitor import Visitor
from tests.conftest import PATIENCE_S

PARTS = ["web", "annotator", "notify", "archive", "restore", "thaw", "sweep", "globus", "aws"]
MODULES = {
    "web": "web",
    "annotator": "ann.annotator",
    "aws": "local.server.app",
    "globus": "local.globus",
}
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


@dataclass
class Up:
    """A running `./gas up`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def part(self, name: str) -> psutil.Process | None:
        """The process of that name, while it lives."""
        module = MODULES.get(name)
        module = module or f"util.{name}"
        for child in psutil.Process(self.process.pid).children():
            try:
                if child.cmdline()[1:3] == ["-m", module]:
                    return child
            except psutil.Error:
                continue
        return None

    def serves(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=1).ok
        except requests.RequestException:
            return False


def until(holds: Callable[[], object], within_s: float) -> float:
    """Wait until it holds; return the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def start(folder: Path, port: int, log: Path | None = None, *options: str) -> Up:
    log = log or folder / "up.log"
    argv = [sys.executable, "-m", "local.up", "--port", str(port), "--data", str(folder / "data")]
    with log.open("wb") as out:
        process = subprocess.Popen([*argv, *options], stdout=out, stderr=subprocess.STDOUT)
    return Up(process, port, log)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = start(tmp_path_factory.mktemp("up"), free_port())
    until(lambda: b"GAS is ready" in running.log.read_bytes(), PATIENCE_S)
    yield running
    descendants = psutil.Process(running.process.pid).children(recursive=True)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(PATIENCE_S) == 0
    assert psutil.wait_procs(descendants, timeout=PATIENCE_S)[1] == [], "processes were left behind"


def test_the_job_of_a_killed_annotator_completes_on_another_attempt(up: Up, tmp_path: Path) -> None:
    victim = up.part("annotator")
    assert victim is not None
    visitor = Visitor(up.url)
    visitor.sign_in("premium")
    path = tmp_path / "held.vcf"
    path.write_text(HEADER + "MT\t73\t.\tA\tG\t.\t.\t.\n")
    with standing_still(victim.children()):
        job_id = visitor.upload(path)
        visitor.wait_until(job_id, lambda s: s["job_status"] == "RUNNING", PATIENCE_S)
        os.kill(victim.pid, signal.SIGKILL)
    status = visitor.wait(job_id, PATIENCE_S)
    assert status["job_status"] == "COMPLETED", status
    again = visitor.get(f"/annotations/{job_id}/summary").json()
    assert again["records"] == 1


@contextmanager
def standing_still(servers: list[psutil.Process]) -> Iterator[None]:
    """Hold the jobs of an annotator under way: its fork servers stand still, and end afterwards."""
    assert servers
    for server in servers:
        server.suspend()
    yield
    for server in servers:
        server.kill()


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_killed_is_back_within_seconds(up: Up, name: str) -> None:
    victim = up.part(name)
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: (part := up.part(name)) is not None and part.pid != victim.pid, PATIENCE_S)
    until(up.serves, PATIENCE_S)
    until(lambda: signs_in(up), PATIENCE_S)


def signs_in(up: Up) -> bool:
    """Whether all that a login needs answers again: the site, Globus, AWS and what is in it."""
    try:
        Visitor(up.url).sign_in("premium")
    except requests.RequestException:
        return False
    return True


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        port = free_port()
        holder.bind(("localhost", port + 1))
        running = start(tmp_path, port)
        assert running.process.wait(PATIENCE_S) == 1
    (line,) = running.log.read_text().splitlines()
    assert line.startswith(f"gas: port {port + 1} is taken")


def test_the_ready_words_name_people_mail_and_how_to_stop(up: Up) -> None:
    words = up.log.read_text().partition("GAS is ready at ")[2]
    for person in PEOPLE.values():
        assert f"{person.name} " in words
    assert f"http://localhost:{up.port + 1}/mail" in words
    assert "Ctrl-C" in words


def test_a_login_works_at_127_0_0_1_as_well(up: Up) -> None:
    visitor = Visitor(f"http://127.0.0.1:{up.port}")
    visitor.sign_in("premium")
    there = Visitor(up.url)
    there.session = visitor.session
    assert "Priya Raman" in there.get("/profile").text


def test_a_second_world_in_the_same_folder_is_refused(up: Up) -> None:
    second = start(up.log.parent, free_port(), up.log.parent / "second.log")
    assert second.process.wait(PATIENCE_S) == 1
    (line,) = second.log.read_text().splitlines()
    assert f"is in use by ./gas up at {up.url} (process {up.process.pid})" in line
    assert "--data" in line


def test_another_host_serves_there_and_only_there(tmp_path: Path) -> None:
    """127.0.0.2 stands for a lab's address: it is this machine's, and is not localhost."""
    port = free_port()
    running = start(tmp_path, port, None, "--host", "127.0.0.2")
    until(lambda: b"GAS is ready at http://127.0.0.2:" in running.log.read_bytes(), PATIENCE_S)
    visitor = Visitor(f"http://127.0.0.2:{port}")
    visitor.sign_in("premium")
    path = tmp_path / "there.vcf"
    path.write_text(HEADER + "MT\t73\t.\tA\tG\t.\t.\t.\n")
    assert visitor.wait(visitor.upload(path), PATIENCE_S)["job_status"] == "COMPLETED"
    for neighbour in range(port, port + 3):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", neighbour)) != 0
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE_S) == 0


def test_state_survives_a_stop_and_a_new_start(tmp_path: Path) -> None:
    port = free_port()
    first = start(tmp_path, port)
    until(lambda: b"GAS is ready" in first.log.read_bytes(), PATIENCE_S)
    visitor = Visitor(first.url)
    visitor.sign_in("premium")
    path = tmp_path / "kept.vcf"
    path.write_text(HEADER + "MT\t73\t.\tA\tG\t.\t.\t.\n")
    job_id = visitor.upload(path)
    visitor.wait(job_id, PATIENCE_S)
    before = visitor.get(f"/annotations/{job_id}/download").content
    first.process.send_signal(signal.SIGTERM)
    first.process.wait(PATIENCE_S)
    second = start(tmp_path, port)
    until(lambda: b"GAS is ready" in second.log.read_bytes(), PATIENCE_S)
    assert visitor.get(f"/annotations/{job_id}/download").content == before
    second.process.send_signal(signal.SIGTERM)
    second.process.wait(PATIENCE_S)
