"""The names of tests, which pytest-xdist demands to be the same in every process."""

import os
import subprocess
import sys

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
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_two_processes_collect_the_same_tests() -> None:
    first = collected("1")
    assert len(first) > 500
    assert collected("2") == first
