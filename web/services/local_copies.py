"""A folder of bounded size with copies of objects in S3; the least recently used go first."""

import contextlib
import hashlib
import os
import threading
import time
import uuid
from collections import defaultdict
from pathlib import Path

from aws.storage.files import Files
from aws.storage.stored import S3Object

PART = ".part"
ABANDONED_S = 3600
"""A download that is older than this belongs to a process that has ended."""


class TooLarge(Exception):
    """An object that has no room in the folder."""


class LocalCopies:
    """Copies of objects whose keys are written once, so that a copy is never stale.

    Several processes may share the folder: a copy appears whole or not at all.
    """

    def __init__(self, files: Files, folder: Path, max_bytes: int) -> None:
        self.files, self.folder, self.max_bytes = files, folder, max_bytes
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def fetch(self, stored: S3Object, version: str = "") -> Path:
        """The path of the object's copy, downloaded where it is not here yet.

        `version` names the contents of an object whose key may be written again.
        Raises TooLarge, or FileNotFoundError for an object that is not in S3.
        """
        name = hashlib.sha256(f"{stored.bucket}/{stored.key}{version}".encode()).hexdigest()
        path = self.folder / name
        with self._locks[name[0]]:
            if not path.exists():
                self._download(stored, path)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
        return path

    def _download(self, stored: S3Object, path: Path) -> None:
        size = self.files.size(stored.bucket, stored.key)
        if size > self.max_bytes:
            raise TooLarge(stored.key)
        _make_private(self.folder)
        self._make_room(size)
        part = path.with_name(f"{uuid.uuid4().hex}{PART}")
        try:
            self.files.download(stored.bucket, stored.key, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Delete the copies that were not used for the longest time, until `size` fits."""
        found = [(path, stat) for path in self.folder.iterdir() if (stat := _stat(path))]
        held = sum(stat.st_size for _, stat in found)
        for path, stat in sorted(found, key=lambda entry: entry[1].st_mtime):
            in_use = path.suffix == PART and stat.st_mtime > time.time() - ABANDONED_S
            if held + size > self.max_bytes and not in_use:
                path.unlink(missing_ok=True)
                held -= stat.st_size


def _stat(path: Path) -> os.stat_result | None:
    """None where another process has just deleted the file."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _make_private(folder: Path) -> None:
    """Make the folder for this user alone. Raises PermissionError where it is another's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = folder.lstat()
    if stat.st_uid != os.getuid() or folder.is_symlink() or stat.st_mode & 0o077:
        raise PermissionError(f"{folder} must belong to this user alone")
