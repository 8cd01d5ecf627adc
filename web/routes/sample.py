"""The sample: the bundled example's result, for all to look at; made anew where that failed."""

import logging
import math

from flask import Blueprint, abort, redirect, url_for
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response

from aws.rows.accounts import MailKind
from aws.rows.job import Job, Status
from web.context import site, world
from web.routes.uploads import store
from web.services import bundled
from web.sharing import SAMPLE_USER, sample_ids

log = logging.getLogger(__name__)
bp = Blueprint("sample", __name__)

PAUSE_S, GROWTH = 60, 4
"""The pause after the first try that failed, and how much longer each is: the last is an hour."""
NOT_YET = "The sample could not be made just now. It is tried again: please come back in a while."
GIVEN_UP = (
    "The sample cannot be made here. Please tell the operators of this site; meanwhile you may "
    "sign in and annotate a file of your own."
)


@bp.get("/sample")
def index() -> Response:
    """The page of a finished job for those who have none yet; the first visit has it annotated."""
    if not any(r.name == bundled.NAME for r in site().references.installed()):
        abort(404, "There is no sample here yet: no annotator has listed its genomes.")
    return redirect(url_for("annotations.details", job_id=_current().job_id))


def _current() -> Job:
    """The sample's job, made now where there is none, or where a pause after a failure is over.

    503 within a pause, and after the last try: too few of them for an alarm, so visitors tell.
    """
    pause_s, is_over = PAUSE_S, 0.0
    for job_id in sample_ids():
        job = _found(job_id)
        if job is None:
            _demand_over(is_over)
            return _submitted(job_id)
        if job.job_status is not Status.FAILED:
            return job
        is_over, pause_s = (job.complete_time or 0) + pause_s, pause_s * GROWTH
    log.error("the sample has failed %d times, the last: job %s", len(sample_ids()), job_id)
    raise ServiceUnavailable(GIVEN_UP)


def _demand_over(time: float) -> None:
    """503 with Retry-After before this time (epoch s)."""
    left_s = math.ceil(time - world().clock())
    if left_s > 0:
        raise ServiceUnavailable(NOT_YET, retry_after=left_s)


def _found(job_id: str) -> Job | None:
    try:
        return world().jobs.get(job_id)
    except KeyError:
        return None


def _submitted(job_id: str) -> Job:
    """The sample's owner is premium, so that its result stays, and gets no mail."""
    accounts, files = world().accounts, world().files
    accounts.sign_in(SAMPLE_USER, "GAS", "", "")
    accounts.subscribe(SAMPLE_USER)
    accounts.choose_mail(SAMPLE_USER, tuple(MailKind))
    name, text = bundled.EXAMPLE.name, bundled.EXAMPLE.read_bytes()
    key = files.keys.upload(SAMPLE_USER, job_id, name)
    files.write(files.inputs, key, text)
    return store(Job(job_id, SAMPLE_USER, name, files.inputs, key, len(text)))
