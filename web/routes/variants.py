"""The explorer: a job's variants as a table, their counts, one of them, and downloads."""

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.job import Job, Refused, Status
from aws.rows.outputs import stem
from web.context import site, world
from web.display import variant as display
from web.display.coding import sentences
from web.security import own_job_or_404, wants_json
from web.services.explorer import FacetCounts, VariantTable, parameter
from web.services.local_copies import TooLarge
from web.services.parquet_engine import TooSlow, Unreadable
from web.services.references import OfferedReference
from web.services.summaries import read_summary
from web.services.variant_sql import CELL_CHARACTERS
from web.services.vcf_records import some_records
from web.services.view import InvalidView, View, columns_offered
from web.session import owner_of
from web.streaming import deliver, streamed

log = logging.getLogger(__name__)
bp = Blueprint("variants", __name__, url_prefix="/annotations/<job_id>/variants")
P = ParamSpec("P")

BUSY = (
    "That took too long. Narrow it down by a gene or a region and try again, or download the "
    "whole table."
)
ASLEEP = (
    "The VCF is in the archive just now, so its records cannot be read. The table can: download it "
    "as TSV or Parquet."
)
CLOSED = "The variants cannot be explored now. Please reload this page: it tells why."
LONGEST_CELL = 5000
WINDOW_BASES = 200_000
"""The longest stretch of the genome whose features are sent; a longer one asks to zoom in."""


class ClosedExplorer(Exception):
    """The job's variants cannot be explored; `reason` chooses the words, `code` is HTTP's."""

    def __init__(self, job: Job, reason: str, code: int) -> None:
        super().__init__(reason)
        self.job, self.reason, self.code = job, reason, code


@bp.app_errorhandler(ClosedExplorer)
def show_closed(closed: ClosedExplorer) -> tuple[str | Response, int]:
    """Say what is there all the same, and what to do; a script has its reader look at the page."""
    if wants_json():
        return jsonify(error=CLOSED), closed.code
    page = render_template("variants_closed.html", job=closed.job, reason=closed.reason)
    return page, closed.code


@dataclass(frozen=True)
class VariantLinks:
    """The addresses of views of a job's variants, for its page."""

    job_id: str

    def term(self, consequence: str) -> str:
        """The variants that have the consequence in any transcript."""
        return url_for("variants.index", job_id=self.job_id, term=consequence)

    def gene(self, gene: str) -> str:
        return url_for("variants.index", job_id=self.job_id, gene=gene)

    def status(self, reason: str) -> str:
        """The variants that were not annotated, for this reason."""
        return url_for("variants.index", job_id=self.job_id, status=reason)

    def region(self, region: str) -> str:
        return url_for("variants.index", job_id=self.job_id, region=region)


def variant_links(job: Job) -> VariantLinks | None:
    """The addresses, where the job's variants can be explored by its owner."""
    try:
        demand_open(job)
    except ClosedExplorer:
        return None
    return VariantLinks(job.job_id)


def of_table(
    view: Callable[Concatenate[Job, VariantTable, P], Any],
) -> Callable[..., Any]:
    """A view of the table of one's own job; raises ClosedExplorer where there is none to see."""

    @wraps(view)
    def opened(job_id: str, *args: P.args, **kwargs: P.kwargs) -> Any:
        job = own_job_or_404(job_id)
        demand_open(job)
        try:
            table = site().explorer.open(job.outputs["variants"])
            return view(job, table, *args, **kwargs)
        except InvalidView as fault:
            abort(400, str(fault))
        except TooSlow as fault:
            log.warning("a query on job %s was given up: %s", job.job_id, fault)
            abort(503, BUSY)
        except TooLarge:
            raise ClosedExplorer(job, "large", 413) from None
        except (Unreadable, FileNotFoundError) as fault:
            log.error("variants of job %s: %s", job.job_id, type(fault).__name__)
            raise ClosedExplorer(job, "unreadable", 500) from None

    return opened


def demand_open(job: Job) -> None:
    """Raise ClosedExplorer unless the job has a table, and its owner may look at it."""
    if job.job_status is not Status.COMPLETED:
        raise ClosedExplorer(job, "unfinished" if not job.is_terminal else "ended", 409)
    if "variants" not in job.outputs:
        raise ClosedExplorer(job, "missing", 404)
    if job.is_archived and not owner_of(job).is_premium:
        raise ClosedExplorer(job, "archived", 403)


