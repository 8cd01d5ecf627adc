"""A small chaos run: real processes, killed at random, and every invariant after it."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["s3", "vault"])
def test_killing_processes_at_random_loses_nothing(backend: str) -> None:
    argv = [sys.executable, "-m", "tests.proofs.chaos", "--jobs", "30", "--seed", "4", "--json"]
    run = subprocess.run([*argv, "--backend", backend], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["violations"] == []
    assert report["kills"] > 0
    assert report["jobs"] == report["completed"] + report["failed"] >= 30
