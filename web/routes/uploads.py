"""From an issued job id to a job: the form for S3, and the checks of what S3 sends back."""

import logging
import uuid
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import NamedTuple, NoReturn
from urllib.parse import urlencode

from flask import abort
from itsdangerous import BadSignature
from werkzeug.exceptions import HTTPException

from aws.outbox import flush
from aws.rows.accounts import Account
from aws.rows.job import Job
from aws.storage.files import PresignedPost
from aws.storage.keys import ANNOTATION
from vcf import contig_check, upload_check
from web import audit
from web.context import site, world
from web.display.filenames import display_name
from web.display.formatting import size_words
from web.rate_limits import demand_within_limits
from web.routes import own_annotation
from web.security import JOB_ID

log = logging.getLogger(__name__)

TICKET_AGE_S = 24 * 3600
"""A slow upload may end long after its form has expired."""
NOT_ISSUED = (
    "This upload does not belong to a form that GAS gave you, so it was left out. "
    "Please upload the file again."
)
GONE = "The uploaded file is not there (any more). Please upload it again."


@dataclass(frozen=True)
class ReceivedUpload:
    """An upload as S3's redirect names it: a key with a job id and the file name in it."""

    bucket: str
    key: str
    job_id: str
    name: str


class Choices(NamedTuple):
    """The user's choices for a job, as its row has them; what is empty is left to the annotator."""

    reference: str = ""
    mode: str = ""
    s3_key_annotation_file: str = ""
    annotation_tag: str = ""
    batch: str = ""
    batch_size: int = 0


def max_bytes(account: Account) -> int:
    """The most that one upload of this user may have."""
    tiers = site().config.tiers
    return tiers.premium_max_bytes if account.is_premium else tiers.free_max_bytes


def issue(account: Account, choices: Choices, scripted: bool) -> tuple[PresignedPost, str]:
    """A form for one upload, and the address to go to after it.

    S3 sends the browser there itself, unless the form is `scripted`: then it answers 201.
    """
    job_id, then = ticketed(account, choices)
    form = world().files.upload_form(
        account.user_id,
        job_id,
        max_bytes(account),
        site().config.web.upload_s,
        "" if scripted else then,
    )
    return form, then


def ticketed(account: Account, choices: Choices) -> tuple[str, str]:
    """A new job's id, and the address that makes the job of what was sent under it."""
    job_id = str(uuid.uuid4())
    ticket = site().tickets.dumps([account.user_id, job_id, *choices])
    return job_id, f"{site().config.gas.base_url}/annotate/job?{urlencode({'ticket': ticket})}"


def parse(bucket: str, key: str, user_id: str) -> ReceivedUpload:
    """404 for anything but a file in the inputs bucket under this user's own prefix."""
    try:
        parts = world().files.keys.parse_upload(key, user_id)
    except ValueError:
        _refuse()
    if bucket != world().files.inputs or not JOB_ID.fullmatch(parts.job_id):
        _refuse()
    return ReceivedUpload(bucket, key, parts.job_id, parts.rest)


def _refuse() -> NoReturn:
    """404 for a key or a ticket that was not issued so, and a line in the security log."""
    audit.record("upload_refused")
    abort(404, NOT_ISSUED)


def existing_job(upload: ReceivedUpload, user_id: str) -> Job | None:
    """The job of this upload where there is one: a reload, or a second tab."""
    try:
        job = world().jobs.get(upload.job_id)
    except KeyError:
        return None
    if job.user_id != user_id:
        abort(404)
    return job


def submit(upload: ReceivedUpload, account: Account, ticket: str) -> Job:
    """Check the upload and make it a job.

    An invalid upload is deleted and no row written. One refused only by a rate limit (429) is
    kept: reloading later submits it.
    """
    choices = _choices(ticket, account.user_id, upload.job_id)
    size, etag = _facts(upload)
    demand_within_limits(account.user_id)
    try:
        _demand_size(size, account)
        _demand_vcf(upload, size, choices.reference)
    except HTTPException:
        world().files.delete(upload.bucket, upload.key)
        raise
    try:
        choices = _with_own_annotation(choices, account.user_id, upload.job_id)
    except FileNotFoundError:
        abort(404, own_annotation.GONE)
    job = store(
        Job(
            job_id=upload.job_id,
            user_id=account.user_id,
            input_file_name=display_name(upload.name),
            s3_inputs_bucket=upload.bucket,
            s3_key_input_file=upload.key,
            input_bytes=size,
            input_etag=etag,
            **choices._asdict(),
        )
    )
    _delete_others(upload, choices)
    return job


def submit_text(text: bytes, name: str, account: Account, choices: Choices) -> Job:
    """Make a job of a VCF that the site has written itself."""
    demand_within_limits(account.user_id)
    job_id, files = str(uuid.uuid4()), world().files
    key = files.keys.upload(account.user_id, job_id, name)
    try:
        own = _with_own_annotation(choices, account.user_id, job_id)
    except FileNotFoundError:
        abort(404, own_annotation.GONE)
    files.write(files.inputs, key, text)
    job = Job(job_id, account.user_id, name, files.inputs, key, len(text), **own._asdict())
    return store(job)


