"""The prison of a job's child: an attacker in it gets nowhere, and nothing of it is left."""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from ann import disk
from ann.csq import LimitError
from ann.disk import TOO_MUCH, used_bytes
from ann.job_folder import job_folder
from ann.pipeline import Outcome, Task
from ann.sandbox import lacking
from ann.worker import Worker
from tests.ann.attacker import NOTHING
from tests.ann.conftest import LIMITS, PATIENCE_S
from tests.ann.hiding import HIDING

pytestmark = pytest.mark.xdist_group("attacker")
"""One at a time on a machine: the processes of all are looked through for what is left."""
Attack = Callable[..., Outcome]
MARK = uuid.uuid4().hex
"""An argument of this run's attackers, by which they are told from those of another run."""


@pytest.fixture(scope="module")
def taken_over() -> Iterator[Worker]:
    """A worker whose pipeline is an attacker."""
    with Worker(("-m", "tests.ann.attacker", MARK)) as worker:
        yield worker


@pytest.fixture
def attack(taken_over: Worker, tmp_path: Path) -> Attack:
    """Runs an attack on this process, a listener of ours and a file beside the job's folder."""

    def run(**more: Any) -> Outcome:
        secret, victim, folder = (tmp_path / name for name in ("secret", "victim", "job"))
        secret.write_text("a secret")
        victim.write_text("whole")
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            known = {
                "daemon": os.getpid(),
                "port": listener.getsockname()[1],
                "victim": str(victim),
                "secrets": [str(secret), str(tmp_path), str(Path.home())],
            }
            (folder / "input").write_text(json.dumps(known | more))
            task = Task(folder / "input", folder, "x.vcf", "", LIMITS)
            outcome = taken_over.start(task).wait(PATIENCE_S)
        assert outcome is not None
        return outcome

    return run


def test_this_machine_lacks_nothing_of_the_prison() -> None:
    assert lacking() == []


def test_an_attacker_in_the_child_gets_nowhere(attack: Attack) -> None:
    assert str(attack().error).endswith(NOTHING)


def test_nothing_that_a_job_started_outlives_it(attack: Attack, taken_over: Worker) -> None:
    attack()
    assert taken_over.server is not None
    assert psutil.Process(taken_over.server.pid).children(recursive=True) == []
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if _is_attacker(p)]
    assert left == [taken_over.server.pid]


def _is_attacker(process: psutil.Process) -> bool:
    return MARK in (process.info["cmdline"] or ())


SMALL = replace(LIMITS, max_disk_bytes=1_000_000)


@pytest.fixture(scope="module")
def hider() -> Iterator[Worker]:
    """A worker whose pipeline takes up the disk and hides it."""
    with Worker(("-m", "tests.ann.hiding")) as worker:
        yield worker


@pytest.mark.parametrize("way", HIDING)
def test_no_job_hides_what_it_uses_of_the_disk(way: str, hider: Worker) -> None:
    known = {"hide": way, "bytes": SMALL.max_disk_bytes * 3 // 2}
    with job_folder() as folder:
        (folder / "input").write_text(json.dumps(known))
        run = hider.start(Task(folder / "input", folder, "x.vcf", "", SMALL))
        try:
            outcome = run.wait(PATIENCE_S)
        finally:
            run.kill()
    assert outcome, "it was not seen"
    assert outcome.error == str(LimitError.disk(SMALL))
    assert not folder.exists()


NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to look into every folder."""
    own = os.geteuid()
    os.seteuid(own or NOBODY)
    try:
        yield
    finally:
        os.seteuid(own)


def test_a_folder_that_cannot_be_looked_through_counts_as_too_much() -> None:
    with TemporaryDirectory() as name:
        os.chmod(name, 0o777)  # noqa: S103 others write there
        with as_nobody():
            closed = Path(name, "closed")
            closed.mkdir(0o300)
            (closed / "file").write_bytes(b"12345")
            assert used_bytes(Path(name)) == TOO_MUCH
            closed.chmod(0o700)
            assert used_bytes(Path(name)) == 5


def test_a_daemon_without_descriptors_takes_no_job_for_too_large(tmp_path: Path) -> None:
    code = (
        "import os, resource, sys; from pathlib import Path; from ann.disk import used_bytes\n"
        "few = len(os.listdir('/proc/self/fd')) - 1\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))\n"
        "try: print(used_bytes(Path(sys.argv[1])))\n"
        "except OSError as fault: print(fault.strerror)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "Too many open files\n"


def test_a_process_with_maps_without_end_counts_as_too_much(tmp_path: Path) -> None:
    """Its daemon would spend memory, and its time, on reading them twice a second."""
    thread = tmp_path / "task" / "1"
    (thread / "fd").mkdir(parents=True)
    line = "7f0000000000-7f0000001000 r--p 00000000 00:00 1 /job/\u00fc\n"
    (thread / "maps").write_text(line)
    assert disk._nameless(tmp_path, "/job/") == {}
    (thread / "maps").write_text(line * 100_000)
    assert disk._nameless(tmp_path, "/job/") == {(0, 0): TOO_MUCH}
