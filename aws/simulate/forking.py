"""The origin's own worker: deletes a message at receipt and forks for it, without limit."""

from collections.abc import Sequence
from random import Random

from aws.simulate.annotators import SimulatedJob
from aws.simulate.group import SimulatedInstance
from aws.simulate.run import SimulationRun


class ForkingAnnotators:
    """The tier: an instance shares its processor among its jobs, which are lost when it ends.

    Progress is kept in steps of one second, in which an instance does one second of work.
    """

    def __init__(self, jobs: Sequence[SimulatedJob], seed: int = 1) -> None:
        self.jobs = jobs
        self.lost = 0
        self._random = Random(seed)  # noqa: S311 (a simulation)
        self._left: dict[SimulatedInstance, list[tuple[float, SimulatedJob]]] = {}
        self._shared: dict[SimulatedInstance, float] = {}
        self._waiting = sorted(jobs, key=lambda job: -job.arrived)
        self._sent = 0

    @property
    def finished(self) -> bool:
        """True once every job is either done or lost."""
        return not self._waiting and not any(self._left.values())

    def begin(self, simulation: SimulationRun) -> None:
        """Set the group's hooks and schedule the first second."""
        self._clock, self._metrics = simulation.clock, simulation.metrics
        simulation.group.on_in_service = self._join
        simulation.group.on_terminating = self._leave
        self._clock.after(1, self._second)

    def read_gauges(self, minute: int) -> None:
        """Publish nothing: messages are deleted at receipt, so none waits or is in flight."""

    def close_minute(self, minute: int) -> None:
        """Publish the number of messages sent in the minute."""
        self._metrics.put("NumberOfMessagesSent", minute, self._sent)
        self._sent = 0

    def _join(self, instance: SimulatedInstance) -> None:
        self._left[instance], self._shared[instance] = [], 0.0

    def _leave(self, instance: SimulatedInstance) -> None:
        self.lost += len(self._left.pop(instance))

    def _second(self) -> None:
        while self._waiting and self._waiting[-1].arrived <= self._clock.now:
            self._take(self._waiting.pop())
        for instance, jobs in self._left.items():
            self._work(instance, jobs)
        self._clock.after(1, self._second)

    def _take(self, job: SimulatedJob) -> None:
        """Give the job to a random instance; it ends when the instance's share reaches the mark."""
        instance = self._random.choice(list(self._left))
        self._left[instance].append((self._shared[instance] + job.seconds, job))
        self._left[instance].sort(key=lambda entry: -entry[0])
        self._sent += 1

    def _work(self, instance: SimulatedInstance, jobs: list[tuple[float, SimulatedJob]]) -> None:
        """One second of the processor, an equal share for each process."""
        budget_s = 1.0
        while jobs and budget_s > 0:
            needed_s = (jobs[-1][0] - self._shared[instance]) * len(jobs)
            used_s = min(budget_s, needed_s)
            self._shared[instance] += used_s / len(jobs)
            budget_s -= used_s
            if used_s == needed_s:
                jobs.pop()[1].finished = self._clock.now
