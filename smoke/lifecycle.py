"""One job's life: annotated, downloaded, mailed, archived, brought back; and a lost event."""

import gzip
import hashlib
import uuid

import requests

from aws.outbox import announce_role
from aws.rows.job import Job, Status
from smoke.checks import CheckFailed, CheckSkipped
from smoke.target import SmokeRun
from util.load_common import EXAMPLE

TERMINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
HOURS = {"Standard": "3 to 5 hours", "Bulk": "5 to 12 hours"}


def completed(run: SmokeRun) -> str:
    """The job goes through queue, annotator and S3 to its row."""
    job = run.until(
        lambda job: job.job_status in TERMINAL,
        run.target.patience.job_s,
        "no annotator has finished the job",
    )
    if job.job_status is not Status.COMPLETED:
        raise CheckFailed(f"the job is {job.job_status}: {job.error}")
    run.sha256 = job.result_sha256 or ""
    started, ended = job.start_time or 0, job.complete_time or 0
    return f"{started - job.submit_time:.1f} s in the queue, {ended - started:.1f} s at work"


def downloaded(run: SmokeRun) -> str:
    """Result and index come by their links, with the row's checksum and the file's name."""
    reply = _file(run, "download")
    _demand_same(run, reply.content)
    name = run.job().result_name
    if name not in reply.headers.get("Content-Disposition", ""):
        raise CheckFailed(f"the download is not named {name}")
    if not gzip.decompress(reply.content).startswith(b"##fileformat=VCF"):
        raise CheckFailed("the result is no VCF")
    return f"{len(reply.content):,} bytes, index {len(_file(run, 'index').content):,} bytes"


def _file(run: SmokeRun, kind: str) -> requests.Response:
    reply = run.visitor.get(f"/annotations/{run.job_id}/{kind}")
    if not reply.ok:
        raise CheckFailed(f"/annotations/{run.job_id}/{kind} answers {reply.status_code}")
    return reply


def _demand_same(run: SmokeRun, body: bytes) -> None:
    found = hashlib.sha256(body).hexdigest()
    if found != run.sha256:
        raise CheckFailed(f"the result's SHA-256 is {found}, its row has {run.sha256}")


def mailed(run: SmokeRun) -> str:
    """The owner's mail is with SES."""
    run.until(lambda job: job.mailed, run.target.patience.mail_s, "no mail was sent")
    return "SES has taken the mail"


def archived(run: SmokeRun) -> str:
    """A free user's result leaves S3 for Glacier when its time is over; its link answers 409."""
    after_s = run.target.config.archive.after_s
    job = run.until(
        lambda job: job.is_archived,
        after_s + run.target.patience.archive_s,
        "the result was not archived",
    )
    code = run.visitor.get(f"/annotations/{run.job_id}/download").status_code
    if code != requests.codes.conflict:
        raise CheckFailed(f"the download of an archived result answers {code}, not 409")
    left = list(run.world.files.listing(run.world.files.results, _result_prefix(run, job)))
    if any(item.key.endswith(".annot.vcf.gz") for item in left):
        raise CheckFailed("the result is archived, and still in the results bucket")
    spent = (job.archived_time or 0) - (job.complete_time or 0)
    return f"{spent:.0f} s after completion"


def _result_prefix(run: SmokeRun, job: Job) -> str:
    return run.world.files.keys.upload(run.user_id, job.job_id, "")


def restored(run: SmokeRun) -> str:
    """Subscribing brings the result back from Glacier, byte for byte."""
    subscribe(run)
    job = run.until(
        lambda job: job.is_hot or bool(job.retrieval and job.retrieval.id),
        run.target.patience.job_s,
        "Glacier did not take the retrieval of the result",
    )
    if run.target.stack and job.retrieval and job.retrieval.tier in HOURS:
        run.keeps = True
        raise CheckSkipped(
            f"Glacier takes {HOURS[job.retrieval.tier]} ({job.retrieval.tier}): look again by "
            f"./gas smoke --stack {run.target.stack.name} --resume {run.job_id}"
        )
    return came_back(run)


def subscribe(run: SmokeRun) -> None:
    """Go premium by the page's form; where that is to be paid for, by the operator's right."""
    page = run.visitor.page("/subscribe")
    is_free = (
        run.target.deployed.parameters.get("PaymentsProvider", "none") == "none"
        if (run.target.stack)
        else True
    )
    if is_free and any(form.action.endswith("/subscribe") for form in page.forms):
        run.visitor.submit(page, "/subscribe")
        return
    run.world.accounts.subscribe(run.user_id)
    announce_role(run.world, run.user_id)


def came_back(run: SmokeRun) -> str:
    """Wait for the result; the same bytes as before must come."""
    job = run.until(
        lambda job: job.is_hot, run.target.patience.restore_s, "the result did not come back"
    )
    _demand_same(run, _file(run, "download").content)
    spent = (job.thawed_time or 0) - (job.requested_time or 0)
    return f"{spent:.0f} s after the request"


def swept(run: SmokeRun) -> str:
    """A job whose event was lost is found by the sweeper, and annotated."""
    files, lost = run.world.files, str(uuid.uuid4())
    body, key = EXAMPLE.read_bytes(), files.keys.upload(run.user_id, lost, EXAMPLE.name)
    files.write(files.inputs, key, body)
    run.world.jobs.submit(
        Job(lost, run.user_id, EXAMPLE.name, files.inputs, key, len(body), mailed=True)
    )
    first, run.job_id = run.job_id, lost
    try:
        job = run.until(
            lambda job: job.job_status in TERMINAL,
            run.target.patience.sweep_s,
            "the sweeper did not find a job whose event was lost",
        )
    finally:
        run.job_id = first
    return f"{(job.start_time or 0) - job.submit_time:.0f} s until it was annotated"
