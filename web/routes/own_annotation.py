"""A user's own BED or VCF for a job: its form for S3, and the checks of what S3 sends back.

It is sent before the VCFs that it is for, each of which gets a copy; what is left is an orphan.
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
from web.session import account

bp = Blueprint("own_annotation", __name__)

MOST_BYTES = 100_000_000
"""An annotation's size, where the plan does not allow less."""
TICKET_AGE_S = 24 * 3600
SALT = "annotation"
NOT_ISSUED = (
    "This annotation does not belong to a form that GAS gave you. Please add the file again."
)
GONE = "The annotation is not there (any more). Please add the file again."


@dataclass(frozen=True)
class OwnAnnotation:
    """A BED or VCF that waits for its VCF; `ticket` is the proof that it is the user's."""

    ticket: str
    key: str
    name: str

    @property
    def usual_tag(self) -> str:
        return usual_tag(self.name)


def form_for(user: Account, max_bytes: int) -> PresignedPost:
    """A form for an annotation, bound to the user, an id of its own, and the size."""
    issued = str(uuid.uuid4())
    query = urlencode({"ticket": site().tickets.dumps([user.user_id, issued], salt=SALT)})
    return world().files.upload_form(
        user.user_id,
        issued,
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
    (issued,) = _of_ticket(request.args.get("ticket", ""), user_id)
    name = _name(key, user_id, issued)
    if request.args.get("bucket", "") != world().files.inputs:
        abort(404, NOT_ISSUED)
    _demand_usable(key)
    ticket = site().tickets.dumps([user_id, issued, key], salt=SALT)
    return redirect(url_for("annotate.index", annotation=ticket, tag=usual_tag(name)))


def waiting(ticket: str, user_id: str) -> OwnAnnotation | None:
    """The annotation of a ticket; None without one, 404 for another user's."""
    if not ticket:
        return None
    issued, key = _of_ticket(ticket, user_id, 2)
    return OwnAnnotation(ticket, key, display_name(_name(key, user_id, issued)))


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


def _name(key: str, user_id: str, issued: str) -> str:
    """The file's name; 404 unless the key is that of this user's annotation under that id."""
    try:
        parts = world().files.keys.parse_annotation(key, user_id)
    except ValueError:
        abort(404, NOT_ISSUED)
    if parts.job_id != issued:
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
