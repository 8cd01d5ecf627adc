"""A warm worker, and VCFs made on the spot."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pysam
import pytest

from ann.pipeline import JobLimits, Outcome, Task
from ann.references import BUNDLED, Reference, load
from ann.task import Annotation
from ann.worker import Worker
from tests.ann.added import Adding, adding_to

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
PATIENCE_S = 600
"""The longest that a test waits for what a machine under load does late."""
LIMITS = JobLimits(
    timeout_s=PATIENCE_S,
    memory_mb=4096,
    max_line_bytes=32_000_000,
    max_records=300_000,
    max_text_bytes=100_000_000,
    max_disk_bytes=1_000_000_000,
)
Annotate = Callable[..., Outcome]


def vcf(*records: str, header: str = "") -> bytes:
    """A VCF of these records; columns are separated by spaces here."""
    lines = ["\t".join(record.split(" ")) + "\n" for record in records]
    return ("##fileformat=VCFv4.2\n" + header + COLUMNS + "".join(lines)).encode()


def records_of(outcome: Outcome) -> list[list[str]]:
    """The data lines of a result, as columns."""
    assert outcome.error is None, outcome.error
    with pysam.BGZFile(str(outcome.result), "rb", None) as stream:
        lines = [line.decode() for line in stream]
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.fixture(scope="session")
def rcrs() -> Reference:
    return load(BUNDLED / "rCRS")


@pytest.fixture(scope="session")
def sequence(rcrs: Reference) -> str:
    with pysam.FastaFile(str(rcrs.path(rcrs.fasta))) as fasta:
        return str(fasta.fetch("MT"))


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    with Worker() as warm:
        yield warm


@pytest.fixture
def annotate(worker: Worker, tmp_path: Path) -> Annotate:
    """Runs a whole job: bytes in, the outcome out; `own` is an annotation: name, tag, bytes."""

    def run(
        body: bytes,
        reference: str = "",
        limits: JobLimits = LIMITS,
        references: Path | None = None,
        mode: str = "auto",
        own: tuple[str, str, bytes] | None = None,
    ) -> Outcome:
        folder = tmp_path / f"job-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "input").write_bytes(body)
        annotation = None
        if own:
            name, tag, content = own
            annotation = Annotation(folder / "annotation", name, tag)
            annotation.path.write_bytes(content)
        task = Task(
            folder / "input", folder, "made.vcf", reference, limits, references, mode, annotation
        )
        outcome = worker.start(task).wait(PATIENCE_S)
        assert outcome is not None
        return outcome

    return run


@pytest.fixture
def said() -> list[str]:
    """Words that adding a reference says of its progress."""
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operators' folder of references, which is not there yet."""
    return tmp_path / "refs"


@pytest.fixture
def adding(tmp_path: Path, folder: Path, said: list[str]) -> Adding:
    """Adds the small genome to `folder` as Tiny."""
    return adding_to(folder, tmp_path, said)
