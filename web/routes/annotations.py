"""A user's jobs: the list, the page of each, its status for scripts, its files, and cancelling."""

import logging
from dataclasses import asdict
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.job import Job, Refused, Status
from aws.rows.jobs import JobPage
from web.context import site, world
from web.display.availability import Availability, ResultState, availability
from web.display.circle import CircularMap, circular_map
from web.display.pagination import PageCursor
from web.display.progress import share_of
from web.display.summary import REASON_WORDS, Summary
from web.routes.annotate import MODES
from web.routes.uploads import flush_or_log
from web.routes.variants import variant_links
from web.security import own_job_or_404
from web.services import bundled
from web.services.annotators import Outlook
from web.services.job_list import MOST_READ, ORDERS, STATUSES, JobQuery, find
from web.services.summaries import read_summary
from web.session import account, owner_of, user_id
from web.sharing import is_own, link, live_shares
from web.streaming import deliver

log = logging.getLogger(__name__)
bp = Blueprint("annotations", __name__, url_prefix="/annotations")

STATUS_FIELDS = (
    "job_id",
    "job_status",
    "progress",
    "error",
    "submit_time",
    "start_time",
    "complete_time",
    "result_name",
    "result_bytes",
    "result_sha256",
    "counts",
    "existed",
    "archived_time",
    "requested_time",
    "thawed_time",
    "expires_time",
)
"""The row's attributes in the status, for its owner's script."""
NOT_HERE = {
    ResultState.NONE: "This job has no result.",
    ResultState.ARCHIVED: "This result is archived. Subscribe to premium to bring it back.",
    ResultState.UNREADABLE: "This result could not be read back. Its page tells what to do.",
    ResultState.RESTORING: "This result is on its way back from the archive. Its page tells when.",
}


@bp.get("")
def index() -> str:
    """One page of the user's jobs, newest first: one Query; or those that the address asks for."""
    return _list("annotations.html")


@bp.get("/rows")
def rows() -> str:
    """The table of that page alone, for the script that keeps it true."""
    return _list("_jobs.html")


def _list(template: str) -> str:
    cursor, query = PageCursor.of(request.args), JobQuery.of(request.args)
    return render_template(
        template,
        page=_page(cursor) if query.is_plain else JobPage(_found(query), None),
        cursor=cursor,
        query=query,
        account=account(),
        statuses=STATUSES,
        orders=ORDERS,
        most_read=MOST_READ,
    )


def _page(cursor: PageCursor) -> JobPage:
    try:
        return world().jobs.page_of(user_id(), site().config.web.page_size, cursor.after)
    except ValueError:
        abort(400, "This address names no place in your list. Begin again at its first page.")


def _found(query: JobQuery) -> list[Job]:
    return find(world().jobs, user_id(), query)


@bp.get("/<job_id>")
def details(job_id: str) -> str:
    """The page of a job, with its state, its counts and its plots."""
    job = own_job_or_404(job_id)
    summary = Summary(read_summary(job))
    return render_template(
        "details.html",
        job=job,
        result=_availability(job),
        summary=summary,
        reason_words=REASON_WORDS,
        explore=variant_links(job),
        outlook=_outlook(job),
        progress=share_of(job.progress),
        circle=_circle(summary),
        references=site().references.installed(),
        modes=MODES,
        shares=live_shares(job) if is_own(job) else {},
        share_link=link,
    )


@bp.get("/<job_id>/status")
def status(job_id: str) -> AnyResponse:
    """The status, for a script that polls; 304 while nothing has changed."""
    job = own_job_or_404(job_id)
    reply = jsonify(_status(job))
    reply.add_etag()
    return reply.make_conditional(request)


@bp.get("/<job_id>/summary")
def summary(job_id: str) -> Response:
    """The counts behind the plots, as JSON."""
    document = read_summary(own_job_or_404(job_id))
    if not document:
        abort(404, "This job has no summary (yet).")
    return jsonify(document)


@bp.get("/<job_id>/log")
def job_log(job_id: str) -> str | Response:
    """The count log in a page, or with `?raw=1` as it is."""
    job = own_job_or_404(job_id)
    if "log" not in job.outputs:
        abort(404, "This job has no log (yet).")
    stored = job.outputs["log"]
    text = world().files.read(stored.bucket, stored.key)
    if "raw" in request.args:
        return Response(text, mimetype="text/plain")
    return render_template("log.html", job=job, text=text.decode(errors="replace"))


@bp.get("/<job_id>/download")
def download(job_id: str) -> AnyResponse:
    """The annotated VCF."""
    return _deliver(own_job_or_404(job_id), "result")


@bp.get("/<job_id>/index")
def tabix(job_id: str) -> AnyResponse:
    """The tabix index of the result."""
    return _deliver(own_job_or_404(job_id), "index")


@bp.get("/<job_id>/rejected")
def rejected(job_id: str) -> AnyResponse:
    """Every record that was set aside, with its line and the reason."""
    job = own_job_or_404(job_id)
    if "rejected" not in job.outputs:
        abort(404, "This job has no list of records set aside (yet).")
    return deliver(job, "rejected")


@bp.post("/<job_id>/cancel")
def cancel(job_id: str) -> AnyResponse:
    """End the job for good; 409 where it has ended."""
    job = own_job_or_404(job_id)
    try:
        flush_or_log(world().jobs.cancel(job.job_id))
    except Refused:
        abort(409, "This job has ended already, so there is nothing left to cancel.")
    log.info("job %s cancelled by its owner", job.job_id)
    return redirect(url_for(".details", job_id=job.job_id), 303)


def _deliver(job: Job, name: str) -> AnyResponse:
    """One of the job's files of the result; 409 while it is not in S3."""
    result = _availability(job)
    if not result.can_download or name not in job.outputs:
        abort(409, NOT_HERE.get(result.state, NOT_HERE[ResultState.NONE]))
    return deliver(job, name)


def _circle(summary: Summary) -> CircularMap | None:
    """The map of the bundled genome, which is circular, with the job's variants on it."""
    if summary.reference_name != bundled.NAME or not summary.contigs:
        return None
    contig = summary.contigs[0]
    genes, parts = bundled.genes(), bundled.parts()
    return circular_map(contig.name, contig.length, genes, contig.columns, parts)


def _outlook(job: Job) -> Outlook | None:
    """The state of the queue, for a job that waits in it."""
    return site().annotators.outlook() if job.job_status is Status.PENDING else None


def _availability(job: Job) -> Availability:
    return availability(job, owner_of(job).is_premium, world().clock())


def _status(job: Job) -> dict[str, Any]:
    """The row as far as its owner's script needs it; times are epoch seconds."""
    result = _availability(job)
    return {
        **{name: getattr(job, name) for name in STATUS_FIELDS},
        "result": result.state,
        "expected_time": result.expected_time,
        "queue": asdict(queue) if (queue := _outlook(job)) else None,
        "retrieval": {
            "tier": job.retrieval.tier,
            "requested_time": job.retrieval.requested_time,
            "expedited_refused": job.retrieval.expedited_refused,
        }
        if job.retrieval
        else None,
    }
