"""Holds a job to the disk that it may use, all its files together."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ann.csq import LimitError
from ann.task import JobLimits

LOOK_S = 0.2
"""The least time between two looks at the folder."""
DISK_ERRORS = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
SPILL_LIMIT = "max_temp_directory_size"
"""DuckDB's own limit of what it spills, which follows the space that the disk has left."""


def used_bytes(folder: Path) -> int:
    """The size of all files in a folder, however deep; those that vanish meanwhile are none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


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

    def watched(self, progress: Callable[[str], None]) -> Callable[[str], None]:
        """The same progress, with a look at the disk now and then."""

        def watch(words: str) -> None:
            if time.monotonic() - self.looked >= LOOK_S:
                self.demand()
            progress(words)

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
