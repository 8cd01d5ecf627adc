"""A warm fork server for one slot: forks a child for each job, limits it, and reports its end.

The server is a fresh single-threaded process without credentials, so that a child costs a few
milliseconds and neither a crash nor csq's static state outlives its job.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, cast

from ann.pipeline import CrashError, GateError, Limits, Outcome, Task, run
from ann.vcf import VCFError

PR_SET_PDEATHSIG = 1
OUTCOME, PROGRESS, STDERR, SCRATCH = "outcome.json", "progress", "stderr", "tmp"
MAX_FILES = 256
SHUTDOWN_S = 5
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONSAFEPATH", "LANG", "LC_ALL", "SYSTEMROOT")
NO_ANSWER = "the annotator's child ended without an answer"


class Worker:
    """One slot's fork server; starts another one when it has died. A context manager."""

    def __init__(self) -> None:
        self.server: subprocess.Popen[bytes] | None = None
        self._begin()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self, task: Task) -> "Run":
        """Begin a job in a child of its own; one at a time."""
        if self.server is None or self.server.poll() is not None:
            self._end()
            self._begin()
        return Run(cast("subprocess.Popen[bytes]", self.server), task)

    def _begin(self) -> None:
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        self.server = subprocess.Popen(
            [sys.executable, "-m", "ann.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept,
            bufsize=0,  # what is buffered, select does not see
            start_new_session=True,
        )

    def _end(self) -> None:
        """Closing its input ends the server, which takes its child along."""
        server = self.server
        if server is None:
            return
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], server.stdin).close()
        try:
            server.wait(SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        cast(IO[bytes], server.stdout).close()


class Run:
    """One job under way in a child."""

    def __init__(self, server: "subprocess.Popen[bytes]", task: Task) -> None:
        self.server, self.task = server, task
        self.deadline = time.monotonic() + task.limits.timeout_s
        self.timed_out = False
        stdin = cast(IO[bytes], server.stdin)
        try:
            stdin.write(json.dumps(_packed(task)).encode() + b"\n")
            stdin.flush()
            self.pid = int(self._answer() or 0)
        except BrokenPipeError:
            self.pid = 0

    @property
    def progress(self) -> str:
        """A word for what the child is at."""
        try:
            return (self.task.folder / PROGRESS).read_text(encoding="utf-8") or "starting"
        except FileNotFoundError:
            return "starting"

    def wait(self, seconds: float) -> Outcome | None:
        """The outcome, or None if the child still runs after `seconds`; enforces the timeout."""
        left = self.deadline - time.monotonic()
        stdout = cast(IO[bytes], self.server.stdout)
        ready, _, _ = select.select([stdout], [], [], max(0, min(seconds, left)))
        if ready:
            return self._outcome(self._answer())
        if left > seconds:
            return None
        self.timed_out = True
        self._strike()
        return self._outcome(self._answer())

    def kill(self) -> None:
        """End the child and all it started; returns when it has ended."""
        self._strike()
        self._answer()

    def _strike(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.killpg(self.pid, signal.SIGKILL)

    def _answer(self) -> bytes:
        """The server's next line; empty where it has died."""
        return cast(IO[bytes], self.server.stdout).readline().strip()

    def _outcome(self, status: bytes) -> Outcome:
        folder = self.task.folder
        if self.timed_out:
            return Outcome(folder, error=_too_long(self.task.limits.timeout_s))
        if not status or int(status) < 0:
            how = f"it was killed by signal {-int(status)}" if status else "its process was killed"
            return Outcome(folder, error=how, crashed=True)
        try:
            told = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Outcome(folder, error=NO_ANSWER, crashed=True)
        return Outcome(folder, **told)


def _too_long(seconds: float) -> str:
    return (
        f"The annotation took longer than {seconds:,.0f} s, the limit, and was stopped. "
        "Please split the file."
    )


def _packed(task: Task) -> dict[str, Any]:
    told = asdict(task)
    return {k: str(v) if isinstance(v, Path) else v for k, v in told.items()}


def _unpacked(told: dict[str, Any]) -> Task:
    references = told["references"]
    return Task(
        **{
            **told,
            "input": Path(told["input"]),
            "folder": Path(told["folder"]),
            "limits": Limits(**told["limits"]),
            "references": Path(references) if references else None,
        }
    )


def serve() -> None:
    """The server's loop: a task a line comes in; a pid and a status, a line each, go out."""
    _die_with_parent()
    while line := sys.stdin.buffer.readline():
        pid = os.fork()
        if pid == 0:
            _child(_unpacked(json.loads(line)))
        _tell(pid)
        _tell(_await(pid))


def _await(pid: int) -> int:
    """The child's exit code (negative: a signal); killed where the daemon has gone meanwhile."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        poll = select.poll()
        poll.register(sys.stdin, select.POLLHUP)
        pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        if pidfd is not None:
            poll.register(pidfd, select.POLLIN)
        events = poll.poll(None if pidfd is not None else 50)
        if pidfd is not None:
            os.close(pidfd)
        if any(event & select.POLLHUP for _, event in events):
            os.killpg(pid, signal.SIGKILL)


def _tell(number: int) -> None:
    sys.stdout.buffer.write(b"%d\n" % number)
    sys.stdout.buffer.flush()


def _child(task: Task) -> None:
    """Run the task within its limits; the outcome is written before the exit."""
    os.setpgid(0, 0)
    _die_with_parent()
    try:
        _confine(task)
        outcome = _run(task)
        told = {f.name: getattr(outcome, f.name) for f in fields(Outcome) if f.name != "folder"}
        whole = task.folder / f"{OUTCOME}.new"
        whole.write_text(json.dumps(told), encoding="utf-8")
        whole.replace(task.folder / OUTCOME)
    finally:
        os._exit(0)


def _confine(task: Task) -> None:
    """Own scratch folder, own standard error, and no more than the task may use."""
    scratch = task.folder / SCRATCH
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    sink = os.open(task.folder / STDERR, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(sink, 2)
    os.dup2(2, 1)
    limits = task.limits
    memory = limits.memory_mb * 1024 * 1024
    seconds = int(limits.timeout_s) + 1
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.max_disk_bytes, limits.max_disk_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(task: Task) -> Outcome:
    try:
        outcome = run(task, lambda phase: _note(task, phase))
        if _last_words(task):
            raise GateError("bcftools went on after an error")
        return outcome
    except VCFError as fault:
        return Outcome(task.folder, error=str(fault))
    except MemoryError:
        return Outcome(task.folder, error=_too_much(task))
    except OSError as fault:
        return Outcome(task.folder, error=f"the disk failed: {fault.strerror}", crashed=True)
    except (CrashError, GateError) as fault:
        return Outcome(task.folder, error=f"{fault}{_last_words(task)}", crashed=True)


def _too_much(task: Task) -> str:
    return (
        f"The annotation needed more than {task.limits.memory_mb:,} MB of memory, the limit. "
        "Please split the file."
    )


def _last_words(task: Task) -> str:
    """htslib's last error, which goes past Python to standard error; paths are not for users."""
    lines = (task.folder / STDERR).read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("[E::")]
    return f" ({errors[-1].replace(str(task.folder), '')[:200]})" if errors else ""


def _note(task: Task, phase: str) -> None:
    (task.folder / PROGRESS).write_text(phase, encoding="utf-8")


def _die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    serve()
