"""One supervised child process: started in its own group, its output prefixed, its end awaited."""

import ctypes
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

import requests

SERVING = " serving "
"""What each daemon logs once it receives messages."""
PR_SET_PDEATHSIG = 1


@dataclass
class Process:
    """One child: how it is started, and how it tells that it serves."""

    name: str
    argv: list[str]
    env: dict[str, str]
    answers: str | None = None
    """A URL that answers 200 once the process serves; None: it logs that it does."""
    after: Callable[[], None] = lambda: None
    """Called each time that it serves."""
    child: subprocess.Popen[str] | None = None
    serving: threading.Event = field(default_factory=threading.Event)
    started_time: float = 0.0
    deaths: int = 0

    def start(self, out: TextIO) -> None:
        """Start the child in a group of its own, its output prefixed into `out`."""
        self.serving.clear()
        self.started_time = time.monotonic()
        self.child = subprocess.Popen(  # noqa: S603
            self.argv,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        threading.Thread(target=self._relay, args=(self.child, out), daemon=True).start()

    def _relay(self, child: subprocess.Popen[str], out: TextIO) -> None:
        with child.stdout or io.StringIO() as lines:
            for line in lines:
                out.write(f"{self.name:<10}| {line}")
                out.flush()
                if not self.answers and SERVING in line:
                    self.serving.set()

    def serves(self) -> bool:
        """Whether it answers by now; asks it where it is one that can be asked."""
        if self.answers and not self.serving.is_set() and _answers(self.answers):
            self.serving.set()
        return self.serving.is_set()

    @property
    def is_alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, number: int) -> None:
        if self.is_alive and self.child:
            os.killpg(self.child.pid, number)


def _die_with_parent() -> None:
    """Between fork and exec: have the kernel stop this child if the supervisor is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def reap(process: Process, deadline: float) -> None:
    """Wait until `deadline` (monotonic s) for the process to end, then kill it."""
    if process.child is None:
        return
    try:
        process.child.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.signal(signal.SIGKILL)
        process.child.wait()
