"""Downloads: from S3, or in a stream of the site's own; few of these, for each holds a thread."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from flask import Response, abort, redirect, request
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from aws.rows.job import Job
from aws.rows.outputs import OUTPUTS
from aws.storage.files import Files
from aws.storage.stored import S3Object
from web import rate_limits
from web.context import site, world
from web.services.streams import NoPlace
from web.sharing import SAMPLE_USER, is_own

CHUNK_BYTES = 1 << 18

RETRY_S = 60
THIS_MACHINE = "this machine"
OWN = (
    "You have {most} downloads of this kind under way, the most that one person may have. Please "
    "wait until one is done, or cancel it."
)
OTHERS = "Too many people are downloading just now. Please try again in a minute."


def deliver(job: Job, name: str) -> AnyResponse:
    """One of the job's outputs: a redirect to S3, by a link that lasts for minutes.

    Whom the job is shared with gets the bytes from here: S3's address has its owner's identity in
    it. 410 where the file is gone. A part is sent to who asks for a Range, so that a download
    that broke off, or took too long, goes on.
    """
    stored, files = job.outputs[name], world().files
    file_name = OUTPUTS[name].file_name(job.input_file_name, stored.key)
    if is_own(job) or job.user_id == SAMPLE_USER:
        expires_s = site().config.web.link_s
        return redirect(files.link(stored.bucket, stored.key, file_name, expires_s))
    try:
        size, etag = files.facts(stored.bucket, stored.key)
    except FileNotFoundError:
        abort(410)
    span = _wanted_span(size, etag)
    reply = streamed(_chunks(files, stored, span), OUTPUTS[name].content_type, file_name)
    reply.headers |= {"Accept-Ranges": "bytes", "ETag": etag}
    reply.content_length = span[1] - span[0] if span else size
    if span:
        reply.status_code = 206
        reply.content_range.set(*span, size)
    return reply


def _wanted_span(size: int, etag: str) -> tuple[int, int] | None:
    """The first byte that is wanted and the one behind the last; None: all of them.

    All are sent to who asks for several spans, or has the beginning of another file; 416 to who
    asks for bytes behind its end.
    https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
    """
    wanted = request.range if request.method == "GET" else None
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) > 1:
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    return wanted.range_for_length(size) or abort(416, f"The file has {size:,} bytes.")


def _chunks(files: Files, stored: S3Object, span: tuple[int, int] | None) -> Generator[bytes]:
    """The object's bytes; it is opened with the first of them, so that a refusal opens nothing."""
    with closing(files.open(stored.bucket, stored.key, span)) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def streamed(parts: Generator[Any], media_type: str, file_name: str) -> Response:
    """An answer of these parts. 429 where the visitor has too many under way, 503 where all have.

    It ends unfinished after an hour (`LONGEST_S`), so that no reader holds a thread for ever.
    """
    reply = Response(mimetype=media_type)
    reply.headers.set("Content-Disposition", "attachment", filename=file_name)
    reply.headers["X-Accel-Buffering"] = "no"  # nginx would read ahead, and then pause too long
    if request.method == "HEAD":
        return reply
    streams, reader = site().streams, rate_limits.caller() or THIS_MACHINE
    try:
        streams.begin(reader)
    except NoPlace as taken:
        if taken.own:
            rate_limits.refuse("downloads", OWN.format(most=streams.most_each), RETRY_S)
        raise ServiceUnavailable(OTHERS, retry_after=RETRY_S) from None
    reply.response = streams.bounded(parts)
    reply.call_on_close(lambda: streams.end(reader))  # first: to close the parts may raise
    reply.call_on_close(parts.close)
    return reply
