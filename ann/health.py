"""Tells a sick machine from a bad file: a known file must come through on the same machine."""

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable

from ann.job_folder import job_folder
from ann.references import BUNDLED
from ann.task import JobLimits, Task
from ann.worker import Worker

log = logging.getLogger(__name__)

TRIAL = BUNDLED / "rCRS" / "example.vcf"
TRIAL_S = 60
"""Ten times as long as the trial takes on a machine with other work."""
LIMITS = JobLimits(
    timeout_s=TRIAL_S,
    memory_mb=4096,
    max_line_bytes=1_000_000,
    max_records=1000,
    max_text_bytes=1_000_000,
    max_disk_bytes=100_000_000,
)
MIN_FREE_BYTES = 200_000_000
"""With less than this of the temporary folder's disk left no job is taken."""
MAX_OWNERS = 3
"""Owners whose jobs crash in a row before the machine is to blame whatever the trial shows.

Owners, not jobs: nobody's files alone shall take a machine out of service.
"""
DISK_FAILED = "the disk failed"


def trial() -> str | None:
    """Annotate the bundled example by a fork server of its own; return what went wrong, if so."""
    try:
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if free < MIN_FREE_BYTES:
            return f"{free:,} bytes are left on the disk, less than {MIN_FREE_BYTES:,}"
        with Worker() as worker, job_folder() as folder:
            shutil.copyfile(TRIAL, folder / "input")
            outcome = worker.start(Task(folder / "input", folder, TRIAL.name, "rCRS", LIMITS)).wait(
                TRIAL_S
            )
    except (OSError, RuntimeError) as fault:
        return f"{type(fault).__name__}: {fault}"
    return outcome.error if outcome else f"the example took longer than {TRIAL_S} s"


class Health:
    """The health of this machine, which all slots share.

    `retire` is called once, when the machine is found sick: it must take no more jobs.
    """

    def __init__(
        self,
        retire: Callable[[str], None] = lambda fault: None,
        trial: Callable[[], str | None] = trial,
    ) -> None:
        self.retire, self.trial = retire, trial
        self.fault: str | None = None
        self.owners: set[str] = set()
        self.lock = threading.Lock()

    def record_success(self) -> None:
        """Note that the child of a job came to an end of its own."""
        self.owners.clear()

    def blames_machine(self, user_id: str, error: str, disk_bytes: int) -> bool:
        """Judge a crash of this user's job: True where the machine is at fault, not the file.

        A job that may use `disk_bytes` was within them, or its limit would have been the error.
        """
        with self.lock:
            self.owners.add(user_id)
            if self.fault is None:
                self.fault = self._examine(error, disk_bytes)
                if self.fault:
                    log.error("this machine is sick and takes no more jobs: %s", self.fault)
                    self.retire(self.fault)
            return self.fault is not None

    def _examine(self, error: str, disk_bytes: int) -> str | None:
        if DISK_FAILED in error and shutil.disk_usage(tempfile.gettempdir()).free < disk_bytes:
            return f"{error}, with less of it left than a job may use"
        if len(self.owners) >= MAX_OWNERS:
            return f"jobs of {len(self.owners)} users crashed one after the other: {error}"
        return self.trial()
