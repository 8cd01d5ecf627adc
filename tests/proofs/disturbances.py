"""Outages, stopped processes, a full disk, clocks set wrong: a world disturbed, not only killed.

Each disturbance begins, lasts a while, and ends; the next one comes after a pause.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from local.process import Process
from local.service import LocalService

SERVICES = ("s3", "dynamodb", "sns", "sqs", "ses")
STOPS = 5
OUTAGE_S = 60
STOPPED_S = (8, 20)
"""Longer than the lease of a chaos run, so that what is stopped wakes as a zombie."""
FULL_S = 20
PAUSE_S = (2, 6)
SKEW_S = 90
DISK_BYTES = 400_000_000
FOR_EVER = 10**9
SILENT_S = 5.0
"""How long a service that is not quite silent keeps each request before it fails it."""


@dataclass
class Disturbances:
    """A world's disturbances, one after the other, in an order by chance."""

    world: LocalService
    seed: int
    disk: Path | None
    outage_s: float = OUTAGE_S
    ended: threading.Event = field(default_factory=threading.Event)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each kind lasted, all times together."""
    stops: int = 0
    """Processes that were stopped for a while."""

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.daemons = [p for p in self.world.gas if p.name != "web"]
        is_vault = self.world.config().archive.backend == "vault"
        self.services = (*SERVICES, "glacier") if is_vault else SERVICES

    @property
    def expected_s(self) -> float:
        """About how long all of it takes."""
        pauses_s = (STOPS + len(self.services)) * sum(PAUSE_S) / 2
        outages_s = len(self.services) * self.outage_s
        return outages_s + STOPS * sum(STOPPED_S) / 2 + FULL_S + pauses_s

    def skew_clocks(self) -> dict[str, int]:
        """Start every daemon anew with a clock of its own; the site's is right."""
        skews = {p.name: self.dice.randint(-SKEW_S, SKEW_S) for p in self.daemons}
        for process in self.daemons:
            python, _, module, *rest = process.argv
            skew = str(skews[process.name])
            process.argv = [python, "-m", "tests.proofs.skewed", skew, module, *rest]
            process.signal(signal.SIGKILL)
        return skews

    def run(self) -> None:
        """Disturb the world by each kind once, in an order by chance."""
        acts: list[tuple[str, Callable[[], None]]] = [
            *((f"outage of {name}", self._outage_of(name)) for name in self.services),
            *[("process stopped", self._stop_one)] * STOPS,
            *([("disk full", self._fill_disk)] if self.disk else []),
        ]
        self.dice.shuffle(acts)
        for name, act in acts:
            self.ended.wait(self.dice.uniform(*PAUSE_S))
            began = time.monotonic()
            act()
            self.seconds[name] = self.seconds.get(name, 0) + round(time.monotonic() - began)

    def _outage_of(self, service: str) -> Callable[[], None]:
        def outage() -> None:
            url = f"{self.world.aws_url}/_gas/fail"
            delay_s = self.dice.choice((0.0, SILENT_S))
            fault = {"service": service, "times": FOR_EVER, "delay_s": delay_s}
            requests.post(url, json=fault, timeout=30).raise_for_status()
            self.ended.wait(self.outage_s)
            requests.delete(url, timeout=30).raise_for_status()

        return outage

    def _stop_one(self) -> None:
        """SIGSTOP a daemon for longer than its leases, then let it go on."""
        process = self.dice.choice(self.daemons)
        child = process.child
        process.signal(signal.SIGSTOP)
        self.stops += 1
        self.ended.wait(self.dice.uniform(*STOPPED_S))
        if child is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGCONT)

    def _fill_disk(self) -> None:
        """Fill the annotator's disk to the last byte, in the middle of its work."""
        assert self.disk is not None
        filler = self.disk / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1_000_000))
        self.ended.wait(FULL_S)
        filler.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own at `folder`, where this machine lets us mount one; else None."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "gas-chaos", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def on_disk(process: Process, disk: Path) -> None:
    """Have a process keep its temporary files on this disk from its next start on."""
    process.env = {**process.env, "TMPDIR": str(disk)}
    process.signal(signal.SIGKILL)
