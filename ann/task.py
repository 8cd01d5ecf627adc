"""One job as the daemon gives it to a child, and what comes of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class JobLimits:
    """The resources that one job may use."""

    timeout_s: float
    memory_mb: int
    max_line_bytes: int
    max_records: int
    max_text_bytes: int
    max_disk_bytes: int


@dataclass(frozen=True)
class Annotation:
    """A BED or VCF of the user's own: `name` is the user's word for the file."""

    path: Path
    name: str
    tag: str

    @classmethod
    def of(cls, path: str, name: str, tag: str) -> "Annotation":
        return cls(Path(path), name, tag)


@dataclass(frozen=True)
class Task:
    """One VCF to annotate. `name` is for the log only; every path is one that we made.

    `folder` is the job's own: it holds what comes of it, and goes if the daemon dies.
    `reference` is empty where the file's own words are to decide; `references` is the operators'
    folder, or None. `mode` is auto, local or haplotype (`ann.csq`).
    """

    input: Path
    folder: Path
    name: str
    reference: str
    limits: JobLimits
    references: Path | None = None
    mode: str = "auto"
    annotation: Annotation | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of a task. `error` is the message for the user; the files exist only without one.

    `crashed` says that the child was killed or broke down: worth another attempt.
    """

    folder: Path
    error: str | None = None
    crashed: bool = False
    counts: dict[str, int] | None = None
    result_bytes: int = 0
    result_sha256: str = ""
    reference: str = ""
    is_csi: bool = False

    @property
    def result(self) -> Path:
        return self.folder / "result.vcf.gz"

    @property
    def index(self) -> Path:
        """A TBI, or a CSI where a position is beyond what a TBI can hold."""
        return self.folder / f"result.vcf.gz.{'csi' if self.is_csi else 'tbi'}"

    @property
    def variants(self) -> Path:
        return self.folder / "variants.parquet"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected.tsv"

    @property
    def log(self) -> Path:
        return self.folder / "count.log"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.json"
