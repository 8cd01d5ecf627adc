"""One job's pipeline, run in a child process: pre-pass beside csq, variants, splice, gate."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ann.beside import Beside, StaleError
from ann.bgzf import EOF_BLOCK, BgzfWriter, put_before
from ann.counts import Counts
from ann.csq import STDERR, Csq, GateError, local_files
from ann.disk import Disk, duckdb_errors
from ann.gate import demand_readable, fault_in_reading, records_to_read
from ann.growing import ENDED, Growth
from ann.header import result_header, tools
from ann.index import write_index
from ann.job_annotation import add_annotation
from ann.pre_pass import Prepared, Progress
from ann.prepare import Request, prepare
from ann.reader import Reader
from ann.records import Bounds, printable
from ann.references import Reference, installed
from ann.splice import Splicer
from ann.summary import log_text, summary
from ann.table import Ints
from ann.task import JobLimits, Outcome, Task
from ann.tbi import TbiBuilder
from ann.variants import Found, annotate_variants
from aws.storage.reference_folder import sha256

__all__ = ["EOF_BLOCK", "JobLimits", "Outcome", "Task", "run"]

COLUMNAR_MEMORY_MB = 256
BODY = "body"
"""The result without its header, which is known last."""
MOST_THREADS = 4


class Made(NamedTuple):
    """The outputs of the pass over the variants; the records are in blocks of the body."""

    found: Found
    records: int
    tbi: TbiBuilder
    block_offsets: Ints


def run(task: Task, scratch: Path, progress: Progress) -> Outcome:
    """Annotate one VCF, working in the folder `scratch`.

    Raises VCFError for what its owner can mend; LimitError, MemoryError and OSError (EFBIG) for
    what goes beyond the job's limits; CrashError, GateError and any other OSError for our faults.
    """
    began = time.monotonic()
    disk = Disk(task.folder, task.limits)
    progress = disk.watched(progress)
    writer = Beside[Prepared](lambda announce: _prepared(task, scratch, progress, announce))
    made = _made_beside(task, writer, scratch, progress)
    prepared = writer.last()
    if task.annotation:
        progress("reading your annotation")
        add_annotation(prepared, task.annotation, _bounds(task.limits), scratch)
    made = made or _made(task, prepared, scratch, _teller(prepared, progress))
    is_csi = _finished(task, prepared, made, scratch, progress)
    outcome, counts = Outcome(task.folder), made.found.counts
    shutil.move(prepared.rejected, outcome.rejected)
    shutil.move(made.found.parquet, outcome.variants)
    _check(prepared, counts, outcome.result)
    _report(task, prepared, counts, began)
    disk.demand()
    return Outcome(
        task.folder,
        counts=_figures(counts),
        result_bytes=outcome.result.stat().st_size,
        result_sha256=sha256(outcome.result),
        reference=prepared.reference.name,
        is_csi=is_csi,
    )


def threads() -> int:
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))


def _prepared(
    task: Task, scratch: Path, progress: Progress, announce: Callable[[Prepared], None]
) -> Prepared:
    """The pre-pass, which announces files that may be read while they grow."""
    limits, bounds = task.limits, _bounds(task.limits)

    def start_csq(reference: Reference) -> Csq:
        return Csq(reference, scratch, limits, task.folder / STDERR)

    request, offer = Request(task.reference, task.mode), installed(task.references)
    with Reader(task.input, bounds) as reader:
        return prepare(reader, request, offer, start_csq, scratch, progress, announce)


def _bounds(limits: JobLimits) -> Bounds:
    return Bounds(limits.max_line_bytes, limits.max_records, limits.max_text_bytes)


def _made_beside(
    task: Task, writer: Beside[Prepared], scratch: Path, progress: Progress
) -> Made | None:
    """The pass over the variants beside the pre-pass; None where it has to wait for its end."""
    prepared = writer.next()
    if writer.is_over or task.annotation:
        return None

    def tell(records: int) -> None:
        if writer.is_over:  # until then the pre-pass tells how far it is
            _teller(writer.written, progress)(records)

    try:
        return _made(task, prepared, scratch, tell, writer)
    except StaleError:
        return None


def _teller(prepared: Prepared, progress: Progress) -> Callable[[int], None]:
    """The progress of the pass in words."""
    return lambda records: progress(f"writing {records:,} of {prepared.records:,}")


def _made(
    task: Task,
    prepared: Prepared,
    scratch: Path,
    tell: Callable[[int], None],
    growth: Growth = ENDED,
) -> Made:
    """One pass over the variants: the result's body, and their table."""

    def csq() -> list[Path]:
        return prepared.csq or local_files(scratch)

    index = TbiBuilder()
    with BgzfWriter(scratch / BODY, threads()) as out, duckdb_errors():
        splicer = Splicer(out, index, tell)
        found = annotate_variants(
            *(prepared.checked, csq, prepared.reference, scratch),
            memory_mb=COLUMNAR_MEMORY_MB,
            take=splicer.take,
            growth=growth,
        )
    return Made(found, splicer.records, index, out.offsets())


def _finished(
    task: Task, prepared: Prepared, made: Made, scratch: Path, progress: Progress
) -> bool:
    """Write the result and its index; with undeclared tags as text where htslib needs that.

    True where the index is a CSI. Raises GateError.
    """
    if made.records != prepared.records:
        raise GateError(f"{prepared.records} records went in, {made.records} came out")
    progress("indexing")
    result = Outcome(task.folder).result
    is_csi = _put_together(task, prepared, made, scratch)
    most = records_to_read(prepared.tags.has_typed_samples())
    if fault_in_reading(result, most) and prepared.tags.declare_as_text():
        is_csi = _put_together(task, prepared, made, scratch)
    demand_readable(task.input, result, prepared.notes, most)
    return is_csi


def _put_together(task: Task, prepared: Prepared, made: Made, scratch: Path) -> bool:
    """Write the result of its header and its body, and the index; true for a CSI."""
    outcome = Outcome(task.folder)
    shift = put_before(result_header(prepared), scratch / BODY, outcome.result)
    if not made.tbi.can_build:
        return write_index(outcome.result)
    made.tbi.write(outcome.index, made.block_offsets + shift)
    return False


def _report(task: Task, prepared: Prepared, counts: Counts, began: float) -> None:
    """Write the summary, and the log that is made of it."""
    outcome = Outcome(task.folder)
    report = summary(
        counts,
        prepared.reference,
        tools=tools(),
        file=printable(task.name),
        notes=[printable(note) for note in prepared.notes],
        seconds=round(time.monotonic() - began, 3),
    )
    outcome.summary.write_text(json.dumps(report, indent=1), encoding="utf-8")
    outcome.log.write_text(log_text(report), encoding="utf-8")


def _figures(counts: Counts) -> dict[str, int]:
    return {
        "records": counts.records,
        "annotated": counts.annotated,
        "not_annotated": counts.records - counts.annotated,
    }


def _check(prepared: Prepared, counts: Counts, result: Path) -> None:
    """The gate before COMPLETED: all records are there, the file is whole. Raises GateError."""
    aside = sum(prepared.reasons.values())
    if counts.records != prepared.records or counts.annotated > counts.records - aside:
        raise GateError(f"{prepared.records} records went in, {counts.records} were counted")
    with result.open("rb") as stream:
        stream.seek(-len(EOF_BLOCK), os.SEEK_END)
        if stream.read() != EOF_BLOCK:
            raise GateError("the result does not end in BGZF's EOF block")
