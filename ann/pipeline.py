"""One job's pipeline, run in a child process: pre-pass, csq piped into annotate, counts, gate."""

import hashlib
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pysam
import pysam.bcftools
from pysam.version import __bcftools_version__, __htslib_version__, __version__

from ann.prepare import Prepared, Progress, prepare
from ann.references import Reference, installed
from ann.summary import Counting, Counts, log_text, summary
from ann.vcf import Bounds, Reader, VCFError

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a whole BGZF file (SAM specification, 4.1.2)."""
HIDDEN_PEPTIDE = "10"
"""csq writes longer peptides in short (-B)."""
TOOL_FAILED = 1


@dataclass(frozen=True)
class Limits:
    """What one job may use."""

    timeout_s: float
    memory_mb: int
    max_line_bytes: int
    max_records: int
    max_text_bytes: int
    max_disk_bytes: int


@dataclass(frozen=True)
class Task:
    """One VCF to annotate. `name` is for the log only; every path is one that we made.

    `reference` is empty where the file's own words are to decide; `references` is the operators'
    folder, or None.
    """

    input: Path
    folder: Path
    name: str
    reference: str
    limits: Limits
    references: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a task. `error` is what the user reads; the files are there without one.

    `crashed` says that the child was killed or broke down: worth another attempt.
    """

    folder: Path
    error: str | None = None
    crashed: bool = False
    counts: dict[str, int] | None = None
    result_bytes: int = 0
    result_sha256: str = ""
    reference: str = ""

    @property
    def result(self) -> Path:
        return self.folder / "result.vcf.gz"

    @property
    def index(self) -> Path:
        return self.folder / "result.vcf.gz.tbi"

    @property
    def log(self) -> Path:
        return self.folder / "count.log"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.json"


class CrashError(RuntimeError):
    """A tool was killed by a signal."""


class GateError(RuntimeError):
    """The output is not what it must be."""


def run(task: Task, progress: Progress) -> Outcome:
    """Annotate one VCF. Raises VCFError for what its owner can mend, CrashError and GateError."""
    began = time.monotonic()
    limits = task.limits
    bounds = Bounds(limits.max_line_bytes, limits.max_records, limits.max_text_bytes)
    offer = installed(task.references)
    reader = Reader(task.input, bounds)
    prepared = prepare(reader, task.reference, offer, task.folder, progress)
    progress("annotating")
    outcome = Outcome(task.folder)
    part = task.folder / "part.vcf.gz"
    annotate(prepared.reference, prepared.clean, part)
    progress("counting")
    counts = finish(prepared, part, outcome.result)
    pysam.tabix_index(str(outcome.result), preset="vcf", force=True)
    check(prepared, counts, outcome.result)
    told = summary(
        counts,
        dict(prepared.reasons),
        prepared.reference,
        tools=tools(),
        file=task.name,
        notes=prepared.notes,
        seconds=round(time.monotonic() - began, 3),
    )
    outcome.summary.write_text(json.dumps(told, indent=1), encoding="utf-8")
    outcome.log.write_text(log_text(told), encoding="utf-8")
    return Outcome(
        task.folder,
        counts=_figures(counts),
        result_bytes=outcome.result.stat().st_size,
        result_sha256=_sha256(outcome.result),
        reference=prepared.reference.name,
    )


def _figures(counts: Counts) -> dict[str, int]:
    not_annotated = counts.records - counts.annotated
    return {
        "records": counts.records,
        "annotated": counts.annotated,
        "not_annotated": not_annotated,
    }


def tools() -> dict[str, str]:
    """The versions that made the result."""
    return {
        "bcftools": __bcftools_version__,
        "htslib": __htslib_version__,
        "pysam": __version__,
    }


