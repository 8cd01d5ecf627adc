"""The folder of a job, and those of annotators that were killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from ann.disk import MOST_LEVELS
from ann.job_folder import job_folder, remove, remove_leftovers

HOLD = (
    "from ann.job_folder import job_folder\n"
    "with job_folder() as folder:\n"
    "    (folder / 'input').write_text('x')\n"
    "    print(folder, flush=True)\n"
    "    input()\n"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_a_jobs_folder_goes_with_it(tmp_path: Path) -> None:
    with job_folder() as folder:
        assert folder.parent == tmp_path
    assert not folder.exists()


def test_what_a_killed_annotator_left_goes_at_the_next_start_and_no_living_ones() -> None:
    command, pipe = [sys.executable, "-c", HOLD], subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().strip())
        with job_folder() as own:
            remove_leftovers()
            assert own.exists()
            assert theirs.exists()
            other.kill()
            other.wait()
            assert (theirs / "input").exists()
            remove_leftovers()
            assert own.exists()
    assert not theirs.exists()


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    for name in ("gas-trial-x", "gas", "other"):
        (tmp_path / name).mkdir()
    remove_leftovers()
    assert len(list(tmp_path.iterdir())) == 3


def test_folders_without_end_take_few_descriptors_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon has a thousand for all of its jobs."""
    place = tmp_path.joinpath(*["d"] * 4 * MOST_LEVELS)
    place.mkdir(parents=True)
    before, most, real = psutil.Process().num_fds(), 0, os.open

    def opened(*args: Any, **options: Any) -> int:
        nonlocal most
        descriptor = real(*args, **options)
        most = max(most, psutil.Process().num_fds())
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    remove(tmp_path / "d")
    assert not (tmp_path / "d").exists()
    assert most - before < 2 * MOST_LEVELS
