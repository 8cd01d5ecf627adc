"""Says which jobs ended late, and which results came back late."""

from collections.abc import Iterator

from tests.proofs.simulation.cloud import Cloud, look, role_of
from tests.proofs.simulation.network import Record
from tests.proofs.simulation.plan import HOUR, WAITS, Kind
from tests.proofs.simulation.services.expressions import Item, plain

JOB_S = 6 * HOUR
"""The longest that a job takes where nothing lasts: leases, reminders, backoffs."""
RETURN_S = 1 * HOUR
"""The longest that a result takes to come back, besides the time that Glacier takes."""
PATIENCE_S = 7 * HOUR
"""How much later it may be for each notice that is lost: `[restore] patience_s`, and the retry."""
ENDED = ("FAILED", "CANCELLED", "DELETED", "hot", "leaving", "pinned", "archived")
HARMLESS = {Kind.KEPT, Kind.FAILS, Kind.REJECTED}
"""The faults that delay no job and no return, but for the retrieval itself."""
FACTOR = 3
"""What lasts so long may delay things by this much more: reminders have backoffs."""


class Lateness:
    """Measures, in true time, how long jobs and returns have taken."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.submitted: dict[str, float] = {}
        self.jobs: dict[str, float] = {}
        """How long each job took to its end."""
        self.wanted: dict[str, float] = {}
        """Since when each archived result is wanted back."""
        self.returns: dict[str, float] = {}
        """How long the slowest return of each result has taken."""

    def written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        """A row was written."""
        now = self.cloud.scheduler.now
        if table.endswith("annotations"):
            self.submitted.setdefault(key, now)
            if key not in self.jobs and look(after) in ENDED:
                self.jobs[key] = now - self.submitted[key]
            self._look(key, after)
        elif role_of(before) != role_of(after):
            for job_id, item in self.cloud.jobs.items():
                if item["user_id"]["S"] == key:
                    self._look(job_id, item)

    def _look(self, job_id: str, item: Item | None) -> None:
        """Note whether a result is wanted back now."""
        now = self.cloud.scheduler.now
        is_back = item is None or "results_file_archive_id" not in item
        if is_back and job_id in self.wanted:
            took = now - self.wanted.pop(job_id)
            self.returns[job_id] = max(took, self.returns.get(job_id, 0))
        elif item is not None and not is_back:
            account = self.cloud.accounts.get(str(plain(item["user_id"])))
            if role_of(account).startswith("premium"):
                self.wanted.setdefault(job_id, now)
            else:
                self.wanted.pop(job_id, None)

    def late(self, record: Record) -> Iterator[str]:
        """What took longer than the faults of the run account for."""
        lasted_s = sum(record.waits)
        lasted_s += sum(f.seconds for f, _ in record.fired if f.kind not in (*WAITS, *HARMLESS))
        for job_id, took in self.jobs.items():
            if took > JOB_S + FACTOR * lasted_s:
                yield f"late: job {job_id} took {took:.0f} s"
        lost = sum(fault.kind not in HARMLESS for fault, _ in record.fired)
        allowed = RETURN_S + self.cloud.retrieved_s + FACTOR * lasted_s + PATIENCE_S * lost
        for job_id, took in self.returns.items():
            if took > allowed and job_id not in self.cloud.rotten:
                yield f"late: the result of job {job_id} was back after {took:.0f} s"
