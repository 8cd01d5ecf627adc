"""One job's pipeline, run in a child process: pre-pass beside csq, variants, splice, gate."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ann.bgzf import EOF_BLOCK, BgzfWriter
from ann.counts import Counts
from ann.csq import STDERR, Csq, GateError
from ann.disk import Disk, duckdb_errors
from ann.gains import Gains
from ann.gate import demand_readable, fault_in_reading
from ann.header import result_header, tools
from ann.index import write_index
from ann.job_annotation import add_annotation
from ann.prepare import Prepared, Progress, Request, prepare
from ann.reader import Reader
from ann.records import Bounds, printable
from ann.references import Reference, installed
from ann.splice import Splicer
from ann.summary import log_text, summary
from ann.task import JobLimits, Outcome, Task
from ann.tbi import TbiBuilder
from ann.variants import Found, annotate_variants
from aws.storage.reference_folder import sha256

__all__ = ["EOF_BLOCK", "JobLimits", "Outcome", "Task", "run"]

COLUMNAR_MEMORY_MB = 256
MOST_THREADS = 4


class Written(NamedTuple):
    """The outputs that are made of the variants, and what was found of these."""

    outcome: Outcome
    found: Found


def run(task: Task, scratch: Path, progress: Progress) -> Outcome:
    """Annotate one VCF, working in the folder `scratch`.

    Raises VCFError for what its owner can mend; LimitError, MemoryError and OSError (EFBIG) for
    what goes beyond the job's limits; CrashError, GateError and any other OSError for our faults.
    """
    began = time.monotonic()
    disk = Disk(task.folder, task.limits)
    progress = disk.watched(progress)
    prepared = _prepared(task, scratch, progress)
    if task.annotation:
        progress("reading your annotation")
        add_annotation(prepared, task.annotation, _bounds(task.limits), scratch)
    progress("collecting what is known of the variants")
    outcome, found = _written(task, prepared, scratch, progress)
    shutil.move(prepared.rejected, outcome.rejected)
    shutil.move(found.parquet, outcome.variants)
    _check(prepared, found.counts, outcome.result)
    _report(task, prepared, found.counts, began)
    disk.demand()
    return Outcome(
        task.folder,
        counts=_figures(found.counts),
        result_bytes=outcome.result.stat().st_size,
        result_sha256=sha256(outcome.result),
        reference=prepared.reference.name,
        is_csi=outcome.is_csi,
    )


def threads() -> int:
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))


def _prepared(task: Task, scratch: Path, progress: Progress) -> Prepared:
    limits, bounds = task.limits, _bounds(task.limits)

    def start_csq(reference: Reference) -> Csq:
        return Csq(reference, scratch, limits, task.folder / STDERR)

    request, offer = Request(task.reference, task.mode), installed(task.references)
    with Reader(task.input, bounds) as reader:
        return prepare(reader, request, offer, start_csq, scratch, progress)


def _bounds(limits: JobLimits) -> Bounds:
    return Bounds(limits.max_line_bytes, limits.max_records, limits.max_text_bytes)


def _written(task: Task, prepared: Prepared, scratch: Path, progress: Progress) -> Written:
    """The result and its index; with undeclared tags as text where htslib could not read it else.

    Raises GateError.
    """
    written = _spliced(task, prepared, scratch, progress)
    if fault_in_reading(written.outcome.result) and prepared.tags.declare_as_text():
        written = _spliced(task, prepared, scratch, progress)
    demand_readable(task.input, written.outcome.result, prepared.notes)
    return written


def _spliced(task: Task, prepared: Prepared, scratch: Path, progress: Progress) -> Written:
    """The result and its index, with what is known of the variants collected meanwhile."""
    outcome = Outcome(task.folder)

    def tell(records: int) -> None:
        progress(f"writing {records:,} of {prepared.records:,}")

    header = result_header(prepared)
    index = TbiBuilder(len(header))
    with BgzfWriter(outcome.result, threads()) as out, prepared.lines.open("rb") as lines:
        out.write(header)
        splicer = Splicer(lines, prepared.header.width, out, index, tell)
        found = _found(prepared, scratch, splicer.take)
    if splicer.records != prepared.records:
        raise GateError(f"{prepared.records} records went in, {splicer.records} came out")
    progress("indexing")
    is_csi = False
    if index.can_build:
        index.write(outcome.index, out.offsets())
    else:
        is_csi = write_index(outcome.result)
    return Written(Outcome(task.folder, is_csi=is_csi), found)


def _found(prepared: Prepared, scratch: Path, take: Callable[[Gains], None]) -> Found:
    with duckdb_errors():
        return annotate_variants(
            prepared.rows,
            prepared.csq,
            prepared.reference,
            scratch,
            memory_mb=COLUMNAR_MEMORY_MB,
            take=take,
        )


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
