"""A large upload in parts: the script sends each to S3 by an address signed for it alone.

S3 itself says which parts it has, so that a page that was closed goes on where it stopped.
"""

import math
from typing import NamedTuple

from flask import Blueprint, Response, abort, jsonify, request
from itsdangerous import BadSignature

from aws.storage.parts import PART_BYTES
from web.context import site, world
from web.display.filenames import display_name
from web.display.formatting import size_words
from web.rate_limits import demand_within_limits
from web.routes import uploads
from web.routes.annotate import choices
from web.session import account

bp = Blueprint("parts", __name__, url_prefix="/annotate/parts")

ANY_BYTES = 10**15
"""More than any file has: a number without end could not even be put into words."""
OVER = "This upload is over: it was finished, or waited for too long. Please send the file again."
LACKING = (
    "This file has not arrived whole: parts of it are missing. Choose it again, and the upload "
    "goes on with those."
)


class PartedUpload(NamedTuple):
    """An upload that was begun, as its token has it."""

    user_id: str
    job_id: str
    key: str
    upload_id: str
    size: int
    then: str


@bp.post("")
def begin() -> Response:
    """Begin an upload of the form's `name` and `size`; a token to go on with."""
    demand_within_limits(account().user_id)
    size = max(0, min(request.form.get("size", 0, type=int), ANY_BYTES))
    most = uploads.max_bytes(account())
    if not 0 < size <= most:
        abort(413, f"This file has {size_words(size)}; your plan allows {size_words(most)} a file.")
    job_id, then = uploads.ticketed(account(), choices())
    key = world().files.keys.upload(account().user_id, job_id, display_name(request.form["name"]))
    upload_id = world().parts.begin(key)
    begun = PartedUpload(account().user_id, job_id, key, upload_id, size, then)
    return jsonify(token=site().parted.dumps(begun), part_bytes=PART_BYTES)


@bp.get("/<token>")
def stored(token: str) -> Response:
    """The numbers of the parts that S3 has. 410 once the upload is over."""
    upload = _upload(token)
    try:
        return jsonify(parts=sorted(world().parts.stored(upload.key, upload.upload_id)))
    except FileNotFoundError:
        abort(410, OVER)


@bp.get("/<token>/<int:number>")
def address(token: str, number: int) -> Response:
    """The address for one part."""
    upload = _upload(token)
    begin = (number - 1) * PART_BYTES
    if number < 1 or begin >= upload.size:
        abort(404, "This file has no such part.")
    size, expires_s = min(PART_BYTES, upload.size - begin), site().config.web.upload_s
    url = world().parts.address(upload.key, upload.upload_id, number, size, expires_s)
    return jsonify(url=url)


@bp.post("/<token>")
def finish(token: str) -> Response:
    """Make one file of the parts; the address that makes a job of it, again for a lost reply."""
    upload, parts = _upload(token), world().parts
    try:
        stored = parts.stored(upload.key, upload.upload_id)
        if len(stored) < math.ceil(upload.size / PART_BYTES):
            abort(409, LACKING)
        parts.finish(upload.key, upload.upload_id, stored)
    except FileNotFoundError:
        _demand_finished(upload)
    return jsonify(then=upload.then, bucket=world().files.inputs, key=upload.key)


def _demand_finished(upload: PartedUpload) -> None:
    """410 where the parts are gone, and did not become a file."""
    try:
        world().files.facts(world().files.inputs, upload.key)
    except FileNotFoundError:
        abort(410, OVER)


def _upload(token: str) -> PartedUpload:
    """The user's own upload of this token; 404 for any other."""
    try:
        upload = PartedUpload(*site().parted.loads(token, max_age=uploads.TICKET_AGE_S))
    except BadSignature:
        abort(404, uploads.NOT_ISSUED)
    if upload.user_id != account().user_id:
        abort(404, uploads.NOT_ISSUED)
    return upload
