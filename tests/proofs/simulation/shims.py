"""Stand-ins for `threading`, `time`, `uuid` and stop requests, as the daemons see them here."""

import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aws.machine.stop_request import StopRequest
from tests.proofs.faults import Crash
from tests.proofs.simulation.scheduler import Scheduler, SimulatedProcess, Strand

MEMORY = Path("/dev/shm")  # noqa: S108 (each file in it has a name of its own)
"""Files in memory: a disk takes longer than all the rest of a run."""
OURS = ("aws.", "util.", "ann.")


class SimulatedEvent:
    """threading.Event in simulated time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.flag = scheduler, False
        self.waiting: list[Strand] = []

    def is_set(self) -> bool:
        return self.flag

    def set(self) -> None:
        self.flag = True
        for strand in self.waiting:
            self.scheduler.wake(strand)
        self.waiting = []

    def clear(self) -> None:
        self.flag = False

    def wait(self, timeout: float | None = None) -> bool:
        strand = self.scheduler.current
        if self.flag or strand is None:
            return self.flag
        self.waiting.append(strand)
        if timeout is None:
            self.scheduler.block()
        else:
            seconds = self.scheduler.stretch(timeout)
            self.scheduler.sleep(seconds)
            strand.is_lazy = False
        if strand in self.waiting:
            self.waiting.remove(strand)
        return self.flag


class SimulatedThread:
    """threading.Thread as a strand of the process that starts it; the harness's run at once."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self.scheduler = scheduler
        self.act: Callable[[], object] = lambda: target(*args, **(kwargs or {}))
        self.over = SimulatedEvent(scheduler)
        self.ident: int | None = None

    def start(self) -> None:
        self.ident = id(self)
        if self.scheduler.current is None:
            self._run()
        else:
            self.scheduler.spawn(self.scheduler.current.process, self._run)

    def _run(self) -> None:
        try:
            self.act()
        finally:
            self.over.set()

    def join(self, timeout: float | None = None) -> None:
        self.over.wait(timeout)

    def is_alive(self) -> bool:
        return self.ident is not None and not self.over.is_set()


class SimulatedLock:
    """threading.Lock or RLock: whoever finds it taken lets others run."""

    def __init__(self, scheduler: Scheduler, reentrant: bool) -> None:
        self.scheduler, self.reentrant = scheduler, reentrant
        self.owner: Strand | None = None
        self.depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = self.scheduler.current
        while self.depth and not (self.reentrant and self.owner is me):
            if not blocking:
                return False
            self.scheduler.sleep(0.01)
        self.owner, self.depth = me, self.depth + 1
        return True

    def release(self) -> None:
        self.depth -= 1

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Shim:
    """A module with some of its names replaced."""

    def __init__(self, real: Any, **names: Any) -> None:
        self._real = real
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _threading(scheduler: Scheduler) -> Shim:
    return Shim(
        threading,
        Event=lambda: SimulatedEvent(scheduler),
        Thread=lambda *args, target=None, **rest: SimulatedThread(scheduler, target, **rest),
        Lock=lambda: SimulatedLock(scheduler, reentrant=False),
        RLock=lambda: SimulatedLock(scheduler, reentrant=True),
    )


def clock_of(scheduler: Scheduler, process: SimulatedProcess | None) -> float:
    """The time of day by the clock of a process."""
    return scheduler.now + (process.skew_s + process.jump_s if process else 0.0)


def _time(scheduler: Scheduler) -> Shim:
    def wall() -> float:
        return clock_of(scheduler, scheduler.current.process if scheduler.current else None)

    def steady() -> float:
        return scheduler.now

    return Shim(time, time=wall, monotonic=steady, perf_counter=steady, sleep=scheduler.sleep)


def _exit(code: int) -> None:
    raise Crash(f"os._exit({code})")


@cache
def _places() -> list[tuple[Any, str]]:
    """Where our modules name what is to be replaced."""
    real = {"threading": threading, "time": time, "StopRequest": StopRequest}
    return [
        (module, attribute)
        for name, module in sorted(sys.modules.items())
        for attribute in real
        if name.startswith(OURS) and vars(module).get(attribute) is real[attribute]
    ]


@contextmanager
def in_simulated_time(scheduler: Scheduler) -> Iterator[pytest.MonkeyPatch]:
    """Within the block, our modules see simulated threads, clocks and random ids."""
    stand_ins = {
        "threading": _threading(scheduler),
        "time": _time(scheduler),
        "StopRequest": lambda: SimulatedEvent(scheduler),
    }
    with pytest.MonkeyPatch.context() as patch:
        for module, attribute in _places():
            patch.setattr(module, attribute, stand_ins[attribute])
        dice = random.Random(scheduler.seed)
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=dice.getrandbits(128), version=4))
        patch.setattr(os, "_exit", _exit)
        if MEMORY.is_dir():
            patch.setattr(tempfile, "tempdir", str(MEMORY))
        yield patch
