"""A slot's warm worker: starts each job in a child of a fork server and hears how it ended."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from ann import report
from ann.csq import LimitError
from ann.disk import are_still, nameless_bytes, used_bytes
from ann.forkserver import GOODBYE, SCRATCH, hand_over
from ann.job_folder import remove
from ann.pipeline import Outcome, Task

ROOT = Path(__file__).parents[1]
SHUTDOWN_S = 5
LOOK_S = 0.5
"""How often the disk that a job uses is looked at."""
STILL_S, STILL_LOOK_S = 1.0, 0.001
"""The longest that a job takes to stand still, so that it can be weighed; how often to look."""
KEPT_ENVIRONMENT = ("PATH", "PYTHONSAFEPATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""numpy would else start threads that we do not need, each with its own memory; glibc would set
64 MB of addresses aside for each thread, which count against a job's limit of memory.

https://man7.org/linux/man-pages/man3/mallopt.3.html
"""
SERVER_S = 60.0
"""The longest that a fork server that is well takes to answer, on a machine under load."""
PAUSE_S = 5.0
"""A look that comes this much too late: it was this process that stood still, not the job."""


class ServerError(RuntimeError):
    """The fork server does not answer: the machine is at fault, whatever the job's file."""


class Worker:
    """One slot's fork server; starts another one when it has died. A context manager."""

    def __init__(self, command: tuple[str, ...] = ("-m", "ann.forkserver")) -> None:
        self.command = command
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
        path = f"{ROOT}{os.pathsep}{kept.get('PYTHONPATH', '')}".rstrip(os.pathsep)
        self.server = subprocess.Popen(  # noqa: S603 a module of ours
            [sys.executable, *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, **ONE_THREAD, "PYTHONPATH": path},
            bufsize=0,  # what is buffered, select does not see
            start_new_session=True,
        )

    def _end(self) -> None:
        """Take leave of the server, whose end takes its child along."""
        server, self.server = self.server, None
        if server is None:
            return
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], server.stdin).write(GOODBYE)
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
        self.over, self.pid = False, 0
        self.child: list[IO[bytes]] = []
        line = hand_over(task)
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], server.stdin).write(line)
        self.pid = self._begun()
        self.child = _pidfd(self.pid)

    def _begun(self) -> int:
        """The child's process id. Raises ServerError where the server died before there was one."""
        answer = self._answer()
        if not answer:
            raise ServerError("the fork server died before it had begun the job")
        return int(answer)

    @property
    def progress(self) -> str:
        """The child's progress, such as `annotating 120,000 of about 1,000,000`."""
        return report.progress(self.task.folder)

    def wait(self, seconds: float) -> Outcome | None:
        """The outcome, or None if the child still runs after `seconds`; enforces the limits.

        Raises ServerError where the fork server does not answer.
        """
        end = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            pause_s = max(0, min(end - began, self.deadline - began, LOOK_S))
            if self._has_news(pause_s, *self.child):
                return self._outcome(self._ended())
            self._allow_for_a_pause(time.monotonic() - began - pause_s)
            if self._used_bytes() > self.task.limits.max_disk_bytes:
                return self._stop(str(LimitError.disk(self.task.limits)))
            if time.monotonic() >= self.deadline:
                return self._stop(str(LimitError.time(self.task.limits)))
            if time.monotonic() >= end:
                return None

    def _allow_for_a_pause(self, late_s: float) -> None:
        """Give the job the time in which this process was stopped, or its machine asleep."""
        if late_s >= PAUSE_S:
            self.deadline += late_s

    def _used_bytes(self) -> int:
        """The disk that the job uses, weighed while it stands still, so that nothing is moved."""
        with self._standing_still():
            folder = self.task.folder
            return used_bytes(folder) + nameless_bytes(folder, self.pid)

    @contextlib.contextmanager
    def _standing_still(self) -> Iterator[None]:
        self._signal_group(signal.SIGSTOP)
        try:
            self._wait_until_still()
            yield
        finally:
            self._signal_group(signal.SIGCONT)

    def _wait_until_still(self) -> None:
        """Wait until SIGSTOP has taken effect; a disk that is slow can keep a thread from it."""
        end = time.monotonic() + STILL_S
        while self.pid and not are_still(self.pid) and time.monotonic() < end:
            time.sleep(STILL_LOOK_S)

    def _has_news(self, seconds: float, *others: IO[bytes]) -> bool:
        """True once the server has said something, or others have news; waits `seconds` for it.

        A child's own end is news as well: its server has to say so within SERVER_S.
        """
        ready, _, _ = select.select([cast(IO[bytes], self.server.stdout), *others], [], [], seconds)
        return bool(ready)

    def _stop(self, error: str) -> Outcome:
        """End a child that wants more than it may have."""
        self._kill_group()
        self._ended()
        return Outcome(self.task.folder, error=error)

    def kill(self) -> None:
        """End the child and all it started; returns when they have ended."""
        if not self.over:
            self._kill_group()
            self._ended()

    def _kill_group(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.killpg(self.pid, number)

    def _ended(self) -> bytes:
        """The child's status, once it and its scratch folder are gone."""
        status = self._answer()
        self._forget()
        remove(self.task.folder / SCRATCH)
        return status

    def _forget(self) -> None:
        self.over = True
        for file in self.child:
            file.close()

    def _answer(self) -> bytes:
        """The server's next line; empty where it has died.

        Raises ServerError where none comes: the server is killed, and its child with it.
        """
        if not self._has_news(SERVER_S):
            self._forget()
            self.server.kill()
            self.server.wait()
            self._kill_group()
            raise ServerError(f"the fork server did not answer within {SERVER_S:.0f} s")
        return cast(IO[bytes], self.server.stdout).readline().strip()

    def _outcome(self, status: bytes) -> Outcome:
        outcome = self._told(status)
        if outcome.crashed and report.lacked_memory(self.task.folder):
            return Outcome(self.task.folder, error=str(LimitError.memory(self.task.limits)))
        return outcome

    def _told(self, status: bytes) -> Outcome:
        folder = self.task.folder
        if not status:
            self._kill_group()
            return Outcome(folder, error="its process was killed", crashed=True)
        if -int(status) == signal.SIGXCPU:
            return Outcome(folder, error=str(LimitError.time(self.task.limits)))
        if int(status) < 0:
            how = f"the annotator was killed by signal {-int(status)}"
            return Outcome(folder, error=how, crashed=True)
        return report.outcome(self.task)


def _pidfd(pid: int) -> list[IO[bytes]]:
    """A file that is readable once this process has ended; none where it cannot be had."""
    with contextlib.suppress(AttributeError, OSError):
        return [os.fdopen(os.pidfd_open(pid), "rb", buffering=0)] if pid else []
    return []
