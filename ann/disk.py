"""Holds a job to the disk that it may use, all its files together."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from ann.csq import LimitError
from ann.task import JobLimits

LOOK_S = 0.2
"""The least time between two looks at the folder."""


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