@bp.get("")
@of_table
def index(job: Job, table: VariantTable) -> str:
    """A page of the table; the address is the view."""
    view = View.parse(request.args, table.schema)
    is_counted = "counts" in request.args or not view.filters
    counted = (table.counts(view) if view.filters else table.choices()) if is_counted else None
    sources = _sources(job)
    return render_template(
        "variants.html",
        job=job,
        view=view,
        page=table.page(view),
        counts=counted,
        facets=_facets(table.shown(view), counted, view),
        columns=columns_offered(table.schema),
        label=lambda column: display.label(column, sources),
        sortable=lambda column: column in table.schema,
        address=lambda pairs: _address(job, pairs),
        cut=CELL_CHARACTERS,
    )


@bp.get("/counts")
@of_table
def counts(job: Job, table: VariantTable) -> Response:
    """The counts beside the choices, for the script: they come after the rows."""
    view = View.parse(request.args, table.schema)
    found = table.counts(view)
    facets = {parameter(facet): values for facet, values in found.facets.items()}
    return jsonify(total=found.total, facets=facets)


@bp.get("/tsv")
@of_table
def tsv(job: Job, table: VariantTable) -> Response:
    """All rows of the view, not of the page alone, in the columns that it shows."""
    view = View.parse(request.args, table.schema)
    name = f"{stem(job.input_file_name)}.variants.tsv"
    return streamed(_checked(job, table.tsv(view)), "text/tab-separated-values", name)


@bp.get("/vcf")
@of_table
def vcf(job: Job, table: VariantTable) -> Response:
    """The records of the view as they stand in the result; 409 while it is not in S3."""
    view = View.parse(request.args, table.schema)
    numbers, files = table.records(view), world().files
    try:
        stored = job.result
        files.size(stored.bucket, stored.key)
    except (Refused, FileNotFoundError):
        abort(409, ASLEEP)
    records = some_records(partial(files.open, stored.bucket, stored.key), map(int, numbers))
    return streamed(records, "text/plain", f"{stem(job.input_file_name)}.variants.vcf")


@bp.get("/parquet")
def parquet(job_id: str) -> AnyResponse:
    """The whole table as a Parquet file."""
    job = own_job_or_404(job_id)
    demand_open(job)
    return deliver(job, "variants")


@bp.get("/<row>")
@of_table
def one(job: Job, table: VariantTable, row: str) -> str:
    """One variant: every transcript, what is known of it, where to read on."""
    number = int(row) if row.isascii() and row.isdigit() and len(row) < 16 else -1
    found = table.row(number)
    if found is None:
        abort(404, "This result has no such variant.")
    sources = display.sources_of(_sources(job), read_summary(job).get("sources") or ())
    reference = reference_of(job)
    return render_template(
        "variant.html",
        job=job,
        reference=reference,
        around=display.surroundings(found, reference) if reference else None,
        window=WINDOW_BASES,
        variant={name: _bounded(value) for name, value in found.items()},
        known=display.known_facts(found, sources),
        links=display.outside_links(found),
        label=display.label,
        sentences=sentences(found["consequences"] or ()),
    )


def _checked(job: Job, lines: Iterator[str]) -> Generator[str]:
    """The lines; the first ones are made before the answer begins, so that it can be an error."""
    first = next(lines)
    second = next(lines, "")

    def whole() -> Generator[str]:
        yield first
        yield second
        yield from lines

    log.info("variants of job %s downloaded", job.job_id)
    return whole()


def reference_of(job: Job) -> OfferedReference | None:
    """The job's reference, where it is still offered."""
    return next((r for r in site().references.installed() if r.name == job.reference), None)


def _sources(job: Job) -> list[dict[str, Any]]:
    """The sources of known variants of the job's reference."""
    reference = reference_of(job)
    return reference.known if reference else []


def _address(job: Job, pairs: list[tuple[str, str]]) -> str:
    query = urlencode(pairs)
    return url_for("variants.index", job_id=job.job_id) + (f"?{query}" if query else "")


def _facets(
    shown: dict[str, list[str]], counted: FacetCounts | None, view: View
) -> list[tuple[str, str, list[tuple[str, int | None, bool]]]]:
    """(parameter, heading, choices) of each facet; a choice: value, count, and if it is chosen."""
    facets = []
    for facet, values in shown.items():
        name = parameter(facet)
        chosen = view.filters.get(name, [])
        found = counted.facets[facet] if counted else None
        rows = [(v, found.get(v, 0) if found is not None else None, v in chosen) for v in values]
        if len(rows) > 1 or chosen:
            facets.append((name, display.label(facet), rows))
    return facets


def _bounded(value: Any) -> Any:
    """A cell for a page: a text of megabytes says its length instead of its end."""
    if isinstance(value, str) and len(value) > LONGEST_CELL:
        return f"{value[:LONGEST_CELL]} … ({len(value):,} characters)"
    return value
