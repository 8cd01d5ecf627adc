"""A slot's warm worker: starts each job in a child of a fork server and hears how it ended."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, cast

from ann.csq import LimitError
from ann.disk import used_bytes
from ann.forkserver import GOODBYE, OUTCOME, PROGRESS, SCRATCH, packed
from ann.pipeline import Outcome, Task

ROOT = Path(__file__).parents[1]
SHUTDOWN_S = 5
LOOK_S = 0.5
"""How often the disk that a job uses is looked at."""
KEPT_ENVIRONMENT = ("PATH", "PYTHONSAFEPATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""numpy would else start threads that we do not need, each with its own memory."""
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
        path = f"{ROOT}{os.pathsep}{kept.get('PYTHONPATH', '')}".rstrip(os.pathsep)
        self.server = subprocess.Popen(
            [sys.executable, "-m", "ann.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, **ONE_THREAD, "PYTHONPATH": path},
            bufsize=0,  # what is buffered, select does not see
            start_new_session=True,
        )

    def _end(self) -> None:
        """Take leave of the server, whose end takes its child along."""
        server = self.server
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
        self.over = False
        try:
            cast(IO[bytes], server.stdin).write(packed(task))
            self.pid = int(self._answer() or 0)
        except BrokenPipeError:
            self.pid = 0

    @property
    def progress(self) -> str:
        """The child's progress, such as `annotating 120,000 of about 1,000,000`."""
        try:
            return (self.task.folder / PROGRESS).read_text(encoding="utf-8") or "starting"
        except FileNotFoundError:
            return "starting"

    def wait(self, seconds: float) -> Outcome | None:
        """The outcome, or None if the child still runs after `seconds`; enforces the limits."""
        end = time.monotonic() + seconds
        while True:
            left = min(end, self.deadline) - time.monotonic()
            if self._has_ended(max(0, min(left, LOOK_S))):
                return self._outcome(self._ended())
            if used_bytes(self.task.folder) > self.task.limits.max_disk_bytes:
                return self._stop(str(LimitError.disk(self.task.limits)))
            if time.monotonic() >= self.deadline:
                return self._stop(str(LimitError.time(self.task.limits)))
            if time.monotonic() >= end:
                return None

    def _has_ended(self, seconds: float) -> bool:
        """True once the server has said so; waits `seconds` for it."""
        ready, _, _ = select.select([cast(IO[bytes], self.server.stdout)], [], [], seconds)
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
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.killpg(self.pid, signal.SIGKILL)

    def _ended(self) -> bytes:
        """The child's status, once it and its scratch folder are gone."""
        status = self._answer()
        self.over = True
        shutil.rmtree(self.task.folder / SCRATCH, ignore_errors=True)
        return status

    def _answer(self) -> bytes:
        """The server's next line; empty where it has died."""
        return cast(IO[bytes], self.server.stdout).readline().strip()

    def _outcome(self, status: bytes) -> Outcome:
        folder = self.task.folder
        if not status:
            return Outcome(folder, error="its process was killed", crashed=True)
        if -int(status) == signal.SIGXCPU:
            return Outcome(folder, error=str(LimitError.time(self.task.limits)))
        if int(status) < 0:
            how = f"the annotator was killed by signal {-int(status)}"
            return Outcome(folder, error=how, crashed=True)
        try:
            found = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Outcome(folder, error=NO_ANSWER, crashed=True)
        return Outcome(folder, **found)
