"""The simulated AWS as a whole: its services, and what the harness knows of every row."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from aws.processes import TOPICS
from aws.resources import Names
from aws.rows.table import GIVEN_UP
from aws.storage.keys import parse
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
        self.stale: dict[str, tuple[float, float]] = {}
        """By how much (s) an index is behind by a fault, and until when."""
        self.next_stale_s = 0.0
        """By how much the index that is read next falls behind."""
        self.names = Names(PREFIX)
        self.dynamodb = DynamoDb(scheduler, self._lag_s, self._written)
        delays = {name: delay_s * (name == "results_archive") for name in TOPICS}
        self.sqs = Sqs(scheduler, PREFIX, delays)
        self.sns = Sns(scheduler, PREFIX, self.sqs)
        self.s3 = S3(scheduler, self._restore_s, self._announce)
        self.glacier = Glacier(scheduler, self._restore_s, self._announce)
        self.ses, self.sts = Ses(), Sts()
        self.watchers: list[Any] = []
        self.fault: Exception | None = None
        """The harness's own: a daemon would take it for one of its own."""
        self.retrieved_s = 0.0
        """How long all retrievals have taken together."""
        self.rotten: set[str] = set()
        """The jobs whose archives have rotted: their bytes are lost, and the page must say so."""

    def answer(self, service: str, operation: str, params: dict[str, Any]) -> Reply:
        """The service's answer to one call. Raises ServiceError."""
        call: Operation = getattr(getattr(self, service), operation)
        dated = {"HTTPHeaders": {"date": _date(int(self.scheduler.now))}}
        return {"ResponseMetadata": dated, **call(**params)}

    def _announce(self, body: str) -> None:
        """Publish the end of a retrieval."""
        self.sns.publish(self.names.topic("thaw"), body)

    def _restore_s(self, tier: str) -> float:
        if tier == "Expedited":
            span = EXPEDITED_S if self.setting.expedited else (NO_CAPACITY, NO_CAPACITY)
        else:
            span = STANDARD_S
        took = self.scheduler.dice.uniform(*span)
        self.retrieved_s += max(0.0, took)
        return took

    def _lag_s(self, index: str) -> float:
        """How far this read of an index lags behind; the harness sees all as it is."""
        if self.scheduler.current is None:
            return 0.0
        if self.next_stale_s:
            self.stale[index] = self.next_stale_s, self.scheduler.now + self.next_stale_s
            self.next_stale_s = 0.0
        lag_s, until = self.stale.get(index, (0.0, 0.0))
        if self.scheduler.now < until:
            return lag_s
        return self.scheduler.dice.uniform(0, self.setting.lag_s)

    def hidden(self, user_id: str, since: float) -> set[str]:
        """The jobs of a user that a fault has kept out of the index of jobs since then."""
        table = self.names.table("annotations")
        lag_s, until = self.stale.get(f"{table} user_id_index", (0.0, 0.0))
        versions = self.dynamodb.tables[table].versions
        return {
            job_id
            for job_id, item in self.jobs.items()
            if item["user_id"]["S"] == user_id
            and self.scheduler.now < until
            and versions[job_id][0][0] > since - lag_s
        }

    def _written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        try:
            for watcher in self.watchers:
                watcher.written(table, key, before, after)
        except Exception as fault:
            self.fault = fault
            raise

    @property
    def jobs(self) -> dict[str, Item]:
        """The rows of the annotations table, as they are."""
        return self.dynamodb.tables[self.names.table("annotations")].items

    @property
    def accounts(self) -> dict[str, Item]:
        """The rows of the accounts table, as they are."""
        return self.dynamodb.tables[self.names.table("accounts")].items

    def next_due(self) -> float | None:
        """The earliest due time of any row, but for those that are left to the operator."""
        times = [
            float(item["due_time"]["N"])
            for table in self.dynamodb.tables.values()
            for item in table.items.values()
            if "due_time" in item and item["due_shard"] != {"N": str(GIVEN_UP)}
        ]
        return min(times, default=None)

    def rot(self) -> None:
        """Damage every archive there is, and what of it was retrieved already."""
        for key, kept in self.s3.buckets[self.names.bucket("archive")].items():
            kept.body = damaged(kept.body)
            self.rotten.add(parse(key).job_id)
        for archive in self.glacier.archives.values():
            archive.body = damaged(archive.body)
            self.rotten.add(archive.description)
        for job in self.glacier.jobs.values():
            if job.body and job.archive_id:
                job.body = damaged(job.body)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within the block, calls are the harness's own: at once, and without faults."""
        current, self.scheduler.current = self.scheduler.current, None
        try:
            yield
        finally:
            self.scheduler.current = current


@lru_cache(maxsize=8)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def damaged(body: bytes) -> bytes:
    """The bytes with their first one changed."""
    return bytes([body[0] ^ 1]) + body[1:]


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


def role_of(item: Item | None) -> str:
    """An account in short: its role, and whether a change of it is pending."""
    if item is None or "role" not in item:
        return NO_JOB
    role = str(plain(item["role"])).partition("_")[0]
    return f"{role}*" if "pending_role_change" in item else role
