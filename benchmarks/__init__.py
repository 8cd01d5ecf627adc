"""Benchmarks: each figure is compared with a baseline of the same run."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.process import Process
from local.service import LocalService

STOP_S = 30


@contextmanager
def daemon(world: LocalService, module: str) -> Iterator[Process]:
    """A daemon's real process in this world, ended with the block."""
    process = Process(module, [sys.executable, "-m", module], world.env)
    process.start(world.out)
    try:
        yield process
    finally:
        process.signal(signal.SIGTERM)
        process.reap(time.monotonic() + STOP_S)


def peak_mb(process: Process) -> float:
    """The most resident memory that the process ever had, in MB (VmHWM of proc_pid_status(5))."""
    assert process.child
    status = Path(f"/proc/{process.child.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1_000_000
