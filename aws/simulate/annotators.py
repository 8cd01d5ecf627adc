"""The annotators: a queue of jobs, and instances that protect themselves while they work."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from aws.machine.instance import IDLE_S
from aws.simulate.clock import MINUTE_S
from aws.simulate.group import SimulatedInstance
from aws.simulate.run import SimulationRun

ACTIVE_S = 6 * 3600
"""SQS reports a queue's metrics for this long after the last action on it; a receive is one.

"Available CloudWatch metrics for Amazon SQS" and "Creating CloudWatch alarms for Amazon SQS
metrics", SQS developer guide."""


@dataclass(eq=False)
class SimulatedJob:
    """A job that takes `seconds`; its times are seconds of the run."""

    arrived: float
    seconds: float
    started: float = 0.0
    finished: float | None = None
    attempts: int = 0


class Annotators:
    """The tier: deletes a message when its job is done, redoes a job that was interrupted."""

    def __init__(
        self,
        jobs: Sequence[SimulatedJob],
        concurrency: int = 1,
        protects: bool = True,
        seed: int = 1,
    ) -> None:
        self.jobs, self.concurrency, self.protects = jobs, concurrency, protects
        self.interrupted = 0
        self.reports_none_in_flight = True
        """False where SQS leaves NotVisible out when it is 0: its page can be read that way."""
        self._random = Random(seed)  # noqa: S311 (a simulation)
        self._coming = iter(jobs)
        self._waiting: deque[SimulatedJob] = deque()
        self._running: dict[SimulatedInstance, list[SimulatedJob]] = {}
        self._last_job: dict[SimulatedInstance, SimulatedJob] = {}
        self._sent = self._done = 0
        self._last_action = 0.0

    @property
    def finished(self) -> bool:
        """True once all jobs are done."""
        return self._done == len(self.jobs)

    def begin(self, simulation: SimulationRun) -> None:
        """Set the group's hooks and schedule the first job."""
        self._clock, self._group, self._metrics = (
            simulation.clock,
            simulation.group,
            simulation.metrics,
        )
        self._group.on_in_service = self._join
        self._group.on_terminating = self._leave
        self._expect_next()

    def read_gauges(self, minute: int) -> None:
        """Publish the depths of the queue as SQS does: of an active one, 0 too."""
        if not self._active():
            return
        in_flight = sum(len(jobs) for jobs in self._running.values())
        shown = in_flight if in_flight or self.reports_none_in_flight else None
        self._metrics.put("ApproximateNumberOfMessagesVisible", minute, len(self._waiting))
        self._metrics.put("ApproximateNumberOfMessagesNotVisible", minute, shown)

    def close_minute(self, minute: int) -> None:
        """Publish the number of messages sent in the minute."""
        if self._active():
            self._metrics.put("NumberOfMessagesSent", minute, self._sent)
        self._sent = 0

    def _active(self) -> bool:
        """True while SQS reports on the queue; every instance in service polls it."""
        if self._running or self._waiting:
            self._last_action = self._clock.now
        return self._clock.now - self._last_action <= ACTIVE_S

    def waits(self) -> list[float]:
        """Seconds from arrival to the start that led to the end, sorted."""
        return sorted(job.started - job.arrived for job in self.jobs if job.finished is not None)

    def drained_minutes(self) -> float:
        """The minute at which the last job was done."""
        return max(job.finished or 0.0 for job in self.jobs) / MINUTE_S

    def _expect_next(self) -> None:
        job = next(self._coming, None)
        if job is not None:
            self._clock.at(job.arrived, lambda: self._arrive(job))

    def _arrive(self, job: SimulatedJob) -> None:
        self._sent += 1
        self._last_action = self._clock.now
        self._waiting.append(job)
        self._dispatch()
        self._expect_next()

    def _join(self, instance: SimulatedInstance) -> None:
        self._running[instance] = []
        self._dispatch()

    def _dispatch(self) -> None:
        """Give the next message to any instance that works on fewer jobs than it may."""
        while self._waiting:
            free = [one for one, jobs in self._running.items() if len(jobs) < self.concurrency]
            if not free:
                return
            self._start(self._random.choice(free), self._waiting.popleft())

    def _start(self, instance: SimulatedInstance, job: SimulatedJob) -> None:
        self._running[instance].append(job)
        if self.protects:
            self._group.protect(instance, True)
        job.started = self._clock.now
        job.attempts += 1
        attempt = job.attempts
        self._clock.after(job.seconds, lambda: self._finish(instance, job, attempt))

    def _finish(self, instance: SimulatedInstance, job: SimulatedJob, attempt: int) -> None:
        if job not in self._running.get(instance, []) or job.attempts != attempt:
            return
        self._running[instance].remove(job)
        job.finished = self._clock.now
        self._done += 1
        self._dispatch()
        if self.protects and not self._running[instance]:
            self._last_job[instance] = job
            self._clock.after(IDLE_S, lambda: self._unprotect(instance, job))

    def _unprotect(self, instance: SimulatedInstance, last: SimulatedJob) -> None:
        """Lift the protection where nothing has run since `last`."""
        if self._running.get(instance) == [] and self._last_job[instance] is last:
            self._group.protect(instance, False)

    def _leave(self, instance: SimulatedInstance) -> None:
        """A termination returns running jobs to the queue, where they come first."""
        for job in self._running.pop(instance):
            self.interrupted += 1
            job.attempts += 1
            self._waiting.appendleft(job)
        self._dispatch()
