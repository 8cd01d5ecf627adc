"""The steps of a job keep their types through the decorator that makes them transactions."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.tree import ROOT

PROBE = """
from aws.resources import World
from aws.rows.job import Job


def good(world: World) -> Job:
    return world.jobs.begin_retrieval("x", token="t", tier="Expedited")


def bad(world: World) -> None:
    world.jobs.begin_retrieval("x", tokn=1, colour="red")
    world.jobs.complete(3, nonsense=True)
    world.jobs.cancel()
    print(world.jobs.cancel("x").job_statsu)
"""
FAULTS = {
    11: ("tokn", "colour"),
    12: ("int", "nonsense"),
    13: (),
    14: ("job_statsu",),
}
"""Each line of the probe that is wrong, and the names that mypy's words for it must have."""
ERROR = re.compile(r"probe\.py:(\d+): error: (.+?)  \[")


def errors_in(probe: Path) -> dict[int, str]:
    """mypy's words for each line of a module outside the tree, under the project's strict rules."""
    config = str(ROOT / "pyproject.toml")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--config-file", config, str(probe)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    found: dict[int, str] = {}
    for number, words in ERROR.findall(done.stdout):
        found[int(number)] = f"{found.get(int(number), '')}{words}; "
    return found


def test_a_misspelt_argument_of_a_step_is_a_type_error(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE, encoding="utf-8")
    found = errors_in(probe)
    assert sorted(found) == sorted(FAULTS), found
    for number, words in FAULTS.items():
        assert [word for word in words if f'"{word}"' not in found[number]] == []
