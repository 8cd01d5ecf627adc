"""The genome around a variant, for the script that draws it: sequence, genes, the job's variants.

A job opens its own reference and nothing else, to whoever may look at its variants. Features are
as igv.js reads them: from 0, the end not included.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec

from flask import Blueprint, Response, abort, jsonify, request, url_for

from aws.rows.job import Job
from web.context import site
from web.routes.variants import WINDOW_BASES, demand_open, of_table, reference_of
from web.security import own_job_or_404
from web.services.explorer import VariantTable
from web.services.local_copies import TooLarge
from web.services.parquet_engine import Row, TooSlow, Unreadable
from web.services.references import OfferedReference

log = logging.getLogger(__name__)
bp = Blueprint("genome", __name__, url_prefix="/annotations/<job_id>/genome")
P = ParamSpec("P")

MOST_FEATURES = 5000
MOST_BYTES = 1 << 20
"""The most of a FASTA file at once: the script asks for 100 kB."""
END_OF_FILES = 1 << 40
"""Longer than any FASTA file: neither the disk nor S3 takes every number as a place."""
INDEX_BYTES = 16 << 20
"""The longest index that is sent: 300,000 contigs."""
GONE = "The genome of this job is not here any more."
SLOW = "That took too long. Zoom in and try again."
LARGE = "The genome of this job has no room on this machine. Download the table of variants."
FAULTS: dict[type[Exception], tuple[int, str | None]] = {
    FileNotFoundError: (404, GONE),
    TooLarge: (413, LARGE),
    Unreadable: (500, None),
}
"""The codes and words of the faults of a genome's files; of None the code's own words."""


class ContigSpan(NamedTuple):
    """A part of a contig, from 1, both ends included."""

    contig: str
    start: int
    stop: int


def of_genome(view: Callable[Concatenate[OfferedReference, P], Any]) -> Callable[..., Any]:
    """A view of the reference of a job whose variants may be explored."""

    @wraps(view)
    def opened(job_id: str, *args: P.args, **kwargs: P.kwargs) -> Any:
        job = own_job_or_404(job_id)
        demand_open(job)
        try:
            return view(_drawn(job), *args, **kwargs)
        except TooSlow as fault:
            log.warning("genes of job %s were given up: %s", job.job_id, fault)
            abort(503, SLOW)
        except (FileNotFoundError, TooLarge, Unreadable) as fault:
            log.error("the genome of job %s: %s", job.job_id, type(fault).__name__)
            abort(*FAULTS[type(fault)])

    return opened


@bp.get("/sequence")
@of_genome
def sequence(reference: OfferedReference) -> Response:
    """Bytes of the FASTA file, as a Range names them: 416 without one, or for too many."""
    wanted = request.range
    (first, end), *more = wanted.ranges if wanted and wanted.units == "bytes" else [(-1, None)]
    if more or not 0 <= first < END_OF_FILES or end is None or end - first > MOST_BYTES:
        abort(416, f"Ask for one range of the file, of at most {MOST_BYTES:,} bytes.")
    body = site().reference_files.part(reference, reference.fasta, first, end - first)
    if not body:
        abort(416, "The file ends before.")
    reply = Response(body, 206, mimetype="text/plain")
    reply.content_range.set(first, first + len(body), None)
    return reply


@bp.get("/sequence.fai")
@of_genome
def sequence_index(reference: OfferedReference) -> Response:
    """The index of the FASTA file; 413 for one that is longer than INDEX_BYTES."""
    name = f"{reference.fasta}.fai"
    body = site().reference_files.part(reference, name, 0, INDEX_BYTES + 1)
    if len(body) > INDEX_BYTES:
        raise TooLarge(name)
    return Response(body, mimetype="text/plain")


@bp.get("/genes")
@of_genome
def genes(reference: OfferedReference) -> Response:
    """The transcripts on a stretch of a contig."""
    stretch = _stretch(reference)
    found = site().reference_files.genes(reference, *stretch, MOST_FEATURES)
    return _features([_gene(stretch.contig, row) for row in found])


@bp.get("/variants")
@of_table
def variants(job: Job, table: VariantTable) -> Response:
    """The job's variants on a stretch of a contig, by whatever name the file has for it."""
    reference = _drawn(job)
    stretch = _stretch(reference)
    names = reference.contigs[stretch.contig]
    found = table.stretch(names, stretch.start, stretch.stop, MOST_FEATURES)
    return _features([_variant(job, stretch.contig, row) for row in found])


def _drawn(job: Job) -> OfferedReference:
    """The job's reference: 404 where it is no longer offered, or lacks what a picture needs."""
    reference = reference_of(job)
    if reference is None or not (reference.fasta and reference.genes):
        abort(404, GONE)
    return reference


def _stretch(reference: OfferedReference) -> ContigSpan:
    """The stretch that the address names: 400 where there is none, or too long a one.

    It may end behind its contig, as the script asks for it at the end of one.
    """
    start, stop = (request.args.get(name, 0, type=int) for name in ("start", "stop"))
    contig = request.args.get("contig", "")
    is_on_it = 0 < start <= reference.lengths.get(contig, 0)
    if contig not in reference.contigs or not is_on_it or not start <= stop < start + WINDOW_BASES:
        abort(400, f"Name a contig, a start on it, and a stop within {WINDOW_BASES:,} bases.")
    return ContigSpan(contig, start, stop)


def _features(found: list[dict[str, Any]]) -> Response:
    return jsonify(features=found, is_cut=len(found) == MOST_FEATURES)


def _gene(contig: str, row: Row) -> dict[str, Any]:
    """A transcript; its exons say where they are translated, as igv.js draws them thicker."""
    transcript, name, biotype, strand, start, stop, exons, cds = row
    first = min((part["start"] for part in cds or ()), default=None)
    last = max((part["stop"] for part in cds or ()), default=None)
    place = {"chr": contig, "start": start - 1, "end": stop, "strand": strand}
    drawn = [_exon(e["start"] - 1, e["stop"], first, last) for e in exons or ()]
    return {**place, "name": name or transcript, "biotype": biotype, "exons": drawn}


def _exon(start: int, end: int, first: int | None, last: int | None) -> dict[str, Any]:
    """An exon of a transcript that is translated from base `first` to `last` (from 1)."""
    if first is None or last is None or end < first or start >= last:
        return {"start": start, "end": end, "utr": first is not None}
    return {"start": start, "end": end, "cdStart": max(start, first - 1), "cdEnd": min(end, last)}


def _variant(job: Job, contig: str, row: Row) -> dict[str, Any]:
    number, chrom, pos, length, ref, alt, impact, consequence, gene = row
    return {
        "chr": contig,
        "start": pos - 1,
        "end": pos - 1 + max(1, length),
        "name": f"{ref}>{alt}",
        "place": f"{chrom}:{pos} {ref}>{alt}",
        "says": " in ".join(filter(None, (consequence, gene))),
        "impact": impact,
        "address": url_for("variants.one", job_id=job.job_id, row=number),
    }
