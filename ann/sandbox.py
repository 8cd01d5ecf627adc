"""Ties a job's processes to their parent, and holds them to the job's limits."""

import ctypes
import os
import resource
import signal
import sys

from ann.task import JobLimits

PR_SET_PDEATHSIG = 1
MAX_FILES = 256
TOLD_TO_STOP = (signal.SIGTERM, signal.SIGINT)
"""A service manager may send these to every process; the daemon alone decides what stops."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, its parent process, dies (Linux).

    The kernel forgets this at each fork, so that every process asks for itself.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def heed_only_the_daemon() -> None:
    """Ignore requests to stop: the daemon ends us by closing our input, or by SIGKILL."""
    for number in TOLD_TO_STOP:
        signal.signal(number, signal.SIG_IGN)


def set_limits(limits: JobLimits) -> None:
    """Bound the memory, time, file size and descriptors of this process and its children."""
    memory = limits.memory_mb * 1024 * 1024
    seconds = int(limits.timeout_s) + 1
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.max_disk_bytes),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
