"""The names of tests, which pytest-xdist demands to be the same in every process."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tree import ROOT


def collected(seed: str) -> list[str]:
    """The ids that a fresh process collects, with strings hashed by a seed of its own."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_two_processes_collect_the_same_tests() -> None:
    first = collected("1")
    assert len(first) > 500
    assert collected("2") == first


GROUPED = """
import os

import pytest


@pytest.mark.xdist_group("alone")
@pytest.mark.parametrize("number", range(20))
def test_runs(number: int) -> None:
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.ran", "a"):
        pass
"""


def test_the_tests_of_a_group_run_in_one_process(tmp_path: Path) -> None:
    """They look through all processes of the machine, say, and must be the only ones to do so.

    pytest 9.2 names its nodes anew, so that pytest-xdist 3.8 ignores the groups without a word.
    """
    (tmp_path / "test_group.py").write_text(GROUPED, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(list(tmp_path.glob("*.ran"))) == 1
