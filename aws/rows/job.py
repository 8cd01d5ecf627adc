"""A job's row: its attributes, its states, and when unfinished business in it falls due."""

from dataclasses import dataclass, field
from enum import StrEnum

from aws.config import Config

MAX_DOUBLINGS = 6


class Refused(Exception):
    """The row is not in a state for this step."""


class Leased(Refused):
    """Another worker holds the job and its lease runs."""


class Status(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OPEN = (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True)
class Timeouts:
    """How long each kind of unfinished business is left alone, in seconds."""

    grace_s: int
    patience_s: int
    retrieval_s: int
    after_s: int
    by_queue: bool

    @classmethod
    def of(cls, config: Config) -> "Timeouts":
        return cls(
            config.sweep.grace_s,
            config.sweep.patience_s,
            config.restore.patience_s,
            config.archive.after_s,
            config.archive.by_queue,
        )


@dataclass(frozen=True)
class Now:
    """The time (epoch s) and the spans that a step goes by."""

    now: float
    spans: Timeouts


@dataclass(frozen=True)
class Retrieval:
    """One asking of Glacier for one archive; `id` is Glacier's, once it answered."""

    token: str
    tier: str
    requested_time: float
    check_time: float
    id: str | None = None
    expedited_refused: bool = False


@dataclass(frozen=True)
class Result:
    """What a finished pipeline leaves in the results bucket."""

    s3_results_bucket: str
    s3_key_result_file: str
    s3_key_index_file: str
    s3_key_log_file: str
    s3_key_summary_file: str
    result_bytes: int
    result_sha256: str
    reference: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Job:
    """One row of the annotations table; times are epoch seconds."""

    job_id: str
    user_id: str
    input_file_name: str
    s3_inputs_bucket: str
    s3_key_input_file: str
    input_bytes: int
    submit_time: float = 0
    reference: str = ""
    job_status: Status = Status.PENDING
    rev: int = 0
    write_token: str = ""
    attempt: int = 0
    crashes: int = 0
    fault: str | None = None
    start_time: float | None = None
    complete_time: float | None = None
    lease_owner: str | None = None
    lease_until: float | None = None
    progress: str | None = None
    s3_results_bucket: str | None = None
    s3_key_result_file: str | None = None
    s3_key_index_file: str | None = None
    s3_key_log_file: str | None = None
    s3_key_summary_file: str | None = None
    result_bytes: int | None = None
    result_sha256: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    existed: bool | None = None
    results_file_archive_id: str | None = None
    retrieval: Retrieval | None = None
    error: str | None = None
    outbox: tuple[str, ...] = ()
    garbage: tuple[str, ...] = ()
    pending_writes: tuple[str, ...] = ()
    role_check_due: bool = False
    mailed: bool = False
    pinned: bool = False
    expires_time: float | None = None
    reminders: int = 0
    reminder_time: float | None = None
    archived_time: float | None = None
    requested_time: float | None = None
    thawed_time: float | None = None
    thaws: int = 0

    @property
    def is_terminal(self) -> bool:
        return self.job_status not in OPEN

    @property
    def is_archived(self) -> bool:
        return self.results_file_archive_id is not None

    @property
    def is_hot(self) -> bool:
        """The result is in S3."""
        return bool(self.existed)

    @property
    def stem(self) -> str:
        """The input's name without .vcf or .vcf.gz: what outputs are named after."""
        return self.input_file_name.removesuffix(".gz").removesuffix(".vcf")

    @property
    def result_name(self) -> str:
        return f"{self.stem}.annot.vcf.gz"

    @property
    def event(self) -> dict[str, str]:
        """What SNS carries of this job: ids only."""
        return {"job_id": self.job_id, "user_id": self.user_id}


def in_s3(bucket: str, key: str) -> str:
    """How `writing` and `garbage` name an object."""
    return f"s3:{bucket}/{key}"


def in_archive(archive_id: str) -> str:
    """How `writing` and `garbage` name an archive."""
    return f"archive:{archive_id}"


class PendingWork(StrEnum):
    """What can be unfinished in a row."""

    COMMIT = "commit"
    PROGRESS = "progress"
    RETENTION = "retention"
    RETRIEVAL = "retrieval"


def unfinished(job: Job, at: Now) -> dict[PendingWork, float]:
    """What is unfinished in this row, each with the time (epoch s) to look after it."""
    spans = at.spans
    times: dict[PendingWork, float] = {}
    if job.outbox or job.garbage or job.role_check_due:
        times[PendingWork.COMMIT] = at.now + spans.grace_s
    waiting = _progress_time(job, spans)
    if waiting is not None:
        times[PendingWork.PROGRESS] = waiting
    if job.is_hot and not job.pinned:
        slack = spans.grace_s if spans.by_queue else 0
        times[PendingWork.RETENTION] = (job.expires_time or at.now) + slack
    if job.retrieval:
        times[PendingWork.RETRIEVAL] = job.retrieval.check_time
    return times


def due(job: Job, at: Now) -> float | None:
    """When the sweeper should look at this row (epoch s); None: nothing is unfinished."""
    return min(unfinished(job, at).values(), default=None)


def _progress_time(job: Job, spans: Timeouts) -> float | None:
    """When a job that waits for an annotator, a takeover or its mail counts as forgotten."""
    reminder_time = job.reminder_time or 0
    if job.job_status is Status.PENDING:
        return max(job.submit_time, reminder_time) + _backed_off(job, spans.patience_s)
    if job.job_status is Status.RUNNING:
        again = reminder_time + _backed_off(job, spans.grace_s) if reminder_time else 0
        return max(job.lease_until or 0, again)
    if not job.mailed:
        return max(job.complete_time or 0, reminder_time) + _backed_off(job, spans.grace_s)
    return None


def _backed_off(job: Job, seconds: int) -> int:
    return int(seconds * 2 ** min(job.reminders, MAX_DOUBLINGS))
