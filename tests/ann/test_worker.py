"""The fork server: limits, deaths, and that nothing outlives its job."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from ann import disk
from ann import worker as module
from ann.csq import LimitError
from ann.forkserver import hand_over
from ann.pipeline import Task
from ann.task import Annotation
from ann.worker import ServerError, Worker
from aws.config import SMALLEST
from tests.ann.conftest import LIMITS, PATIENCE_S, Annotate, vcf

LONG = vcf(*["MT 73 . A G . . ."] * 60_000)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A job that never ends by itself: nobody writes what it reads."""
    os.mkfifo(tmp_path / "input")
    return Task(tmp_path / "input", tmp_path, "long.vcf", "", LIMITS)


def _whole(task: Task) -> Task:
    """A job of the same limits that completes, in a folder of its own."""
    folder = task.folder / "again"
    folder.mkdir()
    (folder / "input").write_bytes(vcf("MT 73 . A G . . ."))
    return replace(task, folder=folder, input=folder / "input")


WAITING = (
    "import threading; from ann.forkserver import serve\n"
    "def run(task, scratch, progress):\n"
    "    progress('annotating 7 of about 9')\n"
    "    threading.Event().wait()\n"
    "serve(run)"
)


def test_the_child_can_be_watched_and_killed(task: Task) -> None:
    end = time.monotonic() + PATIENCE_S
    with Worker(("-c", WAITING)) as worker:
        run = worker.start(task)
        while run.progress == "starting" and time.monotonic() < end:
            assert run.wait(0.05) is None
        assert run.progress == "annotating 7 of about 9"
        run.kill()
        assert not psutil.pid_exists(run.pid)


def test_where_memory_is_short_the_kernel_kills_a_job_before_its_daemon(task: Task) -> None:
    end = time.monotonic() + PATIENCE_S
    with Worker(("-c", WAITING)) as worker:
        run = worker.start(task)
        while run.progress == "starting" and time.monotonic() < end:
            assert run.wait(0.05) is None
        assert worker.server is not None
        child, server, own = map(_killed_first, (run.pid, worker.server.pid, os.getpid()))
        assert (child, server) == (1000, own)
        run.kill()


