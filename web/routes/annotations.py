"""A user's jobs: the list, the page of each, its status for scripts, its files, and cancelling."""

import logging
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

from aws.rows.job import Job, Refused
from web.context import site, world
from web.display.availability import Kind, place
from web.display.pagination import Turn
from web.display.summary import Summary
from web.routes.uploads import finished
from web.security import own_job_or_404
from web.session import account, user_id

log = logging.getLogger(__name__)
bp = Blueprint("annotations", __name__, url_prefix="/annotations")

TOLD = (
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
"""What of the row a script is told."""
NOT_HERE = {
    Kind.NONE: "This job has no result.",
    Kind.ARCHIVED: "This result is archived. Subscribe to premium to bring it back.",
    Kind.RESTORING: "This result is on its way back from the archive. Its page tells when.",
}


@bp.get("")
def index() -> str:
    """One page of the user's jobs, newest first: one Query."""
    turn = Turn.of(request.args)
    try:
        page = world().jobs.page_of(user_id(), site().config.web.page_size, turn.after)
    except ValueError:
        abort(400, "This address names no place in your list. Begin again at its first page.")
    return render_template("annotations.html", page=page, turn=turn, account=account())


@bp.get("/<job_id>")
def details(job_id: str) -> str:
    """All there is to know of a job."""
    job = own_job_or_404(job_id)
    where = place(job, account().is_premium, world().clock())
    told = Summary(_summary(job) or {})
    return render_template("details.html", job=job, where=where, summary=told)


@bp.get("/<job_id>/status")
def status(job_id: str) -> AnyResponse:
    """What a script polls; 304 while nothing has changed."""
    job = own_job_or_404(job_id)
    reply = jsonify(_status(job))
    reply.headers["Cache-Control"] = "private, no-cache"
    reply.add_etag()
    return reply.make_conditional(request)


@bp.get("/<job_id>/summary")
def summary(job_id: str) -> Response:
    """The counts behind the plots, as JSON."""
    told = _summary(own_job_or_404(job_id))
    if told is None:
        abort(404, "This job has no summary (yet).")
    return jsonify(told)


@bp.get("/<job_id>/log")
def job_log(job_id: str) -> str | Response:
    """The count log in a page, or with `?raw=1` as it is."""
    job = own_job_or_404(job_id)
    if not (job.s3_results_bucket and job.s3_key_log_file):
        abort(404, "This job has no log (yet).")
    text = world().files.read(job.s3_results_bucket, job.s3_key_log_file)
    if "raw" in request.args:
        return Response(text, mimetype="text/plain")
    return render_template("log.html", job=job, text=text.decode(errors="replace"))


@bp.get("/<job_id>/download")
def download(job_id: str) -> AnyResponse:
    """Send the browser to S3 by a link that lasts for minutes."""
    job = own_job_or_404(job_id)
    return _sent_to(job, job.s3_key_result_file, job.result_name)


@bp.get("/<job_id>/index")
def tabix(job_id: str) -> AnyResponse:
    """The tabix index of the result."""
    job = own_job_or_404(job_id)
    return _sent_to(job, job.s3_key_index_file, f"{job.result_name}.tbi")


@bp.post("/<job_id>/cancel")
def cancel(job_id: str) -> AnyResponse:
    """End the job for good; 409 where it has ended."""
    job = own_job_or_404(job_id)
    try:
        finished(world().jobs.cancel(job.job_id))
    except Refused:
        abort(409, "This job has ended already, so there is nothing left to cancel.")
    log.info("job %s cancelled by its owner", job.job_id)
    return redirect(url_for(".details", job_id=job.job_id), 303)


def _sent_to(job: Job, key: str | None, name: str) -> AnyResponse:
    where = place(job, account().is_premium, world().clock())
    if not (where.can_download and job.s3_results_bucket and key):
        abort(409, NOT_HERE.get(where.kind, NOT_HERE[Kind.NONE]))
    expires_s = site().config.web.link_s
    return redirect(world().files.link(job.s3_results_bucket, key, name, expires_s))


def _summary(job: Job) -> dict[str, Any] | None:
    if not (job.s3_results_bucket and job.s3_key_summary_file):
        return None
    told: dict[str, Any] = world().files.read_json(job.s3_results_bucket, job.s3_key_summary_file)
    return told


def _status(job: Job) -> dict[str, Any]:
    """The row as far as its owner's script needs it; times are epoch seconds."""
    where = place(job, account().is_premium, world().clock())
    return {
        **{name: getattr(job, name) for name in TOLD},
        "result": where.kind,
        "expected_time": where.expected_time,
        "retrieval": {
            "tier": job.retrieval.tier,
            "requested_time": job.retrieval.requested_time,
            "expedited_refused": job.retrieval.expedited_refused,
        }
        if job.retrieval
        else None,
    }
