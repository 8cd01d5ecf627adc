"""The simulated AWS as a whole: its services, and what the harness knows of every row."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

from aws.processes import TOPICS
from aws.resources import Names
from tests.proofs.simulation.plan import HOUR, MINUTE, Setting
from tests.proofs.simulation.scheduler import Scheduler
from tests.proofs.simulation.services.answers import Operation, Reply
from tests.proofs.simulation.services.dynamodb import DynamoDb
from tests.proofs.simulation.services.expressions import Item, plain
from tests.proofs.simulation.services.glacier import Glacier
from tests.proofs.simulation.services.mail import Ses, Sts
from tests.proofs.simulation.services.messages import Sns, Sqs
from tests.proofs.simulation.services.s3 import S3

PREFIX = "sim"
EXPEDITED_S = (1 * MINUTE, 5 * MINUTE)
STANDARD_S = (3 * HOUR, 5 * HOUR)
NO_CAPACITY = -1.0
NO_JOB = "-"


class Cloud:
    """Every service of one run, in memory."""

    def __init__(self, scheduler: Scheduler, setting: Setting, delay_s: float) -> None:
        self.scheduler, self.setting = scheduler, setting
        self.lag_s, self.stale_until = setting.lag_s, 0.0
        self.names = Names(PREFIX)
        self.dynamodb = DynamoDb(scheduler, self._lag_s, self._written)
        delays = {name: delay_s * (name == "results_archive") for name in TOPICS}
        self.sqs = Sqs(scheduler, PREFIX, delays)
        self.sns = Sns(scheduler, PREFIX, self.sqs)
        self.s3 = S3(scheduler, self._restore_s, self._announce)
        self.glacier = Glacier(scheduler, self._restore_s, self._announce)
        self.ses, self.sts = Ses(), Sts()
        self.watchers: list[Any] = []

    def answer(self, service: str, operation: str, params: dict[str, Any]) -> Reply:
        """The service's answer to one call. Raises ServiceError."""
        call: Operation = getattr(getattr(self, service), operation)
        dated = {"HTTPHeaders": {"date": formatdate(self.scheduler.now, usegmt=True)}}
        return {"ResponseMetadata": dated, **call(**params)}

    def _announce(self, body: str) -> None:
        """Publish the end of a retrieval."""
        self.sns.publish(self.names.topic("thaw"), body)

    def _restore_s(self, tier: str) -> float:
        if tier == "Expedited":
            span = EXPEDITED_S if self.setting.expedited else (NO_CAPACITY, NO_CAPACITY)
        else:
            span = STANDARD_S
        return self.scheduler.dice.uniform(*span)

    def _lag_s(self) -> float:
        """How far this read of an index lags behind; the harness sees all as it is."""
        if self.scheduler.current is None:
            return 0.0
        if self.scheduler.now < self.stale_until:
            return self.lag_s
        return self.scheduler.dice.uniform(0, self.setting.lag_s)

    def _written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        for watcher in self.watchers:
            watcher.written(table, key, before, after)

    @property
    def jobs(self) -> dict[str, Item]:
        """The rows of the annotations table, as they are."""
        return self.dynamodb.tables[self.names.table("annotations")].items

    def next_due(self) -> float | None:
        """The earliest due time of any row."""
        times = [
            float(item["due_time"]["N"])
            for table in self.dynamodb.tables.values()
            for item in table.items.values()
            if "due_time" in item
        ]
        return min(times, default=None)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within the block, calls are the harness's own: at once, and without faults."""
        current, self.scheduler.current = self.scheduler.current, None
        try:
            yield
        finally:
            self.scheduler.current = current


def look(item: Item | None) -> str:
    """The state of a job in short, by its raw row: the names of docs/states.md."""
    if item is None:
        return NO_JOB
    status = str(plain(item["job_status"]))
    if status != "COMPLETED":
        return status
    pending, retrieval = "pending_writes" in item, item.get("retrieval")
    if "existed" in item and plain(item["existed"]):
        pinned = "pinned" in item and plain(item["pinned"])
        return "pinned" if pinned else "leaving" if pending else "hot"
    if pending:
        return "thawing"
    if retrieval is None:
        return "archived"
    return "retrieving" if "id" in retrieval["M"] else "requested"
