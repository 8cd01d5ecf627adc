"""The annotators' signs of life, and what they tell somebody who waits."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws.events import Queues
from aws.storage.files import Files
from aws.storage.keys import BEACONS

log = logging.getLogger(__name__)

FRESH_S = 5
MISSED = 3
"""An annotator that has left out so many signs of life is taken for gone."""
FORGOTTEN_S = 24 * 3600


@dataclass(frozen=True)
class Outlook:
    """The state of the queue. `waiting`: requests in it, about; None where SQS does not say.

    `last_time` (epoch s): the newest sign of life of any annotator; None: none for a day.
    `expected_s`: the time until a request put in now is taken, None where nothing tells.
    """

    answering: int
    last_time: float | None
    waiting: int | None
    expected_s: float | None


class SignsOfLife:
    """The recent work of the annotators, read again every few seconds at most."""

    def __init__(self, files: Files, queues: Queues, clock: Callable[[], float]) -> None:
        self.files, self.queues, self.clock = files, queues, clock
        self._lock = threading.Lock()
        self._outlook: Outlook | None = None
        self._until = 0.0

    def outlook(self) -> Outlook | None:
        """The outlook for a job that waits now; None while AWS does not say."""
        with self._lock:
            if self.clock() >= self._until:
                self._outlook = self._read()
                self._until = self.clock() + FRESH_S
            return self._outlook

    def _read(self) -> Outlook | None:
        try:
            return outlook(self._beacons(), self._waiting(), self.clock())
        except Exception:
            log.exception("the annotators' signs of life cannot be read")
            return None

    def _beacons(self) -> list[dict[str, Any]]:
        bucket, since = self.files.references, self.clock() - FORGOTTEN_S
        found = self.files.listing(bucket, BEACONS)
        return [self.files.read_json(bucket, o.key) for o in found if o.time > since]

    def _waiting(self) -> int:
        return self.queues.depth("job_requests").visible


def outlook(beacons: list[dict[str, Any]], waiting: int, now: float) -> Outlook:
    """Put the signs of life and the queue's length together."""
    alive = [b for b in beacons if now - b["time"] <= MISSED * b["every_s"]]
    jobs, seconds = sum(b["jobs"] for b in alive), sum(b["seconds"] for b in alive)
    slots = sum(b["concurrency"] for b in alive)
    expected = waiting * (seconds / jobs) / slots if jobs and slots else None
    last = max((float(b["time"]) for b in beacons), default=None)
    return Outlook(len(alive), last, waiting, expected)
