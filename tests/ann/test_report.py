"""A child's report is the word of a stranger: whatever it is, the daemon goes on."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from ann import report
from ann.pipeline import Outcome, Task
from ann.records import MOST_CHARACTERS
from ann.report import MOST_READ_WHOLE, NO_ANSWER, NO_SENSE, OUTCOME, PROGRESS
from aws.rows.outputs import OUTPUTS
from tests.ann.conftest import LIMITS

GOOD = {
    "error": None,
    "crashed": False,
    "counts": {"records": 3, "annotated": 2, "not_annotated": 1},
    "result_bytes": 5,
    "result_sha256": "0" * 64,
    "reference": "rCRS",
    "is_csi": False,
}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A job that has ended, with all of its outputs."""
    folder = tmp_path / "job"
    folder.mkdir()
    for name in OUTPUTS:
        getattr(Outcome(folder), name).write_text("bytes")
    return Task(folder / "input", folder, "x.vcf", "", LIMITS)


def reported(task: Task, text: str | bytes) -> Outcome:
    (task.folder / OUTCOME).write_bytes(text if isinstance(text, bytes) else text.encode())
    return report.outcome(task)


def test_an_honest_report_is_taken_as_it_is(task: Task) -> None:
    outcome = reported(task, json.dumps(GOOD))
    assert {**asdict(outcome), "folder": None} == {**GOOD, "folder": None}


def test_no_report_is_a_crash(task: Task) -> None:
    assert report.outcome(task) == Outcome(task.folder, error=NO_ANSWER, crashed=True)


@pytest.mark.parametrize(
    "change",
    [
        {"folder": "/etc"},
        {"counts": None},
        {"counts": {"records": 3}},
        {"counts": {**GOOD["counts"], "more": 1}},  # type: ignore[dict-item]
        {"counts": {**GOOD["counts"], "records": -1}},  # type: ignore[dict-item]
        {"counts": {**GOOD["counts"], "records": "3"}},  # type: ignore[dict-item]
        {"result_bytes": True},
        {"result_bytes": 6},
        {"result_bytes": 1e3},
        {"result_sha256": "0" * 63 + "\n"},
        {"reference": "../rCRS"},
        {"crashed": True},
        {"crashed": 1},
        {"is_csi": True},
        {"error": ["no"]},
    ],
)
def test_what_is_no_outcome_is_a_crash(task: Task, change: dict[str, Any]) -> None:
    outcome = reported(task, json.dumps(GOOD | change))
    assert outcome.crashed
    assert outcome.error in (NO_SENSE, NO_ANSWER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 60_000,
        "[" * 60_000,
        b"\xff\xfe",
        '{"counts": ' + "9" * 5_000 + "}",
        json.dumps(GOOD) + " " * 70_000,
        json.dumps({name: GOOD[name] for name in list(GOOD)[1:]}),
    ],
    ids=lambda text: f"{len(text)} characters",
)
def test_what_is_no_report_is_a_crash(task: Task, text: str | bytes) -> None:
    assert reported(task, text) == Outcome(task.folder, error=NO_SENSE, crashed=True)


def test_a_failures_words_are_made_printable_and_short(task: Task) -> None:
    outcome = reported(task, json.dumps(GOOD | {"error": "\x1b[2J\nBcc: a" + "x" * 9_000}))
    assert not outcome.crashed
    assert (outcome.error or "").startswith("\ufffd[2J\ufffdBcc: a")
    assert len(outcome.error or "") <= MOST_CHARACTERS + 1


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def hard_link(path: Path) -> None:
    (path.parent.parent / "secret").write_text("bytes")
    path.hardlink_to(path.parent.parent / "secret")


def hole(path: Path) -> None:
    path.touch()
    os.truncate(path, LIMITS.max_disk_bytes + 1)


@pytest.mark.parametrize("make", [link, hard_link, os.mkfifo, Path.mkdir, hole, Path.exists])
@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_is_no_file_of_the_jobs_own_is_a_crash(
    task: Task, name: str, make: Callable[[Path], Any]
) -> None:
    path = getattr(Outcome(task.folder), name)
    path.unlink()
    make(path)
    assert reported(task, json.dumps(GOOD)).crashed


@pytest.mark.parametrize("name", ["log", "summary"])
def test_what_the_site_reads_whole_is_small(task: Task, name: str) -> None:
    """It has it in memory, with everybody's requests."""
    os.truncate(getattr(Outcome(task.folder), name), MOST_READ_WHOLE + 1)
    assert reported(task, json.dumps(GOOD)).error == NO_SENSE


@pytest.mark.parametrize("make", [link, os.mkfifo, Path.mkdir])
def test_a_report_that_is_no_file_is_not_read(task: Task, make: Callable[[Path], Any]) -> None:
    make(task.folder / OUTCOME)
    make(task.folder / PROGRESS)
    assert report.outcome(task).error == NO_SENSE
    assert report.progress(task.folder) == "starting"


def test_a_report_that_is_a_folder_costs_the_daemon_no_descriptor(task: Task) -> None:
    """It is looked at twice a second: a job could else leave its daemon without any."""
    (task.folder / PROGRESS).mkdir()
    before = psutil.Process().num_fds()
    assert report.progress(task.folder) == "starting"
    assert psutil.Process().num_fds() <= before


def test_progress_is_made_printable_and_short(task: Task) -> None:
    (task.folder / PROGRESS).write_bytes(b"reading\x00\n\xff" + b"x" * 9_000)
    words = report.progress(task.folder)
    assert words.startswith("reading\ufffd\ufffd\ufffd")
    assert len(words) <= MOST_CHARACTERS + 1
    (task.folder / PROGRESS).write_bytes(b"x" * 70_000)
    assert report.progress(task.folder) == "starting"
