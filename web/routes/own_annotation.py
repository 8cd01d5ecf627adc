"""A user's own BED or VCF for a job: its form for S3, and the checks of what S3 sends back.

It is sent before the VCF that it is for, under the id that the job will have.
"""

import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, request, url_for
from itsdangerous import BadSignature
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.accounts import Account
from aws.storage.files import PresignedPost
from aws.storage.keys import ANNOTATION
from vcf import upload_check
from vcf.tag import fault_in_tag, usual_tag
from web.context import site, world
from web.display.filenames import display_name
from web.security import JOB_ID
from web.session import account

bp = Blueprint("own_annotation", __name__)

MOST_BYTES = 100_000_000
"""An annotation's size, where the plan does not allow less."""
TICKET_AGE_S = 24 * 3600
SALT = "annotation"
NOT_ISSUED = (
    "This annotation does not belong to a form that GAS gave you. Please add the file again."
)
USED = "This annotation went with another job already. Please add the file again."
GONE = "The annotation is not there (any more). Please add the file again."


@dataclass(frozen=True)
class OwnAnnotation:
    """A BED or VCF that waits for its VCF; `ticket` is the proof that it is the user's."""

    ticket: str
    job_id: str
    key: str
    name: str

    @property
    def usual_tag(self) -> str:
        return usual_tag(self.name)


def form_for(user: Account, max_bytes: int) -> PresignedPost:
    """A form for an annotation, bound to the user, the id of a job to be, and the size."""
    job_id = str(uuid.uuid4())
    query = urlencode({"ticket": site().tickets.dumps([user.user_id, job_id], salt=SALT)})
    return world().files.upload_form(
        user.user_id,
        job_id,
        min(max_bytes, MOST_BYTES),
        site().config.web.upload_s,
        f"{site().config.gas.base_url}/annotate/own?{query}",
        ANNOTATION,
    )


@bp.get("/annotate/own")
def received() -> AnyResponse:
    """Look at an annotation after S3's redirect, and go on to the form for the VCF."""
    user_id = account().user_id
    key = request.args.get("key", "")
    (job_id,) = _of_ticket(request.args.get("ticket", ""), user_id)
    name = _name(key, user_id, job_id)
    if request.args.get("bucket", "") != world().files.inputs:
        abort(404, NOT_ISSUED)
    _demand_usable(key)
    ticket = site().tickets.dumps([user_id, job_id, key], salt=SALT)
    return redirect(url_for("annotate.index", annotation=ticket, tag=usual_tag(name)))


def waiting(ticket: str, user_id: str) -> OwnAnnotation | None:
    """The annotation of a ticket; None without one. 404 for another user's, 409 for a used one."""
    if not ticket:
        return None
    job_id, key = _of_ticket(ticket, user_id, 2)
    if _is_used(job_id):
        abort(409, USED)
    return OwnAnnotation(ticket, job_id, key, display_name(_name(key, user_id, job_id)))


def _is_used(job_id: str) -> bool:
    try:
        world().jobs.get(job_id)
    except KeyError:
        return False
    return True


def demand_tag(tag: str) -> None:
    """400 for a tag that cannot be used, with the reason."""
    if fault := fault_in_tag(tag):
        abort(400, fault)


def _of_ticket(ticket: str, user_id: str, parts: int = 1) -> list[str]:
    """The parts of a ticket of this user; 404 for any other."""
    try:
        owner, *found = site().tickets.loads(ticket, max_age=TICKET_AGE_S, salt=SALT)
    except BadSignature:
        abort(404, NOT_ISSUED)
    if owner != user_id or len(found) != parts:
        abort(404, NOT_ISSUED)
    return [str(part) for part in found]


def _name(key: str, user_id: str, job_id: str) -> str:
    """The file's name; 404 unless the key is that of this user's annotation for that job."""
    try:
        parts = world().files.keys.parse_annotation(key, user_id)
    except ValueError:
        abort(404, NOT_ISSUED)
    if parts.job_id != job_id or not JOB_ID.fullmatch(job_id):
        abort(404, NOT_ISSUED)
    return parts.rest


def _demand_usable(key: str) -> None:
    """Refuse by its first bytes, and delete, what can be neither a BED nor a VCF."""
    files = world().files
    try:
        head, size = files.head(files.inputs, key), files.size(files.inputs, key)
    except FileNotFoundError:
        abort(404, GONE)
    reason = upload_check.annotation_refusal(head, size)
    if reason:
        files.delete(files.inputs, key)
        abort(400, reason)
