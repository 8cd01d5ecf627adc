"""Downloads that the site makes while it sends them: few at a time, for each holds a thread."""

from collections.abc import Generator
from typing import Any

from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from web import rate_limits
from web.context import site
from web.services.streams import NoPlace
from web.session import current_user

RETRY_S = 60
OWN = (
    "You have {most} downloads of this kind under way, the most that one person may have. Please "
    "wait until one is done, or cancel it."
)
OTHERS = "Too many people are downloading just now. Please try again in a minute."


def streamed(parts: Generator[Any], media_type: str, file_name: str) -> Response:
    """An answer of these parts. 429 where the visitor has too many under way, 503 where all have.

    It ends unfinished after an hour (`LONGEST_S`), so that no reader holds a thread for ever.
    """
    reply = Response(mimetype=media_type)
    reply.headers.set("Content-Disposition", "attachment", filename=file_name)
    reply.headers["X-Accel-Buffering"] = "no"  # nginx would read ahead, and then pause too long
    if request.method == "HEAD":
        return reply
    streams, reader = site().streams, _reader()
    try:
        streams.begin(reader)
    except NoPlace as taken:
        if taken.own:
            rate_limits.refuse("downloads", OWN.format(most=streams.most_each), RETRY_S)
        raise ServiceUnavailable(OTHERS, retry_after=RETRY_S) from None
    reply.response = streams.bounded(parts)
    reply.call_on_close(parts.close)
    reply.call_on_close(lambda: streams.end(reader))
    return reply


def _reader() -> str:
    user = current_user()
    return user.user_id if user else request.remote_addr or ""
