"""An annotator's sign of life: a small object that tells the site how much it does, and how fast.

The site reads it (web/services/annotators.py) to say how long a job is likely to wait, and since
when no annotator has answered.
"""

import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from aws.events import Event
from aws.resources import World
from aws.storage.keys import BEACONS

log = logging.getLogger(__name__)

LATELY_S = 3600
MOST_JOBS = 1000
STOP_S = 5
"""The longest that a stop waits for a sign of life that is being written."""
Handler = Callable[[World, Event], None]


class Beacon:
    """Writes `annotators/<host>.json` in the references bucket, again and again, until it ends."""

    def __init__(self, world: World, concurrency: int, host: str = "") -> None:
        self.world, self.concurrency = world, concurrency
        self.key = f"{BEACONS}{host or socket.gethostname()}.json"
        self.ended: deque[tuple[float, float]] = deque(maxlen=MOST_JOBS)
        """The times (epoch s) at which requests came to their end, and the seconds they took."""
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._go_on, name="beacon", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self.stopping.set()
        self.thread.join(STOP_S)

    def timing(self, handle: Handler) -> Handler:
        """`handle`, with the time of each request that it brings to an end."""

        def timed(world: World, event: Event) -> None:
            began = time.monotonic()
            handle(world, event)
            self.ended.append((world.clock(), time.monotonic() - began))

        return timed

    def write(self) -> None:
        """Write what this annotator did in the last hour; a fault is logged, no more."""
        now = self.world.clock()
        took = [seconds for end, seconds in tuple(self.ended) if end > now - LATELY_S]
        document = {
            "time": now,
            "every_s": self.world.config.annotator.beacon_s,
            "concurrency": self.concurrency,
            "jobs": len(took),
            "seconds": round(sum(took), 3),
        }
        try:
            self.world.files.write(
                self.world.files.references, self.key, json.dumps(document).encode()
            )
        except Exception:
            log.exception("the sign of life could not be written")

    def _go_on(self) -> None:
        self.write()
        while not self.stopping.wait(self.world.config.annotator.beacon_s):
            self.write()
