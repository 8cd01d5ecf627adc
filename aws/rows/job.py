"""A job's row: its attributes and its states."""

from dataclasses import dataclass, field
from enum import StrEnum

from aws.config import Config
from aws.rows.outputs import OUTPUTS, RESULT
from aws.storage.stored import Archive, S3Object, Stored

MAX_DOUBLINGS = 6
MAX_RETRIES = 40
"""Retries of one kind of unfinished work by the sweeper, or reminders of a job: two days (of a job
that waits for an annotator: two weeks), then the row is given up."""
MAX_FAILED_MOVES = 5
"""Failed moves of a result, each of which is paid for, before it is given up: an archive that did
not come back, bytes that were not those recorded."""


class Refused(Exception):
    """The row is not in a state for this step."""


class Leased(Refused):
    """Another worker has a lease on the job that has not expired."""


class Status(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DELETED = "DELETED"
    """By its owner: the row stays, without names and in no list, until its garbage has gone."""


OPEN = (Status.PENDING, Status.RUNNING)


class PendingWork(StrEnum):
    """The kinds of work that a row can have unfinished."""

    COMMIT = "commit"
    PROGRESS = "progress"
    RETENTION = "retention"
    RETRIEVAL = "retrieval"


@dataclass(frozen=True)
class Timeouts:
    """Grace periods (s) before the sweeper retries each kind of unfinished work.

    `by_queue`: the retention is the delivery delay of a queue, not a due time.
    """

    grace_s: int
    patience_s: int
    retrieval_s: int
    after_s: int
    by_queue: bool
    min_bytes: int = 0
    lease_s: int = 300

    @classmethod
    def of(cls, config: Config) -> "Timeouts":
        """The grace periods that these settings ask for."""
        return cls(
            config.sweep.grace_s,
            config.sweep.patience_s,
            config.restore.patience_s,
            config.archive.after_s,
            config.archive.by_queue,
            config.archive.min_bytes,
            config.aws.visibility_s,
        )


@dataclass(frozen=True)
class Now:
    """The time (epoch s) and the grace periods that a step goes by."""

    now: float
    timeouts: Timeouts

    def expires_time(self, result_bytes: int | None) -> float | None:
        """The end of a free result's time in S3; None for one too small to be worth an archive."""
        is_small = (result_bytes or 0) < self.timeouts.min_bytes
        return None if is_small else self.now + self.timeouts.after_s


@dataclass(frozen=True)
class Retrieval:
    """One request to Glacier for one archive; `id` is Glacier's, None until it has answered."""

    token: str
    tier: str
    requested_time: float
    check_time: float
    id: str | None = None
    expedited_refused: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """The share of a finished pipeline in its job's row; `outputs` has every output by name.

    Raises ValueError where one is missing.
    """

    outputs: dict[str, S3Object]
    result_bytes: int
    result_sha256: str
    reference: str
    counts: dict[str, int]

    def __post_init__(self) -> None:
        missing = OUTPUTS.keys() - self.outputs.keys()
        if missing:
            raise ValueError(f"a result without its {', '.join(sorted(missing))}")


@dataclass(frozen=True)
class Job:
    """One row of the annotations table; times are epoch seconds.

    `outputs` are the files in S3 by name (aws/rows/outputs.py): without the result while it is
    in the archive.
    """

    job_id: str
    user_id: str
    input_file_name: str
    s3_inputs_bucket: str
    s3_key_input_file: str
    input_bytes: int
    submit_time: float = 0
    reference: str = ""
    mode: str = ""
    s3_key_annotation_file: str = ""
    annotation_tag: str = ""
    title: str = ""
    note: str = ""
    batch: str = ""
    batch_size: int = 0
    shares: dict[str, str] = field(default_factory=dict)
    input_etag: str = ""
    job_status: Status = Status.PENDING
    rev: int = 0
    write_token: str = ""
    attempt: int = 0
    crashes: int = 0
    lapses: int = 0
    fault: str | None = None
    start_time: float | None = None
    complete_time: float | None = None
    lease_owner: str | None = None
    lease_until: float | None = None
    progress: str | None = None
    outputs: dict[str, S3Object] = field(default_factory=dict)
    result_bytes: int | None = None
    result_sha256: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    existed: bool | None = None
    results_file_archive_id: str | None = None
    retrieval: Retrieval | None = None
    error: str | None = None
    outbox: tuple[str, ...] = ()
    garbage: tuple[Stored, ...] = ()
    pending_writes: tuple[Stored, ...] = ()
    role_check_due: bool = False
    mailed: bool = False
    mail_fault: str | None = None
    pinned: bool = False
    expires_time: float | None = None
    reminders: int = 0
    reminder_time: float | None = None
    retries: dict[str, int] = field(default_factory=dict)
    retry_times: dict[str, float] = field(default_factory=dict)
    failed_moves: int = 0
    archive_fault: str | None = None
    archived_time: float | None = None
    requested_time: float | None = None
    thawed_time: float | None = None
    thaws: int = 0

    @property
    def name(self) -> str:
        """The name that its owner gave the job, else its file's."""
        return self.title or self.input_file_name

    @property
    def is_terminal(self) -> bool:
        return self.job_status not in OPEN

    @property
    def is_mail_settled(self) -> bool:
        """The owner was mailed, or can never be."""
        return self.mailed or self.mail_fault is not None

    @property
    def is_archived(self) -> bool:
        return self.results_file_archive_id is not None

    @property
    def is_hot(self) -> bool:
        """The result is in S3."""
        return bool(self.existed)

    @property
    def is_given_up(self) -> bool:
        """Unfinished work is left to the operator: retries have an end, and it has come."""
        exhausted = any(n >= MAX_RETRIES for n in (self.reminders, *self.retries.values()))
        return exhausted or bool(self.archive_fault or self.mail_fault)

    @property
    def result_name(self) -> str:
        """The name that its owner knows the result by."""
        return RESULT.file_name(self.input_file_name)

    @property
    def input(self) -> S3Object:
        """The uploaded file."""
        return S3Object(self.s3_inputs_bucket, self.s3_key_input_file)

    @property
    def annotation(self) -> S3Object | None:
        """The user's own BED or VCF that was given with the file."""
        key = self.s3_key_annotation_file
        return S3Object(self.s3_inputs_bucket, key) if key else None

    @property
    def inputs(self) -> tuple[S3Object, ...]:
        """Everything that the user has sent."""
        return (self.input, self.annotation) if self.annotation else (self.input,)

    @property
    def result(self) -> S3Object:
        """The result in S3. Raises Refused while it is not there."""
        if RESULT.name not in self.outputs:
            raise Refused(f"job {self.job_id} has no result in S3")
        return self.outputs[RESULT.name]

    @property
    def archive_id(self) -> str:
        """The id of the result's archive. Raises Refused where the result is not archived."""
        if self.results_file_archive_id is None:
            raise Refused(f"job {self.job_id} has no archive")
        return self.results_file_archive_id

    @property
    def stored(self) -> set[Stored]:
        """Everything that the row refers to: the inventory deletes what no row does."""
        archives = {Archive(self.results_file_archive_id)} if self.results_file_archive_id else ()
        current = {*self.inputs, *self.outputs.values(), *archives}
        return current | {*self.pending_writes, *self.garbage}

    @property
    def event(self) -> dict[str, str]:
        """The event that SNS carries of this job: ids only."""
        return {"job_id": self.job_id, "user_id": self.user_id}
