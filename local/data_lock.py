"""One world at a time keeps its state in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.errors import UpError

OTHER = "choose another folder: ./gas up --data FOLDER"


@contextmanager
def data_lock(folder: Path, url: str) -> Iterator[int]:
    """Hold the folder for the world at `url`; yields the descriptor that holds it.

    The lock lasts as long as any process has the descriptor: a local AWS that outlives its
    supervisor keeps it. Raises UpError where the folder is in use or cannot be written.
    """
    with _open(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise UpError(f"{folder} is in use by {holder}; stop that, or {OTHER}") from None
        file.truncate(0)
        file.write(f"./gas up at {url} (process {os.getpid()})\n")
        file.flush()
        yield file.fileno()


def _open(folder: Path) -> IO[str]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (folder / "lock").open("a+", encoding="utf-8")
    except OSError as fault:
        raise UpError(f"{folder} cannot be written ({fault.strerror}); {OTHER}") from None
