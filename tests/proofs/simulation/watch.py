"""The invariants of every instant: at each write and each deletion, not only at the end."""

import hashlib
from collections import Counter
from typing import Any

from aws.resources import World
from aws.rows.job import Job
from aws.storage.keys import parse
from aws.storage.stored import Archive, S3Object, Stored
from tests.proofs import invariants
from tests.proofs.simulation.cloud import Cloud, look
from tests.proofs.simulation.counts import Counts
from tests.proofs.simulation.lateness import Lateness
from tests.proofs.simulation.network import Record
from tests.proofs.simulation.plan import DAY, Kind
from tests.proofs.simulation.services.expressions import Item
from tests.proofs.simulation.states import DRAWN, state_of


class Watch:
    """Looks at every change of a row and of stored bytes, and keeps what it finds wrong."""

    def __init__(self, cloud: Cloud, world: World, record: Record) -> None:
        self.cloud, self.world, self.record = cloud, world, record
        self.violations: list[str] = []
        self.hot_since: dict[str, float] = {}
        self.kept_since: dict[str, float] = {}
        """When the owner of each result that leaves has gone back to free."""
        self.begun: Counter[str] = Counter()
        """How often each job's result has begun to leave for the archive."""
        self.sent: Counter[str] = Counter()
        """How often it was written there."""
        self.deleted: set[str] = set()
        """All that was ever deleted."""
        self.named: set[Stored] = set()
        """Bytes that were written while their row had them as pending."""
        self.tolerance_s = world.config.archive.after_s / 5
        self.lateness, self.counts = Lateness(cloud), Counts(cloud, self.violations.append)
        cloud.watchers += [self, self.lateness, self.counts]
        cloud.s3.wrote = self._wrote
        cloud.s3.deleted = self._object_deleted
        cloud.glacier.wrote = self._archive_written
        cloud.glacier.deleted = self._archive_deleted

    def written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        """A row was written."""
        if table.endswith("annotations") and before is not None and after is not None:
            self._forgotten(key, before, after)
            self._job(key, before, after)
            self._cover(before, after)

    def _cover(self, before: Item, after: Item) -> None:
        """Note which process has taken the row from which situation to which."""
        current = self.cloud.scheduler.current
        name = current.process.name.partition(" ")[0] if current else "the harness"
        self.record.covered.add((name, situation(before), situation(after)))

    def _forgotten(self, job_id: str, before: Item, after: Item) -> None:
        """A row lets go of nothing that is stored: it names it, or it is deleted."""
        values = [value.get("S") for value in after.values()]
        for text in _pending(before) - _pending(after):
            name = self._stored_as(Stored.parse(text))
            if name and name not in values and name not in self.deleted:
                self.violations.append(f"forgotten: job {job_id}: {text}")

    def _stored_as(self, stored: Stored) -> str | None:
        """The name of bytes that there are; None where there are none, or they cannot be told."""
        if isinstance(stored, S3Object) and stored.key in self.cloud.s3.buckets[stored.bucket]:
            return stored.key
        archive = self.cloud.s3.buckets[self.cloud.names.bucket("archive")]
        kept = archive.keys() | self.cloud.glacier.archives.keys()
        if isinstance(stored, Archive) and stored.archive_id in kept:
            return stored.archive_id
        return None

    def _job(self, job_id: str, before: Item, after: Item) -> None:
        was, now = look(before), look(after)
        if was == now and after.get("s3_key_result_file") == before.get("s3_key_result_file"):
            return
        current = self.cloud.scheduler.current
        name = current.process.name if current else "the harness"
        self.record.tell(f"{name}: job {job_id} {was} > {now}")
        with self.cloud.aside():
            job = self.world.jobs.get(job_id)
            self._demand_arrow(job, was, now)
            self._demand_copy(job)
            if was != "leaving" and now == "leaving":
                self.begun[job_id] += 1
                self.kept_since[job_id] = self.counts.known_release(current, job.user_id)
            if was == "leaving" and job.is_archived:
                self._demand_retention(job)
            if job.is_hot and was == "pinned":
                self.hot_since[job_id] = self.counts.went_free(job.user_id)
            elif job.is_hot and was not in ("hot", "leaving"):
                self.hot_since[job_id] = self._completed(job, was)

    def _completed(self, job: Job, was: str) -> float:
        """When a result came to be in S3: before a commit that was held up, by the row."""
        now = self.cloud.scheduler.now
        return min(now, job.complete_time or now) if was == "RUNNING" else now

    def _demand_arrow(self, job: Job, was: str, now: str) -> None:
        """States follow one another as docs/states.md draws them."""
        try:
            now = state_of(job)
        except LookupError as fault:
            self.violations.append(f"no state: job {job.job_id}: {fault}")
            return
        if was != now and (was, now) not in DRAWN:
            self.violations.append(f"no such step: job {job.job_id} went {was} > {now}")

    def _demand_copy(self, job: Job) -> None:
        if job.job_id in self.cloud.rotten:
            return
        found = invariants.lost_bytes(self.world, job, self.archives())
        self.violations += [f"no copy: {text}" for text in found]

    def archives(self) -> dict[str, str]:
        """The SHA-256 of each archive of either backend, by its id: of the bytes as they are."""
        cold: dict[str, Any] = dict(self.cloud.s3.buckets[self.cloud.names.bucket("archive")])
        cold |= self.cloud.glacier.archives
        return {archive_id: digest(stored.body) for archive_id, stored in cold.items()}

    def _demand_retention(self, job: Job) -> None:
        """A result is archived no sooner than its retention after it came to be in S3.

        Nor after its owner has gone back to free, where that was before its archive was begun, or
        had the result unpinned; one that a stale reading of the role pins once more, and unpins,
        keeps its retention.
        """
        since = max(self.hot_since.get(job.job_id, 0), self.kept_since.get(job.job_id, 0))
        kept_s = self.cloud.scheduler.now - since
        least_s = self.world.config.archive.after_s - self.tolerance_s - self._skew_s()
        if kept_s < least_s:
            self.violations.append(f"too soon: job {job.job_id} archived after {kept_s:.0f} s")

    def _skew_s(self) -> float:
        """How far clocks are apart; an archive daemon whose own is a day ahead cannot know it."""
        skews = [skew for _, skew in self.cloud.setting.skews]
        jumps = any(
            fault.kind is Kind.JUMP and name.startswith("archive")
            for fault, name in self.record.fired
        )
        return max(0.0, *skews, 0.0) - min(0.0, *skews, 0.0) + jumps * DAY

    def _wrote(self, bucket: str, key: str) -> None:
        """Note bytes that the row has as pending while they are written."""
        if bucket == self.cloud.names.bucket("archive"):
            self.sent[_job_id(key)] += 1
        item = self.cloud.jobs.get(_job_id(key))
        if item is None:
            return
        stored = (
            Archive(key) if bucket == self.cloud.names.bucket("archive") else S3Object(bucket, key)
        )
        if {"S": str(stored)} in item.get("pending_writes", {}).get("L", []):
            self.named.add(stored)
        elif bucket != self.cloud.names.bucket("inputs"):
            self.named.discard(stored)

    def _object_deleted(self, bucket: str, key: str) -> None:
        self.deleted.add(key)
        self._about(_job_id(key))

    def _archive_written(self, archive_id: str) -> None:
        self.sent[self.cloud.glacier.archives[archive_id].description] += 1

    def _archive_deleted(self, archive_id: str) -> None:
        self.deleted.add(archive_id)
        for job_id, item in list(self.cloud.jobs.items()):
            if item.get("results_file_archive_id", {}).get("S") == archive_id:
                self._about(job_id)

    def _about(self, job_id: str) -> None:
        """Bytes of this job were deleted: is there still a copy?"""
        if job_id in self.cloud.jobs:
            with self.cloud.aside():
                self._demand_copy(self.world.jobs.get(job_id))


FACTS = (
    "crashes",
    "expires_time",
    "failed_moves",
    "garbage",
    "lapses",
    "outbox",
    "pending_writes",
    "reminders",
    "retries",
    "role_check_due",
)
"""The attributes of a row that, besides its state, tell one situation from another."""


def situation(item: Item) -> str:
    """The state of a job, and which of its facts are there."""
    facts = [name for name in FACTS if next(iter(item.get(name, {}).values()), 0) not in (0, "0")]
    return " ".join([look(item), *facts])


def _pending(item: Item) -> set[str]:
    """What a row has as pending writes and as garbage."""
    lists = [item.get(name, {}).get("L", []) for name in ("garbage", "pending_writes")]
    return {entry["S"] for entries in lists for entry in entries}


def digest(body: bytes) -> str:
    """SHA-256 as rows record it."""
    return hashlib.sha256(body).hexdigest()


def _job_id(key: str) -> str:
    try:
        return parse(key).job_id
    except ValueError:
        return ""
