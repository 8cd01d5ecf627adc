"""One supervised child process: started in its own group, its output prefixed, its end awaited."""

import ctypes
import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import requests

from local.readiness import ReadySocket

PR_SET_PDEATHSIG = 1
RELAY_S = 5
"""The longest that the last lines are waited for: a grandchild may hold the pipe open."""
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded here: between fork and exec it is too late to load anything."""


class Writable(Protocol):
    """A destination of lines: a file, or what has the same two methods."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


@dataclass
class Process:
    """One child: how it is started, and how its readiness shows."""

    name: str
    argv: list[str]
    env: dict[str, str]
    url: str | None = None
    """Answers 200 once the process serves; None: the process notifies NOTIFY_SOCKET."""
    after: Callable[[], None] = lambda: None
    """Called each time that the process has become ready."""
    pass_fds: tuple[int, ...] = ()
    """Descriptors that it inherits."""
    child: subprocess.Popen[str] | None = None
    relay: threading.Thread | None = None
    ready: ReadySocket | None = None
    is_ready: bool = False
    started_time: float = 0.0
    deaths: int = 0
    faults: int = 0
    fault_time: float = 0.0
    """Times that `after` failed one after the other; when it did last (monotonic s)."""

    def start(self, out: Writable) -> None:
        """Start the child in a group of its own, its output prefixed into `out`."""
        self._forget_readiness()
        self.started_time = time.monotonic()
        self.child = subprocess.Popen(  # noqa: S603
            self.argv,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=self.pass_fds,
            preexec_fn=functools.partial(_die_with, os.getpid()),
        )
        self.relay = threading.Thread(target=self._relay, args=(self.child, out), daemon=True)
        self.relay.start()

    def _environment(self) -> dict[str, str]:
        """Never the NOTIFY_SOCKET of whoever started us."""
        env = {name: value for name, value in self.env.items() if name != "NOTIFY_SOCKET"}
        if not self.url:
            self.ready = ReadySocket()
            env["NOTIFY_SOCKET"] = self.ready.path
        return env

    def _forget_readiness(self) -> None:
        self.is_ready = False
        if self.ready:
            self.ready.close()
            self.ready = None

    def _relay(self, child: subprocess.Popen[str], out: Writable) -> None:
        with child.stdout or io.StringIO() as lines:
            for line in lines:
                out.write(f"{self.name:<10}| {line}")
                out.flush()

    def serves(self) -> bool:
        """Look for its notice, or ask at its URL; return whether it serves by now."""
        if not self.is_ready:
            self.is_ready = self.ready.is_ready() if self.ready else _answers(self.url)
        return self.is_ready

    def record_fault(self) -> None:
        """Note that `after` failed: it is not ready, and perhaps no longer there."""
        self.faults, self.fault_time = self.faults + 1, time.monotonic()
        self.is_ready = False

    @property
    def is_alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, number: int) -> None:
        if self.is_alive:
            self._signal_group(number)

    def reap(self, deadline: float) -> None:
        """Wait until `deadline` (monotonic s) for the process to end, then kill its group.

        What it has still to say is written before: the caller may close the log next.
        """
        if self.child is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.1, deadline - time.monotonic()))
        self._signal_group(signal.SIGKILL)
        self.child.wait()
        if self.relay:
            self.relay.join(RELAY_S)
        self._forget_readiness()

    def _signal_group(self, number: int) -> None:
        """The group outlives its leader while any member is left."""
        if self.child:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, number)


def _die_with(parent: int) -> None:
    """Between fork and exec: have the kernel stop this child if the supervisor is killed."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def _answers(url: str | None) -> bool:
    try:
        with requests.Session() as direct:
            direct.trust_env = False  # a proxy knows nothing of this machine
            return url is not None and direct.get(url, timeout=1).ok
    except requests.RequestException:
        return False
