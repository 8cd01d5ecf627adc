"""Holds a job to the disk that it may use, all its files together."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from ann.csq import LimitError
from ann.task import JobLimits

Said = TypeVar("Said")
LOOK_S = 0.2
"""The least time between two looks at the folder."""
DISK_ERRORS = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
"""A want of whoever looks, not of what is looked at."""
SPILL_LIMIT = "max_temp_directory_size"
"""DuckDB's own limit of what it spills, which follows the space that the disk has left."""


MOST_FILES = 10_000
"""A job has some hundred files; without number, they would use up the disk's inodes."""
MOST_LEVELS = 50
"""A job's folders are three deep; without end, nobody could look through them."""
MOST_OF_MAPS = 4_000_000
"""Bytes that proc_pid_maps(5) has of one process: honest ones have two hundred thousand."""
TOO_MUCH = sys.maxsize
PROCESSES = Path("/proc")
NAMELESS = " (deleted)"
"""What the kernel adds to the path of a file that has no name any more."""
ENDED = "X"
STILL = ("T", "t", "Z", ENDED)
"""States of proc_pid_stat(5): stopped, traced, a zombie, dead."""
OUT_OF_SIGHT = (FileNotFoundError, ProcessLookupError, PermissionError)
"""A process that has ended, or is yet to begin with its job (`ann.forkserver`)."""


def used_bytes(folder: Path) -> int:
    """The size of all files in a folder; those that vanish meanwhile are none.

    TOO_MUCH where they are too many or too deep, or cannot be looked through. Raises OSError where
    this process has no file descriptor left.
    """
    total = files = 0
    levels = MOST_LEVELS + str(folder).count(os.sep)
    try:
        for place, folders, names, descriptor in os.fwalk(folder, onerror=_demand_to_see):
            files += len(folders) + len(names)
            if files > MOST_FILES or place.count(os.sep) > levels:
                return TOO_MUCH
            total += sum(_size(name, descriptor) for name in names)
    except OSError as fault:
        if fault.errno in NO_DESCRIPTOR:
            raise
        return TOO_MUCH
    return total


def _demand_to_see(fault: OSError) -> None:
    """Raise what keeps us from a folder, unless it has vanished."""
    if not isinstance(fault, FileNotFoundError):
        raise fault


def _size(name: str, place: int) -> int:
    with suppress(FileNotFoundError):
        return os.stat(name, dir_fd=place, follow_symlinks=False).st_size
    return 0


def nameless_bytes(folder: Path, group: int) -> int:
    """The size of a folder's files without a name, which processes of a group hold (Linux).

    The processes must be stopped: a file is else handed on from one that was looked at not yet to
    one that was. TOO_MUCH where nobody can tell, as of one that is held in memory alone.
    """
    held: dict[tuple[int, int], int] = {}
    for process in _members(group):
        try:
            held |= _nameless(process, f"{os.path.realpath(folder)}/")
        except OUT_OF_SIGHT:
            continue
        except OSError:  # ENAMETOOLONG: it holds a file whose path the kernel cannot tell
            return TOO_MUCH
    return sum(held.values())


def are_still(group: int) -> bool:
    """Tell whether each thread of a group of processes is stopped, or has ended (Linux).

    A signal that stops them takes effect some time after it was sent.
    """
    return all(
        _state(thread) in STILL for process in _members(group) for thread in _threads(process)
    )


def _threads(process: Path) -> list[Path]:
    with suppress(*OUT_OF_SIGHT):
        return list((process / "task").iterdir())
    return []


def _state(thread: Path) -> str:
    with suppress(*OUT_OF_SIGHT):
        return (thread / "stat").read_text(errors="replace").rpartition(") ")[2][:1]
    return ENDED


def _members(group: int) -> Iterator[Path]:
    for pid in os.listdir(PROCESSES) if PROCESSES.exists() else ():
        with suppress(ProcessLookupError):
            if pid.isdigit() and os.getpgid(int(pid)) == group:
                yield PROCESSES / pid


def _nameless(process: Path, path: str) -> dict[tuple[int, int], int]:
    """The sizes of the nameless files below a path that a process holds, by device and inode.

    One of its threads that has not ended speaks for all: they share memory and descriptors.
    TOO_MUCH where they have more maps than anybody looks through.
    """
    for thread in (process / "task").iterdir():
        if maps := _maps(thread):
            name, end = os.fsencode(path), NAMELESS.encode()
            held = any(name in line and line.endswith(end) for line in maps.split(b"\n"))
            if held or len(maps) > MOST_OF_MAPS:
                return {(0, 0): TOO_MUCH}
            return {(file.st_dev, file.st_ino): file.st_size for file in _open(thread, path)}
    return {}


def _maps(thread: Path) -> bytes:
    """The maps of a thread, as far as they are looked at; empty of one that has ended."""
    with (thread / "maps").open("rb") as file:
        return file.read(MOST_OF_MAPS + 1)


def _open(thread: Path, path: str) -> Iterator[os.stat_result]:
    """The nameless files below a path that a thread has open."""
    with os.scandir(thread / "fd") as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                target = os.readlink(entry.path)
                if target.startswith(path) and target.endswith(NAMELESS):
                    yield os.stat(entry.path)


class Disk:
    """The folder of one job and its limit."""

    def __init__(self, folder: Path, limits: JobLimits) -> None:
        self.folder, self.limits = folder, limits
        self.looked = 0.0

    def demand(self) -> None:
        """Raise LimitError where the job uses more than it may."""
        self.looked = time.monotonic()
        if used_bytes(self.folder) > self.limits.max_disk_bytes:
            raise LimitError.disk(self.limits)

    def watched(self, progress: Callable[[Said], None]) -> Callable[[Said], None]:
        """The same progress, with a look at the disk now and then."""

        def watch(said: Said) -> None:
            if time.monotonic() - self.looked >= LOOK_S:
                self.demand()
            progress(said)

        return watch


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Raise DuckDB's errors of the disk as OSError, of memory as MemoryError; others as they are.

    DuckDB has the number of a system's error in its text only.
    """
    try:
        yield
    except duckdb.IOException as fault:
        raise _os_error(str(fault)) or fault from None
    except duckdb.OutOfMemoryException as fault:
        if SPILL_LIMIT in str(fault):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        raise MemoryError(str(fault)) from None


def _os_error(text: str) -> OSError | None:
    number = next((number for number in DISK_ERRORS if os.strerror(number) in text), None)
    return None if number is None else OSError(number, os.strerror(number))