def resubmit(job: Job, account: Account, choices: Choices) -> Job:
    """Submit the input of an ended job as a new one. 410 where it is kept no longer."""
    demand_within_limits(account.user_id)
    _demand_size(job.input_bytes, account)
    keys, job_id = world().files.keys, str(uuid.uuid4())
    name = keys.parse_upload(job.s3_key_input_file, job.user_id).rest
    key = keys.upload(account.user_id, job_id, name)
    try:
        world().files.copy(job.s3_inputs_bucket, job.s3_key_input_file, key)
        if job.annotation:
            choices = choices._replace(
                s3_key_annotation_file=job.annotation.key, annotation_tag=job.annotation_tag
            )
        choices = _with_own_annotation(choices, job.user_id, job_id)
    except FileNotFoundError:
        abort(410, "The file of this job is kept no longer. Please upload it again.")
    again = replace(
        Job(
            job_id, account.user_id, job.input_file_name, job.s3_inputs_bucket, key, job.input_bytes
        ),
        **choices._replace(batch=job.batch, batch_size=0)._asdict(),
        title=job.title,
    )
    return store(again)


def _with_own_annotation(choices: Choices, user_id: str, job_id: str) -> Choices:
    """The choices with a copy of their annotation for this job: it may serve several.

    Raises FileNotFoundError.
    """
    given = choices.s3_key_annotation_file
    if not given:
        return choices
    files = world().files
    name = files.keys.parse_annotation(given, user_id).rest
    key = files.keys.upload(user_id, job_id, f"{ANNOTATION}{name}")
    files.copy(files.inputs, given, key)
    return choices._replace(s3_key_annotation_file=key)


def store(job: Job) -> Job:
    """Create the job's row and flush its outbox; the stored job where another tab was quicker."""
    try:
        stored = world().jobs.create(job)
    except FileExistsError:
        return world().jobs.get(job.job_id)
    log.info("job %s submitted by %s, %d bytes", job.job_id, job.user_id, job.input_bytes)
    return flush_or_log(stored)


def flush_or_log(job: Job) -> Job:
    """Flush the outbox; after a failure the row still holds its events, for the sweeper."""
    try:
        return flush(world(), job)
    except Exception:
        log.exception("job %s: its events wait for the sweeper", job.job_id)
        return job


def _choices(ticket: str, user_id: str, job_id: str) -> Choices:
    """The choices made with the form; 404 unless this id was issued to this user."""
    try:
        owner, issued, *choices = site().tickets.loads(ticket, max_age=TICKET_AGE_S)
    except BadSignature:
        _refuse()
    if (owner, issued) != (user_id, job_id):
        _refuse()
    return Choices(*choices)


def _facts(upload: ReceivedUpload) -> tuple[int, str]:
    """The size and the ETag of the upload; 404 where it is gone."""
    try:
        return world().files.facts(upload.bucket, upload.key)
    except FileNotFoundError:
        abort(404, GONE)


def _delete_others(upload: ReceivedUpload, choices: Choices) -> None:
    """One form is for one file: delete what else was sent with it, under other names."""
    files, own = world().files, {upload.key, choices.s3_key_annotation_file}
    of_form = upload.key.removesuffix(upload.name)
    for stored in files.listing(upload.bucket, of_form):
        if stored.key not in own:
            log.warning("job %s: its form was used for another file too", upload.job_id)
            files.delete(stored.bucket, stored.key)


def _demand_size(size: int, account: Account) -> None:
    limit = max_bytes(account)
    if size <= limit:
        return
    more = "" if account.is_premium else " Premium allows larger files: see Subscribe."
    plan = "premium" if account.is_premium else "free"
    abort(
        413,
        f"This file has {size_words(size)}; the {plan} plan allows {size_words(limit)} a file. "
        f"Please split it, or keep only the variants that you need.{more}",
    )


def _demand_vcf(upload: ReceivedUpload, size: int, reference: str) -> None:
    try:
        head = world().files.head(upload.bucket, upload.key)
    except FileNotFoundError:
        abort(404, GONE)
    if reason := upload_check.refusal(head, size) or _foreign(head, size, reference):
        log.info("upload %s refused: %s", upload.job_id, PurePosixPath(upload.name).suffix)
        abort(400, reason)


def demand_genome(text: bytes, reference: str) -> None:
    """400 for a whole VCF, without contigs in its header, of which nothing can be annotated."""
    records = contig_check.seen(text.decode()).records
    contigs = contig_check.SeenContigs(records, dict.fromkeys(records), is_whole=True)
    if reason := contig_check.judge(contigs, site().references.genomes(reference)).problem:
        abort(400, reason)


def _foreign(head: bytes, size: int, reference: str) -> str:
    """The reason why nothing of the file can be annotated against a genome here; else empty."""
    contigs = contig_check.seen(upload_check.text(head, size).decode(errors="replace"))
    return contig_check.judge(contigs, site().references.genomes(reference)).problem