def _killed_first(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_a_job_that_takes_too_long_is_stopped_with_the_limit_in_words(
    worker: Worker, task: Task
) -> None:
    outcome = worker.start(replace(task, limits=replace(LIMITS, timeout_s=0.2))).wait(PATIENCE_S)
    assert outcome is not None
    assert "longer than" in (outcome.error or "")
    assert not outcome.crashed


def test_a_child_killed_by_a_signal_is_worth_another_attempt(worker: Worker, task: Task) -> None:
    run = worker.start(task)
    os.kill(run.pid, signal.SIGSEGV)
    outcome = run.wait(PATIENCE_S)
    assert outcome is not None
    assert outcome.crashed
    assert "killed by signal 11" in (outcome.error or "")


def test_a_dead_server_is_replaced(task: Task) -> None:
    with Worker() as worker:
        run = worker.start(task)
        assert worker.server is not None
        worker.server.kill()
        outcome = run.wait(PATIENCE_S)
        assert outcome is not None
        assert outcome.crashed
        worker.server.wait()
        again = worker.start(_whole(task)).wait(PATIENCE_S)
    assert again is not None
    assert again.error is None


def test_a_server_that_could_not_be_replaced_is_replaced_later(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EAGAIN, "no process left")

    with Worker() as worker:
        assert worker.server is not None
        worker.server.kill()
        worker.server.wait()
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", refuse)
            with pytest.raises(OSError, match="no process left"):
                worker.start(task)
        outcome = worker.start(_whole(task)).wait(PATIENCE_S)
    assert outcome is not None
    assert outcome.error is None


def test_a_fork_server_that_stands_still_is_told_from_a_job_that_takes_too_long(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = replace(task, limits=replace(LIMITS, timeout_s=0.2))
    with Worker() as worker:
        run = worker.start(hasty)
        monkeypatch.setattr(module, "SERVER_S", 0.5)
        assert worker.server is not None
        worker.server.send_signal(signal.SIGSTOP)
        with pytest.raises(ServerError, match="did not answer"):
            run.wait(PATIENCE_S)
        monkeypatch.undo()
        assert _have_ended(run.pid)
        again = worker.start(_whole(task)).wait(PATIENCE_S)
    assert again is not None
    assert again.error is None


def test_a_child_that_ends_while_its_server_stands_still_is_not_waited_for_to_its_limit(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Worker() as worker:
        run = worker.start(task)
        monkeypatch.setattr(module, "SERVER_S", 0.5)
        assert worker.server is not None
        worker.server.send_signal(signal.SIGSTOP)
        os.kill(run.pid, signal.SIGKILL)
        with pytest.raises(ServerError, match="did not answer"):
            run.wait(PATIENCE_S)


def test_a_fork_server_that_never_answers_holds_no_job(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SERVER_S", 0.5)
    with Worker() as worker:
        assert worker.server is not None
        worker.server.send_signal(signal.SIGSTOP)
        with pytest.raises(ServerError, match="did not answer"):
            worker.start(task)


def test_a_fork_server_that_dies_before_it_has_begun_a_job_is_no_crash_of_its_file(
    task: Task,
) -> None:
    """As where there is no process left to fork: others may have them all."""
    with (
        Worker(("-c", "import sys; sys.stdin.readline()")) as worker,
        pytest.raises(ServerError, match="died"),
    ):
        worker.start(task)


def test_the_time_in_which_the_daemon_itself_stood_still_is_not_the_jobs(
    worker: Worker, task: Task
) -> None:
    run = worker.start(task)
    deadline = run.deadline
    run._allow_for_a_pause(0.1)
    assert run.deadline == deadline
    run._allow_for_a_pause(60)
    assert run.deadline == deadline + 60
    run.kill()


@pytest.mark.parametrize("memory_mb", [100, 140])
def test_too_little_memory_is_a_failure_not_a_thinner_result(
    annotate: Annotate, memory_mb: int
) -> None:
    limits = replace(LIMITS, memory_mb=memory_mb)
    outcome = annotate(vcf(f"MT 73 . A G . . X={'x' * 30_000_000}"), limits=limits)
    assert outcome.error == str(LimitError.memory(limits))
    assert outcome.counts is None


def test_the_least_memory_that_settings_may_grant_is_enough_for_a_small_file(
    annotate: Annotate, sequence: str
) -> None:
    """Of two samples, haplotype by haplotype, which takes most."""
    records = [
        f"MT {at} . {base} {'T' if base == 'C' else 'C'} . . . GT 0|1 1|0"
        for at, base in enumerate(sequence, 1)
        if base in "ACGT"
    ]
    body = vcf(*records).replace(b"INFO\n", b"INFO\tFORMAT\tS1\tS2\n", 1)
    outcome = annotate(body, limits=replace(LIMITS, memory_mb=SMALLEST["memory_mb"]))
    assert outcome.error is None
    assert (outcome.counts or {})["records"] == len(records)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("cannot allocate memory for thread-local data: ABORT", "os._exit(127)"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "os.abort()"),
    ],
)
def test_a_library_that_ends_a_job_for_want_of_memory_means_the_limit(
    task: Task, words: str, end: str
) -> None:
    code = (
        "import os; from ann.forkserver import serve\n"
        "def run(*_):\n"
        f"    os.write(2, {words.encode()!r} + b'\\n')\n"
        f"    {end}\n"
        "serve(run)"
    )
    with Worker(("-c", code)) as worker:
        outcome = worker.start(task).wait(PATIENCE_S)
    assert outcome is not None
    assert outcome.error == str(LimitError.memory(task.limits))
    assert not outcome.crashed


def test_threads_that_find_no_memory_are_a_limit_in_words(task: Task) -> None:
    code = (
        "import threading\n"
        "from ann.forkserver import serve\n"
        "def run(*_):\n"
        "    while True:\n"
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "serve(run)"
    )
    limits = replace(LIMITS, memory_mb=1024)
    with Worker(("-c", code)) as worker:
        outcome = worker.start(replace(task, limits=limits)).wait(PATIENCE_S)
    assert outcome is not None
    assert outcome.error == str(LimitError.memory(limits))
    assert not outcome.crashed


def test_a_job_is_weighed_once_all_of_its_threads_stand_still(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os, threading, time\n"
        "from ann.forkserver import serve\n"
        "def turn():\n"
        "    while True: os.stat('/usr')\n"
        "def run(*_):\n"
        "    os.fork(), os.fork()\n"
        "    for _ in range(4): threading.Thread(target=turn).start()\n"
        "    time.sleep(600)\n"
        "serve(run)"
    )
    with Worker(("-c", code)) as worker:
        run = worker.start(task)
        assert run.wait(0.5) is None
        monkeypatch.setattr(module, "STILL_S", PATIENCE_S)
        for _ in range(50):
            with run._standing_still():
                assert disk.are_still(run.pid)
        run.kill()


def test_the_disk_is_limited(annotate: Annotate) -> None:
    outcome = annotate(LONG, limits=replace(LIMITS, max_disk_bytes=100_000))
    assert outcome.error is not None


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_records": 10}, "more than 10 records"),
        ({"max_text_bytes": 1000}, "larger than 1,000 bytes"),
        ({"max_line_bytes": 30}, "longer than 30 bytes"),
    ],
)
def test_each_limit_is_named(annotate: Annotate, limit: dict[str, int], words: str) -> None:
    outcome = annotate(LONG, limits=replace(LIMITS, **limit))
    assert words in (outcome.error or "")
    assert not outcome.crashed


