"""S3's restores from the Glacier class, in the order that S3 keeps: ongoing, done, announced.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends

from local.server.control import ControlSettings
from local.server.timers import Timers
from local.server.wsgi import App, Environ, StartResponse, answer, body_of, bucket_and_key, s3_error

COLD = {"GLACIER", "DEEP_ARCHIVE"}
SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
COMPLETED = ("s3:ObjectRestore:Completed", "s3:ObjectRestore:*")
ONGOING = ("x-amz-restore", 'ongoing-request="true"')
TIERS = ("Expedited", "Standard", "Bulk")
Publish = Callable[[str, str], None]


def s3_backend() -> Any:
    """moto's S3 backend, for operations that its API lacks."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def stored_object(bucket: str, key: str) -> Any:
    """moto's object, or None."""
    try:
        return s3_backend().get_object(bucket, key)
    except S3ClientError:
        return None


def is_cold(stored: Any) -> bool:
    """Tell whether the object is in a Glacier class and not restored."""
    return stored.storage_class in COLD and stored.expiry_date is None


class Restores:
    """Middleware: RestoreObject takes time, may be refused (by Control), ends with an event."""

    def __init__(
        self, app: App, settings: ControlSettings, timers: Timers, publish: Publish, lock: RLock
    ) -> None:
        self.app, self.settings, self.lock = app, settings, lock
        self.timers, self.publish = timers, publish
        self.ongoing: set[tuple[str, str]] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "").split("&")
        if environ["REQUEST_METHOD"] == "POST" and ("restore" in query or "restore=" in query):
            return self._restore(environ, start_response)
        if environ["REQUEST_METHOD"] == "HEAD" and bucket_and_key(environ) in self.ongoing:
            start_response = _with_ongoing(start_response)
        return self.app(environ, start_response)

    def _restore(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        where = bucket_and_key(environ)
        try:
            tier, days = _tier_and_days(body_of(environ))
        except (ElementTree.ParseError, ValueError):
            return s3_error(start_response, 400, "MalformedXML", "The XML is not well-formed.")
        with self.lock:
            stored = stored_object(*where)
            refusal = self._refusal(where, stored, tier)
            if refusal:
                return s3_error(start_response, *refusal)
            if not is_cold(stored):
                self._keep(stored, days)
                return answer(start_response, 200, kind="application/xml")
            self.ongoing.add(where)
        self.timers.after(self.settings.delay_s(tier), lambda: self._end(*where, stored, days))
        return answer(start_response, 202, kind="application/xml")

    def _refusal(
        self, where: tuple[str, str], stored: Any, tier: str
    ) -> tuple[int, str, str] | None:
        if stored is None:
            return 404, "NoSuchKey", "The specified key does not exist."
        if stored.storage_class not in COLD:
            words = "Restore is not allowed for the object's current storage class"
            return 403, "InvalidObjectState", words
        if where in self.ongoing:
            return 409, "RestoreAlreadyInProgress", "Object restore is already in progress"
        if self.settings.refuses(tier):
            words = "Glacier expedited retrievals are currently not available, try again later"
            return 503, "GlacierExpeditedRetrievalNotAvailable", words
        return None

    def _end(self, bucket: str, key: str, stored: Any, days: int) -> None:
        """Readable first, announced after; nothing where the object is gone by now."""
        with self.lock:
            self.ongoing.discard((bucket, key))
            if stored_object(bucket, key) is not stored:
                return
            self._keep(stored, days)
            notice = json.dumps({"Records": [_record(bucket, key, stored)]})
        for topic in topics(bucket):
            self.publish(topic, notice)

    def _keep(self, stored: Any, days: int) -> None:
        """Keep the restored copy for so many days, counted from now."""
        seconds = days * self.settings.day_s
        expiry = datetime.now(UTC) + timedelta(seconds=seconds)
        stored.status = "RESTORED"  # before moto looks: it would count it as its own restore
        stored.set_expiry(expiry)
        self.timers.after(seconds, lambda: self._expire(stored, expiry))

    def _expire(self, stored: Any, expiry: datetime) -> None:
        """Delete the restored copy, unless it was restored again meanwhile."""
        with self.lock:
            if stored._expiry is expiry:
                stored.set_expiry(None)


def topics(bucket: str) -> list[str]:
    """The ARNs that the bucket's notification configuration names for finished restores."""
    configuration = s3_backend().get_bucket(bucket).notification_configuration
    wanted = configuration.topic if configuration else []
    return [topic.arn for topic in wanted if any(name in topic.events for name in COMPLETED)]


def _tier_and_days(body: bytes) -> tuple[str, int]:
    """The tier and days of a RestoreObject request. Raises ParseError or ValueError."""
    request = ElementTree.fromstring(body)  # noqa: S314
    tier = request.findtext(f".//{SPACE}Tier") or "Standard"
    if tier not in TIERS:
        raise ValueError(tier)
    return tier, int(request.findtext(f"{SPACE}Days") or 1)


def _record(bucket: str, key: str, stored: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    expiry = stored._expiry.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    expires = {"lifecycleRestorationExpiryTime": expiry}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": "ObjectRestore:Completed",
        "userIdentity": {"principalId": "AmazonCustomer:local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": stored.size,
                "eTag": stored.etag.strip('"'),
            },
        },
        "glacierEventData": {
            "restoreEventData": {**expires, "lifecycleRestoreStorageClass": stored.storage_class}
        },
    }


def _with_ongoing(start_response: StartResponse) -> StartResponse:
    def answered(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        others = [h for h in headers if h[0].lower() != ONGOING[0]]
        return start_response(status, [*others, ONGOING], *more)

    return answered
