"""A Glacier vault: archives, and jobs that retrieve them or list them."""
# ruff: noqa: N803 (parameters have the names that AWS gives them)

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.response import StreamingBody

from tests.proofs.simulation.scheduler import Scheduler
from tests.proofs.simulation.services.answers import Reply, ServiceError

KEPT_S = 86_400
"""How long the output of a job can be read."""
GONE = "ResourceNotFoundException"
PAGE = 2


@dataclass
class SimulatedArchive:
    """An archive of a vault."""

    description: str
    body: bytes
    time: float


@dataclass
class SimulatedRetrieval:
    """A job of a vault; `body` is what it makes readable, None where it fails."""

    id: str
    action: str
    archive_id: str | None
    description: str
    time: float
    ready_time: float
    body: bytes | None = None
    ended: bool = field(default=False)


class Glacier:
    """The operations of Glacier that GAS uses; `restore_s` is negative without capacity.

    https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
    """

    def __init__(
        self,
        scheduler: Scheduler,
        restore_s: Callable[[str], float],
        announce: Callable[[str], None],
    ) -> None:
        self.scheduler, self.restore_s, self.announce = scheduler, restore_s, announce
        self.archives: dict[str, SimulatedArchive] = {}
        self.jobs: dict[str, SimulatedRetrieval] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.made = self.to_fail = 0
        self.inventory_s = 4 * 3600.0
        self.wrote: Callable[[str], None] = lambda archive_id: None
        self.deleted: Callable[[str], None] = lambda archive_id: None

    def _id(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made}"

    def upload_archive(self, archiveDescription: str, body: Any, **_: Any) -> Reply:
        read = body if isinstance(body, bytes) else body.read()
        archive_id = self._id("archive")
        archive = SimulatedArchive(archiveDescription, read, self.scheduler.now)
        self.archives[archive_id] = archive
        self.wrote(archive_id)
        return {"archiveId": archive_id}

    def initiate_multipart_upload(self, archiveDescription: str, **_: Any) -> Reply:
        upload = self._id("upload")
        self.uploads[upload] = archiveDescription, {}
        return {"uploadId": upload}

    def upload_multipart_part(self, uploadId: str, range: str, body: bytes, **_: Any) -> Reply:
        self.uploads[uploadId][1][int(range.split()[1].split("-")[0])] = body
        return {}

    def complete_multipart_upload(self, uploadId: str, **_: Any) -> Reply:
        if uploadId not in self.uploads:
            raise ServiceError(GONE, 404)
        description, parts = self.uploads.pop(uploadId)
        return self.upload_archive(description, b"".join(parts[n] for n in sorted(parts)))

    def abort_multipart_upload(self, uploadId: str, **_: Any) -> Reply:
        self.uploads.pop(uploadId, None)
        return {}

    def delete_archive(self, archiveId: str, **_: Any) -> Reply:
        if self.archives.pop(archiveId, None) is None:
            raise ServiceError(GONE, 404)
        self.deleted(archiveId)
        return {}

    def initiate_job(self, jobParameters: dict[str, str], **_: Any) -> Reply:
        wanted, now = jobParameters, self.scheduler.now
        if wanted["Type"] == "inventory-retrieval":
            took = self.inventory_s if self.scheduler.current else 0.0
            job = self._begin("InventoryRetrieval", None, "", took)
            return {"jobId": job.id}
        if wanted["ArchiveId"] not in self.archives:
            raise ServiceError(GONE, 404)
        took = self.restore_s(wanted.get("Tier", "Standard"))
        if took < 0:
            raise ServiceError("InsufficientCapacityException", 503)
        job = self._begin("ArchiveRetrieval", wanted["ArchiveId"], wanted["Description"], took)
        assert job.ready_time >= now
        return {"jobId": job.id}

    def _begin(
        self, action: str, archive_id: str | None, description: str, seconds: float
    ) -> SimulatedRetrieval:
        now = self.scheduler.now
        job = SimulatedRetrieval(
            self._id("job"), action, archive_id, description, now, now + seconds
        )
        self.jobs[job.id] = job
        if seconds:
            self.scheduler.after(seconds, lambda: self._finish(job))
        else:
            self._finish(job)
        return job

    def _finish(self, job: SimulatedRetrieval) -> None:
        job.ended = True
        archive = self.archives.get(job.archive_id or "")
        if job.action == "InventoryRetrieval":
            job.body = self._inventory()
        elif archive and not self.to_fail:
            job.body = archive.body
        self.to_fail = max(0, self.to_fail - (job.archive_id is not None))
        if job.archive_id is not None:
            self.announce(json.dumps(_described(job)))

    def _inventory(self) -> bytes:
        listed = [
            {"ArchiveId": id, "ArchiveDescription": a.description, "CreationDate": _date(a.time)}
            for id, a in self.archives.items()
        ]
        return json.dumps({"ArchiveList": listed}).encode()

    def _live(self, job_id: str) -> SimulatedRetrieval:
        job = self.jobs.get(job_id)
        if job is None or self.scheduler.now > job.ready_time + KEPT_S:
            raise ServiceError(GONE, 404)
        return job

    def describe_job(self, jobId: str, **_: Any) -> Reply:
        return _described(self._live(jobId))

    def get_job_output(self, jobId: str, **_: Any) -> Reply:
        job = self._live(jobId)
        if job.body is None:
            raise ServiceError("InvalidParameterValueException")
        return {"body": StreamingBody(io.BytesIO(job.body), len(job.body))}

    def list_jobs(self, marker: str = "", **_: Any) -> Reply:
        live = [j for j in self.jobs.values() if self.scheduler.now <= j.ready_time + KEPT_S]
        begin = int(marker or 0)
        reply: Reply = {"JobList": [_described(job) for job in live[begin : begin + PAGE]]}
        if begin + PAGE < len(live):
            reply["Marker"] = str(begin + PAGE)
        return reply


def _described(job: SimulatedRetrieval) -> Reply:
    status = "InProgress" if not job.ended else "Succeeded" if job.body is not None else "Failed"
    return {
        "Action": job.action,
        "ArchiveId": job.archive_id,
        "JobDescription": job.description,
        "JobId": job.id,
        "StatusCode": status,
        "Completed": job.ended,
        "CreationDate": _date(job.time),
        "CompletionDate": _date(job.ready_time) if job.ended else None,
    }


def _date(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat().replace("+00:00", "Z")
