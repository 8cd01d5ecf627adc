"""CORS: a browser's requests to a bucket from another origin, by the bucket's own rules.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from threading import RLock
from typing import Any

from moto.s3.exceptions import S3ClientError

from local.server.operations import service
from local.server.restores import s3_backend
from local.server.wsgi import App, Environ, StartResponse, answer, bucket_and_key, s3_error


class Cors:
    """Middleware: answers preflights, and adds the headers that let a script read a reply."""

    def __init__(self, app: App, lock: RLock) -> None:
        self.app, self.lock = app, lock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if not origin or service(environ) != "s3":
            return self.app(environ, start_response)
        if environ["REQUEST_METHOD"] != "OPTIONS":
            rule = self._rule(environ, origin, environ["REQUEST_METHOD"])
            return self.app(environ, _with(start_response, _allowance(rule, origin)))
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        rule = self._rule(environ, origin, method, headers)
        if rule is None:
            words = "CORSResponse: This CORS request is not allowed."
            return s3_error(start_response, 403, "AccessForbidden", words)
        reply = {"Access-Control-Allow-Methods": ", ".join(rule.allowed_methods)}
        if headers:
            reply["Access-Control-Allow-Headers"] = headers
        if rule.max_age_seconds:
            reply["Access-Control-Max-Age"] = str(rule.max_age_seconds)
        return answer(start_response, 200, headers={**_allowance(rule, origin), **reply})

    def _rule(self, environ: Environ, origin: str, method: str, headers: str = "") -> Any:
        """The bucket's first rule that allows it all, or None."""
        with self.lock:
            try:
                rules = s3_backend().get_bucket(bucket_and_key(environ)[0]).cors
            except S3ClientError:
                return None
            return next((r for r in rules if _allows(r, origin, method, headers)), None)


def _allows(rule: Any, origin: str, method: str, headers: str) -> bool:
    wanted = [name.strip().lower() for name in headers.split(",") if name.strip()]
    known = [name.lower() for name in rule.allowed_headers or ()]
    return (
        any(fnmatchcase(origin, pattern) for pattern in rule.allowed_origins)
        and method in rule.allowed_methods
        and all(any(fnmatchcase(name, pattern) for pattern in known) for name in wanted)
    )


def _allowance(rule: Any, origin: str) -> dict[str, str]:
    if rule is None:
        return {}
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if rule.exposed_headers:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.exposed_headers)
    return headers


def _with(start_response: StartResponse, allowance: dict[str, str]) -> StartResponse:
    """Send this allowance in place of moto's own, which is for every origin."""

    def answered(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        others = [h for h in headers if not h[0].lower().startswith("access-control-")]
        return start_response(status, [*others, *allowance.items()], *more)

    return answered
