"""Simulated time, and the processes whose strands take turns in it."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from greenlet import getcurrent, greenlet

from tests.proofs.faults import Crash

START_S = 1_800_000_000.0
"""The simulated epoch second that every run begins at."""


@dataclass(eq=False)
class SimulatedProcess:
    """One operating system process: its strands die together and share a clock."""

    name: str
    skew_s: float = 0.0
    is_alive: bool = True
    frozen_until: float = 0.0
    jump_s: float = 0.0
    strands: "list[Strand]" = field(default_factory=list)


@dataclass(eq=False)
class Strand:
    """One thread of a simulated process."""

    process: SimulatedProcess
    act: Callable[[], object]
    turn: greenlet | None = None
    ticket: int = 0
    wake_time: float = 0.0
    is_over: bool = False
    is_idle: bool = False
    is_lazy: bool = False
    """It waits for a next look that may find nothing."""
    is_frozen: bool = False
    fault: BaseException | None = None


Appointment = tuple[float, float, int, Strand | None, Callable[[], object] | None]
"""A time, what breaks ties, the strand's ticket, and the strand, or what happens outside any."""
ANY = Strand(SimulatedProcess("outside"), lambda: None)


def _is_stale(entry: Appointment) -> bool:
    """True for an appointment whose strand has made another one since, or is over."""
    _, _, ticket, strand, _ = entry
    return strand is not None and (strand.is_over or ticket != strand.ticket)


class Scheduler:
    """Lets one strand run at a time, in the order of simulated time; ties fall by the seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.now, self.dice = seed, START_S, random.Random(seed)
        self.heap: list[Appointment] = []
        self.hub, self.count = getcurrent(), 0
        self.current: Strand | None = None
        self.strands: list[Strand] = []
        self.stretch: Callable[[float], float] = lambda seconds: seconds
        """How long a wait for an event may last instead of so many seconds."""
        self.turns = 0

    def spawn(self, process: SimulatedProcess, act: Callable[[], object]) -> Strand:
        """A new strand of the process; it begins when its turn comes."""
        strand = Strand(process, act)
        process.strands.append(strand)
        self.strands.append(strand)
        self.wake(strand)
        return strand

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Call `act` once, in so many seconds: the world outside the processes."""
        self.count += 1
        entry = (self.now + seconds, self.dice.random(), self.count, None, act)
        heapq.heappush(self.heap, entry)

    def wake(self, strand: Strand, seconds: float = 0.0) -> None:
        """Let a strand go on in so many seconds, instead of any earlier appointment."""
        strand.ticket += 1
        strand.wake_time = self.now + seconds
        entry = (self.now + seconds, self.dice.random(), strand.ticket, strand, None)
        heapq.heappush(self.heap, entry)

    def sleep(self, seconds: float) -> None:
        """Have the current strand wait; nobody else does."""
        if self.current is None:
            return
        self.wake(self.current, seconds)
        self.block()

    def block(self) -> None:
        """Have the current strand wait until something wakes it. Raises Crash in a dead process."""
        strand = self.current
        assert strand is not None
        self.hub.switch()
        if not strand.process.is_alive:
            raise Crash

    def kill(self, process: SimulatedProcess) -> None:
        """Kill a process: its strands raise Crash wherever they wait."""
        process.is_alive = False
        for strand in process.strands:
            if strand is not self.current and not strand.is_over:
                self.wake(strand)

    def freeze(self, process: SimulatedProcess, seconds: float) -> None:
        """Stop a process for so long, as SIGSTOP does."""
        process.frozen_until = max(process.frozen_until, self.now + seconds)

    def thaw(self, process: SimulatedProcess) -> None:
        """Let a frozen process go on, as SIGCONT does."""
        process.frozen_until = self.now
        for strand in process.strands:
            if strand.is_frozen:
                self.wake(strand)

    def next_time(self) -> float | None:
        """The time of the next appointment; None where there is none."""
        while self.heap and _is_stale(self.heap[0]):
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def next_busy_time(self) -> float | None:
        """The time of the next appointment of anybody who does not just look around."""
        busy = [
            entry[0]
            for entry in self.heap
            if not _is_stale(entry) and not (entry[3] or ANY).is_lazy
        ]
        return min(busy, default=None)

    def step(self) -> bool:
        """Let whoever is next take a turn; False where nobody is left."""
        when = self.next_time()
        if when is None:
            return False
        _, _, _, strand, act = heapq.heappop(self.heap)
        self.now = max(self.now, when)
        self.turns += 1
        if strand is None:
            assert act is not None
            act()
        elif strand.process.frozen_until > self.now and strand.process.is_alive:
            strand.is_frozen = True
            self.wake(strand, strand.process.frozen_until - self.now)
        else:
            self._resume(strand)
        return True

    def _resume(self, strand: Strand) -> None:
        if strand.turn is None:
            strand.turn = greenlet(lambda: self._life(strand), self.hub)
        self.current, strand.is_frozen = strand, False
        strand.turn.switch()
        self.current = None

    def _life(self, strand: Strand) -> None:
        try:
            if strand.process.is_alive:
                strand.act()
        except (Exception, Crash) as fault:
            strand.fault = fault
        finally:
            strand.is_over = True
            if strand in strand.process.strands:
                strand.process.strands.remove(strand)

    def end(self) -> None:
        """Kill everything that is left, so that nothing stays open."""
        for strand in self.strands:
            strand.process.is_alive = False
            while strand.turn is not None and not strand.is_over:
                self._resume(strand)