def annotate(reference: Reference, clean: Path, out: Path) -> None:
    """Run csq, piped into annotate where the reference has known variants, a process each.

    csq keeps static state and holds the GIL: a process may call it once.
    """
    codes = {contig.genetic_code for contig in reference.contigs}
    if len(codes) != 1:
        raise VCFError(f"{reference.name} has contigs of several genetic codes; GAS needs one.")
    csq = [
        *("-l", "--unify-chr-names", "-,-,-", "-C", str(codes.pop()), "-v", "0"),
        *("-B", HIDDEN_PEPTIDE, "--no-version"),
        *("-f", str(reference.path(reference.fasta)), "-g", str(reference.path(reference.gff3))),
    ]
    if reference.known is None:
        _await([_start(pysam.bcftools.csq, [*csq, "-Oz1", "-o", str(out), str(clean)])])
        return
    pipe = out.with_suffix(".fifo")
    os.mkfifo(pipe)
    known = [
        *("-a", str(reference.path(reference.known.file)), "-c", reference.known.columns),
        *("-m", "+KNOWN", "--no-version", "-Oz1", "-o", str(out), str(pipe)),
    ]
    writer = _start(pysam.bcftools.csq, [*csq, "-Ov", "-o", str(pipe), str(clean)])
    _await([writer, _start(pysam.bcftools.annotate, known)])


def _start(tool: Callable[..., Any], arguments: list[str]) -> int:
    """Run a bcftools command in a child of its own; its process id."""
    pid = os.fork()
    if pid == 0:
        _tool(tool, arguments)
    return pid


def _tool(tool: Callable[..., Any], arguments: list[str]) -> NoReturn:
    status = TOOL_FAILED
    try:
        tool(*arguments, catch_stdout=False)
        status = 0
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _await(pids: list[int]) -> None:
    """Wait for all; one that fails takes the others along, lest they wait on the pipe for ever."""
    waiting = set(pids)
    failure: Exception | None = None
    while waiting:
        pid, status = os.wait()
        waiting.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        if code and failure is None:
            failure = _failure(code)
            for other in waiting:
                os.kill(other, 9)
    if failure:
        raise failure


def _failure(code: int) -> Exception:
    if code < 0:
        return CrashError(f"bcftools was killed by signal {-code}")
    return GateError(f"bcftools stopped with exit code {code}")


def finish(prepared: Prepared, part: Path, result: Path) -> Counts:
    """Count the records; put those that were set aside back into their places."""
    counting = Counting(prepared.reference)
    if not prepared.aside_places:
        for _ in counting.over(_lines(part)):
            continue
        shutil.move(part, result)
        return counting.done()
    with pysam.BGZFile(str(result), "wb", None) as out:
        for line in counting.over(_interleaved(prepared, part)):
            out.write(line)
    part.unlink()
    return counting.done()


def _lines(path: Path) -> Iterator[bytes]:
    with pysam.BGZFile(str(path), "rb", None) as stream:
        for line in stream:
            yield bytes(line) + b"\n"


def _interleaved(prepared: Prepared, part: Path) -> Iterator[bytes]:
    """csq's records and those set aside, in the order of the sorted input."""
    lines = _lines(part)
    first = b""
    for line in lines:
        if not line.startswith(b"#"):
            first = line
            break
        yield line
    records = itertools.chain([first] if first else [], lines)
    aside_places = iter(prepared.aside_places)
    next_aside = next(aside_places, None)
    with prepared.aside.open("rb") as aside:
        for place in range(prepared.records):
            if place == next_aside:
                next_aside = next(aside_places, None)
                yield aside.readline()
            else:
                yield next(records, b"")


def check(prepared: Prepared, counts: Counts, result: Path) -> None:
    """The gate before COMPLETED: all records are there, the file is whole. Raises GateError."""
    aside = sum(prepared.reasons.values())
    if counts.records != prepared.records or counts.annotated > counts.records - aside:
        raise GateError(f"{prepared.records} records went in, {counts.records} came out")
    if counts.substance != prepared.substance:
        raise GateError("columns or INFO values were lost on the way")
    with result.open("rb") as stream:
        stream.seek(-len(EOF_BLOCK), os.SEEK_END)
        if stream.read() != EOF_BLOCK:
            raise GateError("the result does not end in BGZF's EOF block")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
