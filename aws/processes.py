"""The processes of GAS: the one list that supervisor, launcher, installer and tests go by."""

from dataclasses import dataclass
from enum import StrEnum


class InstanceKind(StrEnum):
    """The kinds of EC2 instances; each runs some of the processes."""

    WEB = "web"
    ANNOTATOR = "annotator"
    UTIL = "util"


@dataclass(frozen=True)
class GasProcess:
    """A process: `./gas NAME` runs `module`, which consumes `queue` where there is one."""

    name: str
    kind: InstanceKind
    module: str
    queue: str | None = None


PROCESSES = (
    GasProcess("web", InstanceKind.WEB, "web"),
    GasProcess("annotator", InstanceKind.ANNOTATOR, "ann.annotator", "job_requests"),
    GasProcess("notify", InstanceKind.UTIL, "util.notify", "job_results"),
    GasProcess("archive", InstanceKind.UTIL, "util.archive", "results_archive"),
    GasProcess("restore", InstanceKind.UTIL, "util.restore", "restore"),
    GasProcess("thaw", InstanceKind.UTIL, "util.thaw", "thaw"),
    GasProcess("sweep", InstanceKind.UTIL, "util.sweep"),
)
DAEMONS = {process.queue: process.name for process in PROCESSES if process.queue}
"""The daemon that consumes each queue."""
TOPICS = tuple(DAEMONS)
"""SNS topics; each has an SQS queue of its name, and that queue its `<name>_dlq`."""


def of_kind(kind: InstanceKind) -> list[GasProcess]:
    """The processes of one kind of instance."""
    return [process for process in PROCESSES if process.kind is kind]
