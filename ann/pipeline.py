"""One job's pipeline, run in a child process: pre-pass, csq and annotate, join, gate."""

import hashlib
import json
import os
import time
from pathlib import Path

import pysam
from pysam.version import __bcftools_version__, __htslib_version__, __version__

from ann.counts import Counts
from ann.csq import STDERR, Annotation, GateError
from ann.join import join
from ann.prepare import Prepared, Progress, prepare
from ann.records import Bounds, Reader
from ann.references import installed
from ann.summary import log_text, summary
from ann.task import JobLimits, Outcome, Task

__all__ = ["JobLimits", "Outcome", "Task", "run"]

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a whole BGZF file (SAM specification, 4.1.2)."""


def run(task: Task, scratch: Path, progress: Progress) -> Outcome:
    """Annotate one VCF, working in the folder `scratch`.

    Raises VCFError for what its owner can mend, and what annotate raises.
    """
    began = time.monotonic()
    limits, outcome = task.limits, Outcome(task.folder)
    bounds = Bounds(limits.max_line_bytes, limits.max_records, limits.max_text_bytes)
    reader = Reader(task.input, bounds)
    offer = installed(task.references)
    prepared = prepare(reader, task.reference, offer, scratch, progress)
    progress("annotating")
    annotation = Annotation(
        prepared.reference, prepared.present, prepared.sites, limits, task.folder / STDERR
    )
    counts = join(prepared, annotation.lines(), outcome.result)
    progress("indexing")
    pysam.tabix_index(str(outcome.result), preset="vcf", force=True)
    check(prepared, counts, outcome.result)
    _tell(task, prepared, counts, began)
    return Outcome(
        task.folder,
        counts=_figures(counts),
        result_bytes=outcome.result.stat().st_size,
        result_sha256=_sha256(outcome.result),
        reference=prepared.reference.name,
    )


def _tell(task: Task, prepared: Prepared, counts: Counts, began: float) -> None:
    """Write the summary, and the log that is made of it."""
    outcome = Outcome(task.folder)
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


def _figures(counts: Counts) -> dict[str, int]:
    return {
        "records": counts.records,
        "annotated": counts.annotated,
        "not_annotated": counts.records - counts.annotated,
    }


def tools() -> dict[str, str]:
    """The versions that made the result."""
    return {
        "bcftools": __bcftools_version__,
        "htslib": __htslib_version__,
        "pysam": __version__,
    }


def check(prepared: Prepared, counts: Counts, result: Path) -> None:
    """The gate before COMPLETED: all records are there, the file is whole. Raises GateError."""
    aside = sum(prepared.reasons.values())
    if counts.records != prepared.records or counts.annotated > counts.records - aside:
        raise GateError(f"{prepared.records} records went in, {counts.records} came out")
    with result.open("rb") as stream:
        stream.seek(-len(EOF_BLOCK), os.SEEK_END)
        if stream.read() != EOF_BLOCK:
            raise GateError("the result does not end in BGZF's EOF block")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
