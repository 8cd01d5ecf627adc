"""The folder of one job on this machine, which goes with it, or at the next start."""

import fcntl
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ann.disk import TOO_MUCH, used_bytes

log = logging.getLogger(__name__)

PREFIX = "gas-job-"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def job_folder() -> Iterator[Path]:
    """A folder for a job, locked by this process for as long as it is used."""
    folder, lock = _locked()
    try:
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def remove(folder: Path) -> None:
    """Remove a folder, however deep a job has made it; what cannot be removed is left."""
    with suppress(OSError):  # there is no descriptor, or no process, to do it with
        if used_bytes(folder) < TOO_MUCH:
            shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():  # rm(1) needs neither a frame nor a descriptor for each level
            subprocess.run(["/bin/rm", "-rf", "--", folder], check=False)  # noqa: S603 our path


def _locked() -> tuple[Path, int]:
    """A new folder and its lock; another one where it was taken for a leftover in between."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            lock = os.open(folder, FOLDER)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def remove_leftovers() -> None:
    """Remove the folders of annotators that were killed: nobody holds their locks any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            _remove(folder)
        except BlockingIOError:
            continue  # its annotator lives
        except OSError as fault:
            log.warning("%s cannot be removed: %s", folder, fault)
        else:
            log.info("removed %s, which an annotator that was killed had left", folder)


def _remove(folder: Path) -> None:
    lock = os.open(folder, FOLDER)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(folder)
        if folder.exists():
            folder.rmdir()  # which says why not
    finally:
        os.close(lock)
