"""The prison of a job's processes: tied to their parent, held to the job's limits and files.

They have no network, no other process, no file but the job's and those that are read to run it
(`ann.seccomp`, `ann.landlock`). What the kernel lacks of that is to be said at start: `lacking`.
"""

import ctypes
import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from ann import landlock, seccomp
from ann.task import JobLimits

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
KILLED_FIRST = "1000"
"""The most that proc_pid_oom_score_adj(5) takes: the process is as good as all of the memory."""
MB = 1024 * 1024
MAX_FILES = 256
MOST_TASKS = 512
"""Processes and threads that a job may have, beside what its user has; root may have any number."""
HARM = {
    "seccomp": "can reach the network, other processes and programs",
    "landlock": "can reach all files that the annotator can",
}
TOLD_TO_STOP = (signal.SIGTERM, signal.SIGINT)
"""A service manager may send these to every process; the daemon alone decides what stops."""
ROOT = Path(__file__).resolve().parents[1]
OURS = ("ann", "aws", "vcf", "pyproject.toml")
"""The parts of the checkout that a child reads; a local world's state may lie beside them."""
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
MACHINE = ("/proc/self/cgroup", "/sys/fs/cgroup", "/sys/devices/system/cpu/online")
"""Files that tell of memory and processors; DuckDB demands to read them."""


log = logging.getLogger(__name__)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, its parent process, dies (Linux).

    The kernel forgets this at each fork, so that every process asks for itself.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of whatever our children leave behind (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_orphans() -> None:
    """Kill all children, and those that they leave; returns when none is left."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.exists() and (pids := children.read_text(encoding="ascii").split()):
        for pid in map(int, pids):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def heed_only_the_daemon() -> None:
    """Ignore requests to stop: the daemon ends us by closing our input, or by SIGKILL."""
    for number in TOLD_TO_STOP:
        signal.signal(number, signal.SIG_IGN)


def has_room(limits: JobLimits) -> bool:
    """Tell whether this process has less memory yet than the limits grant it (Linux)."""
    sizes = Path("/proc/self/statm")  # proc_pid_statm(5): in pages, the whole of it first
    if not sizes.exists():
        return True
    pages = int(sizes.read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize() < limits.memory_mb * MB


def set_limits(limits: JobLimits) -> None:
    """Bound the memory, time, files and number of this process and its children."""
    memory = limits.memory_mb * MB
    seconds = int(limits.timeout_s) + 1
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.max_disk_bytes),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_NPROC, _users_tasks() + MOST_TASKS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _users_tasks() -> int:
    """Processes and threads that our user has, as far as we may see them."""
    user, tasks = os.geteuid(), 0
    for process in Path("/proc").glob("[1-9]*/task") if user else ():
        try:
            found = process.stat()
        except FileNotFoundError:
            continue
        tasks += (found.st_nlink - 2) * (found.st_uid == user)
    return tasks


def be_killed_first() -> None:
    """Have the kernel kill us, and all that we start, before others where memory is short (Linux).

    A job's processes have each a limit, together none; else it could have its daemon killed.
    """
    with suppress(OSError):  # a system without it, or a /proc that is read only
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST, encoding="ascii")


def prepare_prison() -> None:
    """Make once what each child and tool then takes upon itself."""
    if "seccomp" not in lacking():
        seccomp.job_filter()
        seccomp.tool_filter()


def confine(folder: Path, given: list[Path]) -> None:
    """Hold this process and all that it starts to the job's `folder`; for good (Linux).

    `given` are files and folders that it reads, besides the code that runs here.

    Raises OSError where the kernel has the means and refuses them.
    """
    absent = lacking()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if "landlock" not in absent:
        landlock.restrict([*_code(), *given], [Path(os.devnull)], folder)
    if "seccomp" not in absent:
        seccomp.job_filter().load()


def forbid_forks() -> None:
    """Let this process, a tool that is given a user's records, start no other; for good."""
    if "seccomp" not in lacking():
        seccomp.tool_filter().load()


@cache
def lacking() -> list[str]:
    """The parts of the prison that this machine lacks: some of `seccomp`, `landlock`."""
    is_linux = sys.platform == "linux"
    there = {
        "seccomp": is_linux and seccomp.is_there(),
        "landlock": is_linux and landlock.version() >= landlock.OLDEST,
    }
    return [name for name, is_there in there.items() if not is_there]


def tell_what_is_lacking() -> None:
    """Say in the log what jobs can do here that they must not."""
    for means in lacking():
        log.warning("no %s here: a file that takes over a job's process %s", means, HARM[means])


def _code() -> list[Path]:
    """The code that runs here, with its libraries, and what it asks of the machine."""
    python = {sys.prefix, sys.base_prefix, *sys.path} - {"", str(ROOT)}
    return [
        *(Path(path) for path in (*SYSTEM, *MACHINE, *sorted(python))),
        *(ROOT / name for name in OURS),
    ]


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
