"""The owner's ways with jobs: naming, running again, deleting, fetching several results at once."""

import io
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from aws.rows import lifecycle
from aws.rows.job import Job, Refused
from aws.storage.files import Files
from web.context import site, world
from web.display.availability import availability
from web.display.formatting import DAY_S
from web.routes.annotate import choices
from web.routes.uploads import flush_or_log, resubmit
from web.security import own_job_or_404
from web.services.zip_stream import zipped
from web.session import account
from web.streaming import streamed

log = logging.getLogger(__name__)
bp = Blueprint("manage", __name__, url_prefix="/annotations")

TITLE_CHARACTERS, NOTE_CHARACTERS = 120, 2000
MOST_SELECTED = 90
"""Their ids make an address of 4 kB, which is what gunicorn takes."""
MOST_BYTES = 4_000_000_000
"""The most that one archive of results may have: one holds a thread (streaming.py)."""
LEFT_OUT = "left-out.txt"
LEFT_OUT_WORDS = (
    "These were selected, and could not be downloaded when this archive was made. The page of each "
    "tells why.\n\n"
)
NOT_YET = (
    "{name} cannot be deleted just now: it has not ended, its mail is still to be sent, or its "
    "result is being moved. Please try again in a minute."
)


@bp.post("/<job_id>/describe")
def describe(job_id: str) -> AnyResponse:
    """Give the job a name of its owner's, and a note."""
    job = own_job_or_404(job_id)
    title = " ".join(request.form.get("title", "").split())
    note = "\n".join(request.form.get("note", "").splitlines())  # a browser sends two characters
    if len(title) > TITLE_CHARACTERS or len(note) > NOTE_CHARACTERS:
        abort(400, f"A name may have {TITLE_CHARACTERS} characters, a note {NOTE_CHARACTERS:,}.")
    if not title.isprintable():
        abort(400, "This name has characters in it that cannot be shown. Please choose another.")
    world().jobs.describe(job.job_id, title=title, note=note.strip())
    return redirect(url_for("annotations.details", job_id=job.job_id), 303)


@bp.post("/<job_id>/again")
def again(job_id: str) -> AnyResponse:
    """Run the job's file again as a new job, by the choices of the form."""
    job = own_job_or_404(job_id)
    if not job.is_terminal:
        abort(409, "This job has not ended yet. Cancel it first, to run its file another way.")
    new = resubmit(job, account(), choices())
    return redirect(url_for("annotations.details", job_id=new.job_id), 303)


@bp.post("/selected")
def selected() -> AnyResponse:
    """From the boxes of the list to the page or the archive of what was chosen."""
    chosen = _selected()
    act = "manage.download" if request.form.get("act") == "download" else "manage.deleting"
    return redirect(url_for(act, job=chosen), 303)


@bp.get("/deleting")
def deleting() -> str:
    """Ask once more: its owner cannot bring a deleted job back."""
    kept_s = site().config.web.deleted_days * DAY_S
    return render_template("deleting.html", jobs=_chosen(), kept_s=kept_s)


@bp.post("/delete")
def delete() -> AnyResponse:
    """Delete the jobs with all their bytes. 409, before any is, where one cannot be deleted now.

    While S3 deletes nothing the bytes are the sweeper's: nobody waits for each in turn.
    """
    chosen, now, deletes = _chosen(), world().jobs.now(), True
    for job in chosen:
        with _not_yet(job):
            lifecycle.delete(job, now)
    for job in chosen:
        with _not_yet(job):
            gone = world().jobs.delete(job.job_id)
            deletes = deletes and not flush_or_log(gone).garbage
        log.info("job %s deleted by its owner", job.job_id)
    return redirect(url_for("annotations.index"), 303)


@bp.get("/download")
def download() -> Response:
    """The results of the jobs chosen, and their indexes, as one zip archive.

    It ends with a list of the jobs whose results are not here, or have gone while it was made.
    """
    chosen = _chosen()
    jobs = [job for job in chosen if _can_download(job)]
    if not jobs:
        abort(409, "None of these has a result that can be downloaded now.")
    if sum(job.result_bytes or 0 for job in jobs) > MOST_BYTES:
        abort(413, "These are more than 4 GB together. Please select fewer, or one by one.")
    left_out = [job for job in chosen if job not in jobs]
    parts = zipped(_members(jobs, left_out, world().files, site().config.gas.base_url))
    return streamed(parts, "application/zip", "gas-results.zip")


@contextmanager
def _not_yet(job: Job) -> Iterator[None]:
    """409 where the job's row is not in a state to be deleted."""
    try:
        yield
    except Refused:
        abort(409, NOT_YET.format(name=job.name))


def _chosen() -> list[Job]:
    """The jobs that the form or the address names; 404 unless each is the user's own."""
    return [own_job_or_404(job_id) for job_id in _selected()]


def _selected() -> list[str]:
    """The ids in the form or the address, each once. 400 for none, and for too many."""
    ids = list(dict.fromkeys(request.values.getlist("job")))
    if not ids:
        abort(400, "Nothing is selected. Go back and tick the jobs that you mean.")
    if len(ids) > MOST_SELECTED:
        abort(400, f"Please select {MOST_SELECTED} jobs at most.")
    return ids


def _can_download(job: Job) -> bool:
    return availability(job, account().is_premium, world().clock()).can_download


def _members(
    jobs: list[Job], left_out: list[Job], files: Files, base_url: str
) -> Iterator[tuple[str, IO[bytes]]]:
    """The results and their indexes by name; one that repeats has the job's id before it."""
    names, lacking = Counter(job.result_name for job in jobs), [*left_out]
    for job in jobs:
        own = f"{job.job_id[:8]}_" if names[job.result_name] > 1 else ""
        try:
            for output in ("result", "index"):
                stored = job.outputs[output]
                ending = stored.key.rpartition(".")[2]
                name = job.result_name if output == "result" else f"{job.result_name}.{ending}"
                yield own + name, files.open(stored.bucket, stored.key)
        except FileNotFoundError:
            lacking.append(job)
    if lacking:
        lines = (f"{job.name}\t{base_url}/annotations/{job.job_id}\n" for job in lacking)
        yield LEFT_OUT, io.BytesIO("".join([LEFT_OUT_WORDS, *lines]).encode())
