"""A job that has been taken over and takes up the disk without telling of it.

The upload is a JSON object: `hide` names a way, `bytes` is how much is hidden, in three pieces that
are each small enough for one file. The job then stays until it is ended.
"""

import contextlib
import ctypes
import json
import mmap
import os
import threading
import time
from collections.abc import Callable
from ctypes import c_long
from functools import partial
from pathlib import Path
from typing import Any

from ann import seccomp
from ann.pre_pass import Progress
from ann.records import VCFError
from ann.task import Outcome, Task

PIECES = 3
LONG_NAME = "d" * 250
libc = ctypes.CDLL(None)
names = seccomp.library()


def unnamed(own: Path, size: int) -> int:
    """A file of this size that is open and has no name any more."""
    path = own / "hidden"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(descriptor, size)
    path.unlink()
    return descriptor


def displaced(own: Path, size: int) -> None:
    """A file that another of its name has taken the place of."""
    path = own / "hidden"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(descriptor, size)
    (own / "other").touch()
    (own / "other").rename(path)


def born_unnamed(own: Path, size: int) -> None:
    """A file that never had a name."""
    os.ftruncate(os.open(own, os.O_RDWR | os.O_TMPFILE, 0o600), size)


def mapped(own: Path, size: int) -> mmap.mmap:
    """A file that is held by a page of it in memory alone."""
    descriptor = unnamed(own, size)
    page = mmap.mmap(descriptor, mmap.PAGESIZE, prot=mmap.PROT_READ)
    os.closerange(3, descriptor + 2)  # mmap has a descriptor of its own
    return page


def countless(own: Path, size: int) -> None:
    """Files whose number is the harm."""
    for _ in range(5_000):
        (own / f"{time.monotonic_ns()}").touch()


def handed_on(own: Path, size: int) -> None:
    """A file that one process after the other holds, none of them for long."""
    if os.fork():
        return
    unnamed(own, size)
    while not _handed_on():
        pass
    os._exit(0)


def _handed_on() -> bool:
    """True in a process that has another one now that does as it did."""
    with contextlib.suppress(BlockingIOError):  # those that have ended are not all buried yet
        return os.fork() > 0
    return False


def without_a_leader(own: Path, size: int) -> None:
    """A file that a thread holds whose process's first thread is gone."""
    if os.fork():
        return
    unnamed(own, size)
    threading.Thread(target=time.sleep, args=(600,)).start()
    libc.syscall(c_long(names.seccomp_syscall_resolve_name(b"exit")), c_long(0))


def nested(own: Path, levels: int) -> int:
    """The innermost of so many folders of long names, one in the other, opened."""
    place = os.open(own, os.O_RDONLY)
    for _ in range(levels):
        with contextlib.suppress(FileExistsError):
            os.mkdir(LONG_NAME, dir_fd=place)
        inner = os.open(LONG_NAME, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    return place


def beyond_all_paths(own: Path, size: int) -> None:
    """A file whose path is too long for the kernel."""
    place = nested(own, 20)
    with open(f"{time.monotonic_ns()}", "wb", opener=partial(os.open, dir_fd=place)) as file:
        file.truncate(size)
    os.close(place)


def unnamed_beyond_all_paths(own: Path, size: int) -> int:
    """A file without a name whose path was too long for the kernel."""
    place, name = nested(own, 20), "hidden"
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT, dir_fd=place)
    os.ftruncate(descriptor, size)
    os.unlink(name, dir_fd=place)
    return descriptor


def bottomless(own: Path, size: int) -> None:
    """Folders so deep that who calls itself for each comes to its own limit."""
    os.close(nested(own, 1_500))


HIDING: dict[str, Callable[[Path, int], Any]] = {
    "unnamed": unnamed,
    "displaced": displaced,
    "born unnamed": born_unnamed,
    "mapped": mapped,
    "countless": countless,
    "handed on": handed_on,
    "without a leader": without_a_leader,
    "beyond all paths": beyond_all_paths,
    "unnamed beyond all paths": unnamed_beyond_all_paths,
    "bottomless": bottomless,
}


def hide(task: Task, scratch: Path, progress: Progress) -> Outcome:
    """Take up so much of the disk, and stay."""
    known = json.loads(task.input.read_text(encoding="utf-8"))
    way, size = HIDING[known["hide"]], known["bytes"] // PIECES
    held = [way(task.folder, size) for _ in range(PIECES)]
    time.sleep(600)
    raise VCFError(f"{len(held)} pieces were not seen")


if __name__ == "__main__":
    from ann.forkserver import serve

    serve(hide)
