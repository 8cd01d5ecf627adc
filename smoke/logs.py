"""The log of all processes: CloudWatch's on AWS, a file in a local world."""

import os
from collections import deque
from collections.abc import Iterable
from typing import Any

from aws.processes import PROCESSES

FAULTS = ("AccessDenied", "Traceback", "NotAuthorized", "AuthorizationError")
"""Parts of a line that a healthy deployment never logs: refusals, and errors nobody expects."""
MOST_LINES = 50


class CloudWatchLog:
    """The log groups `/PREFIX/PROCESS`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """

    def __init__(self, logs: Any, prefix: str) -> None:
        self.logs, self.prefix = logs, prefix

    def faults(self, since: float, about: str = "") -> list[str]:
        """Lines since that time (epoch s) of faults, and those that contain `about`.

        Of each process the newest; oldest first.
        """
        words = [f'?"{text}"' for text in (*FAULTS, *([about] if about else []))]
        lines: list[tuple[int, str]] = []
        for process in PROCESSES:
            lines += self._newest(f"/{self.prefix}/{process.name}", since, " ".join(words))
        return [text.rstrip() for _, text in sorted(lines)]

    def _newest(self, group: str, since: float, pattern: str) -> Iterable[tuple[int, str]]:
        """The last MOST_LINES with their times; an empty page is not the end.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
        """
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000), filterPattern=pattern
        )
        events = (one for page in pages for one in page["events"])
        return deque(((one["timestamp"], one["message"]) for one in events), MOST_LINES)


class FileLog:
    """The log of a world that was begun with an empty file: all of it is of this run."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def faults(self, since: float, about: str = "") -> list[str]:
        """Lines of faults, and those that contain `about`."""
        size = os.fstat(self.descriptor).st_size
        text = os.pread(self.descriptor, size, 0).decode(errors="replace")
        words = (*FAULTS, *([about] if about else ()))
        return [line for line in text.splitlines() if any(word in line for word in words)]