def test_the_server_has_no_credentials_in_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Worker(("-c", "import os; print(*os.environ, flush=True)")) as worker:
        assert worker.server is not None
        assert worker.server.stdout is not None
        environment = worker.server.stdout.readline().decode().split()
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith(("AWS_", "GAS_"))]


def test_the_server_hears_of_no_file_by_its_name(task: Task) -> None:
    """A file that takes over the next job's child could read it there: its memory is a copy."""
    annotation = Annotation(task.folder / "annotation", "theirs.bed", "THEIRS")
    line = hand_over(replace(task, annotation=annotation))
    assert line == json.dumps(str(task.folder)).encode() + b"\n"


def test_server_and_child_die_with_the_daemon(task: Task) -> None:
    """A daemon killed outright, in the middle of a job, leaves no process behind."""
    code = (
        "import sys; from pathlib import Path; from ann.worker import Worker;"
        "from ann.pipeline import Task; from tests.ann.conftest import LIMITS, PATIENCE_S;"
        "w = Worker(); f = Path(sys.argv[1]);"
        "r = w.start(Task(f / 'input', f, 'x', '', LIMITS));"
        "print(w.server.pid, r.pid, flush=True); r.wait(PATIENCE_S)"
    )
    daemon = subprocess.Popen(
        [sys.executable, "-c", code, str(task.folder)], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    pids = [int(pid) for pid in daemon.stdout.readline().split()]
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    assert _have_ended(*pids)


def test_what_a_finished_job_left_goes_with_a_daemon_that_is_killed(task: Task) -> None:
    """As where it is killed while it stores the result: nobody else knows the folder."""
    code = (
        "import signal, sys; from pathlib import Path; from ann.worker import Worker;"
        "from ann.pipeline import Task; from tests.ann.conftest import LIMITS, PATIENCE_S;"
        "w = Worker(); f = Path(sys.argv[1]);"
        "w.start(Task(f / 'input', f, 'x', '', LIMITS)).wait(PATIENCE_S);"
        "print(w.server.pid, flush=True); signal.pause()"
    )
    folder = _whole(task).folder
    daemon = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    server = int(daemon.stdout.readline())
    assert (folder / "result.vcf.gz").exists()
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    assert _have_ended(server)
    assert not folder.exists()


def test_a_tool_that_waits_for_ever_dies_with_its_child() -> None:
    """As csq did at its end of the pipe when nobody was left to open the other."""
    code = (
        "import os, signal; from ann.csq import start_tool;"
        "ends = os.pipe(); pid = start_tool(lambda **_: signal.pause(), [], *ends);"
        "print(pid, flush=True); signal.pause()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    tool = int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdout.close()
    assert _have_ended(tool)


def test_the_scratch_folder_goes_with_the_child(worker: Worker, task: Task) -> None:
    run = worker.start(task)
    run.kill()
    assert not (task.folder / "tmp").exists()
    run.kill()


def _have_ended(*pids: int) -> bool:
    """True once none of these runs: one that is killed ends a little later, and a zombie has."""
    deadline = time.monotonic() + PATIENCE_S
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
