"""Style sheets, scripts and pictures: compressed once, under addresses that change with them.

One digest of all of them stands in each address, so that what one asset imports by a relative
path is as new as itself, and a browser may keep either for good.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import flask_bootstrap
from flask import Blueprint, Response, abort, make_response, request, url_for

bp = Blueprint("assets", __name__)

FOLDER = Path(__file__).parent / "static"
BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/css/bootstrap.min.css"
DIGITS = 12
YEAR_S = 365 * 24 * 3600
TEXT = ("text/", "application/json", "image/svg+xml")
"""The media types that are worth compressing; pictures and fonts are compressed already."""


@dataclass(frozen=True)
class Asset:
    """One file of the site, as it is sent."""

    media_type: str
    body: bytes
    compressed: bytes | None
    """None where gzip makes it no smaller."""


def asset_url(name: str) -> str:
    """The address of an asset by its name: a path within `web/static`, or `bootstrap.min.css`."""
    return url_for("assets.send", version=digest(), name=name)


@bp.get("/assets/<version>/<path:name>")
def send(version: str, name: str) -> Response:
    """Send an asset; the address of an old version gives it as it is now, not to be kept."""
    found = read(name) if name in paths() else abort(404)
    packed = found.compressed if request.accept_encodings.quality("gzip") else None
    reply = make_response(packed or found.body)
    reply.content_type = found.media_type
    reply.vary.add("Accept-Encoding")
    if packed:
        reply.content_encoding = "gzip"
    if version == digest():
        reply.cache_control.public = True
        reply.cache_control.max_age = YEAR_S
        reply.cache_control.immutable = True
    else:
        reply.cache_control.no_cache = True
    return reply


@cache
def paths() -> dict[str, Path]:
    """The files by their names."""
    own = {str(p.relative_to(FOLDER)): p for p in sorted(FOLDER.rglob("*")) if p.is_file()}
    return {BOOTSTRAP.name: BOOTSTRAP, **own}


@cache
def digest() -> str:
    """The digest of all names and contents."""
    whole = hashlib.sha256()
    for name, path in paths().items():
        whole.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()[:DIGITS]


@cache
def read(name: str) -> Asset:
    """An asset, read and compressed at its first use. Raises KeyError for a name of none."""
    path = paths()[name]
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    packed = gzip.compress(body, mtime=0) if media_type.startswith(TEXT) else body
    return Asset(media_type, body, packed if len(packed) < len(body) else None)
