"""The invariants of every instant: at each write and each deletion, not only at the end."""

import hashlib
from typing import Any

from aws.resources import World
from aws.rows.job import Job
from aws.storage.keys import parse
from aws.storage.stored import Archive, S3Object, Stored
from tests.proofs import invariants
from tests.proofs.simulation.cloud import Cloud, look
from tests.proofs.simulation.network import Record
from tests.proofs.simulation.services.expressions import Item
from tests.proofs.simulation.states import DRAWN, state_of


class Watch:
    """Looks at every change of a row and of stored bytes, and keeps what it finds wrong."""

    def __init__(self, cloud: Cloud, world: World, record: Record) -> None:
        self.cloud, self.world, self.record = cloud, world, record
        self.violations: list[str] = []
        self.hot_since: dict[str, float] = {}
        self.named: set[Stored] = set()
        """Bytes that were written while their row had them as pending."""
        self.tolerance_s = world.config.archive.after_s / 5
        cloud.watchers.append(self)
        cloud.s3.wrote = self._wrote
        cloud.s3.deleted = lambda bucket, key: self._about(_job_id(key))
        cloud.glacier.deleted = lambda archive_id: self._archive_deleted(archive_id)

    def written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        """A row was written."""
        if table.endswith("annotations") and before is not None and after is not None:
            self._job(key, before, after)

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
            if was == "leaving" and job.is_archived:
                self._demand_retention(job)
            if job.is_hot and (was == "pinned" or was not in ("hot", "leaving")):
                self.hot_since[job_id] = self.cloud.scheduler.now

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
        found = invariants.lost_bytes(self.world, job, self.archives())
        self.violations += [f"no copy: {text}" for text in found]

    def archives(self) -> dict[str, str]:
        """The SHA-256 of each archive of either backend, by its id: of the bytes as they are."""
        cold: dict[str, Any] = dict(self.cloud.s3.buckets[self.cloud.names.bucket("archive")])
        cold |= self.cloud.glacier.archives
        return {archive_id: digest(stored.body) for archive_id, stored in cold.items()}

    def _demand_retention(self, job: Job) -> None:
        """A result is archived no sooner than its retention after it was released."""
        kept_s = self.cloud.scheduler.now - self.hot_since.get(job.job_id, 0)
        least_s = self.world.config.archive.after_s - self.tolerance_s - self._skew_s()
        if kept_s < least_s:
            self.violations.append(f"too soon: job {job.job_id} archived after {kept_s:.0f} s")

    def _skew_s(self) -> float:
        skews = [skew for _, skew in self.cloud.setting.skews]
        return max(skews, default=0.0) - min(0.0, *skews, 0.0)

    def _wrote(self, bucket: str, key: str) -> None:
        """Note bytes that the row has as pending while they are written."""
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

    def _archive_deleted(self, archive_id: str) -> None:
        for job_id, item in list(self.cloud.jobs.items()):
            if item.get("results_file_archive_id", {}).get("S") == archive_id:
                self._about(job_id)

    def _about(self, job_id: str) -> None:
        """Bytes of this job were deleted: is there still a copy?"""
        if job_id in self.cloud.jobs:
            with self.cloud.aside():
                self._demand_copy(self.world.jobs.get(job_id))


def digest(body: bytes) -> str:
    """SHA-256 as rows record it."""
    return hashlib.sha256(body).hexdigest()


def _job_id(key: str) -> str:
    try:
        return parse(key).job_id
    except ValueError:
        return ""
