"""S3's restores from the Glacier class, in the order that S3 keeps: ongoing, done, announced.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from local.settings import Settings
from local.wsgi import App, Environ, StartResponse, answer, path_of, s3_error

COLD = {"GLACIER", "DEEP_ARCHIVE"}
SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
COMPLETED = "s3:ObjectRestore:Completed"
Publish = Callable[[str, str], None]


def s3_backend() -> Any:
    """moto's S3, for what its API has no word for."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


class Restores:
    """Middleware: RestoreObject takes its time, is refused when told to, and ends with an event."""

    def __init__(self, app: App, settings: Settings, publish: Publish) -> None:
        self.app, self.settings, self.publish = app, settings, publish
        self.ongoing: set[tuple[str, str]] = set()
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        bucket, _, key = path_of(environ).lstrip("/").partition("/")
        query = environ.get("QUERY_STRING", "").split("&")
        if environ["REQUEST_METHOD"] == "POST" and ("restore" in query or "restore=" in query):
            return self._restore(environ, start_response, bucket, key)
        if environ["REQUEST_METHOD"] == "HEAD" and (bucket, key) in self.ongoing:
            start_response = _ongoing(start_response)
        return self.app(environ, start_response)

    def _restore(
        self, environ: Environ, start_response: StartResponse, bucket: str, key: str
    ) -> Iterable[bytes]:
        stored = s3_backend().get_object(bucket, key)
        if stored is None:
            return s3_error(start_response, 404, "NoSuchKey", "The key does not exist.")
        if stored.storage_class not in COLD:
            words = "Restore is not allowed for the object's current storage class"
            return s3_error(start_response, 403, "InvalidObjectState", words)
        tier, days = _asked(environ["wsgi.input"].read())
        if self.settings.refuses(tier):
            words = "Glacier expedited retrievals are currently not available"
            return s3_error(start_response, 503, "GlacierExpeditedRetrievalNotAvailable", words)
        if not self._begin(bucket, key):
            words = "Object restore is already in progress"
            return s3_error(start_response, 409, "RestoreAlreadyInProgress", words)
        timer = threading.Timer(self.settings.delay_s(tier), self._end, (bucket, key, stored, days))
        timer.daemon = True
        timer.start()
        return answer(start_response, 202, kind="application/xml")

    def _begin(self, bucket: str, key: str) -> bool:
        with self.lock:
            if (bucket, key) in self.ongoing:
                return False
            self.ongoing.add((bucket, key))
            return True

    def _end(self, bucket: str, key: str, stored: Any, days: int) -> None:
        """Readable first, announced after."""
        stored.restore(days)
        stored.status = "RESTORED"
        with self.lock:
            self.ongoing.discard((bucket, key))
        for topic in topics(bucket):
            self.publish(topic, json.dumps({"Records": [_record(bucket, key, stored)]}))


def topics(bucket: str) -> list[str]:
    """The ARNs that the bucket's notification configuration names for finished restores."""
    configuration = s3_backend().get_bucket(bucket).notification_configuration
    if configuration is None:
        return []
    return [topic.arn for topic in configuration.topic if COMPLETED in topic.events]


def _asked(body: bytes) -> tuple[str, int]:
    request = ElementTree.fromstring(body)  # noqa: S314
    tier = request.findtext(f".//{SPACE}Tier") or "Standard"
    return tier, int(request.findtext(f"{SPACE}Days") or 1)


def _record(bucket: str, key: str, stored: Any) -> dict[str, Any]:
    return {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": "ObjectRestore:Completed",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key, safe="/"), "size": stored.size},
        },
    }


def _ongoing(start_response: StartResponse) -> StartResponse:
    def answered(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        kept = [h for h in headers if h[0].lower() != "x-amz-restore"]
        return start_response(status, [*kept, ("x-amz-restore", 'ongoing-request="true"')], *more)

    return answered
