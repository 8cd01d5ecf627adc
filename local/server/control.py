"""Runtime control of the local AWS: Glacier delays and fault injection."""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from local.server.operations import operation, service
from local.server.wsgi import (
    App,
    Environ,
    StartResponse,
    answer,
    answer_json,
    body_of,
    is_form_post,
    path_of,
    pieces,
)

XML_ERRORS = {
    "s3": "<Error><Code>{}</Code><Message>failed on request</Message></Error>",
    "sns": "<ErrorResponse><Error><Code>{}</Code></Error></ErrorResponse>",
    "ses": "<ErrorResponse><Error><Code>{}</Code></Error></ErrorResponse>",
}


@dataclass
class ControlSettings:
    """Glacier's behaviour: the seconds that each tier takes, and whether Expedited has capacity.

    A vault keeps a retrieval's output for `kept_s`; S3 counts `day_s` for each day that it keeps
    a restored copy.
    """

    expedited_s: float = 3
    standard_s: float = 6
    bulk_s: float = 10
    kept_s: float = 24 * 3600
    day_s: float = 24 * 3600
    capacity: str = "ok"

    def delay_s(self, tier: str) -> float:
        return float(getattr(self, f"{tier.lower()}_s"))

    def refuses(self, tier: str) -> bool:
        return tier == "Expedited" and self.capacity == "short"

    def change(self, changes: dict[str, Any]) -> None:
        """Change these settings together. Raises ValueError for an unknown name or value."""
        for name, value in changes.items():
            good = (
                value in ("ok", "short") if name == "capacity" else isinstance(value, int | float)
            )
            if name not in asdict(self) or not good:
                raise ValueError(f"no setting {name} = {value!r}")
        vars(self).update(changes)


@dataclass
class InjectedFault:
    """A fault for the next `times` requests of `service` (and of `operation`, where one is given).

    They wait for `delay_s`, then fail with `code`; a `status` of 0 lets them go on after the wait.
    With `after` the work is done, and only the reply is lost.
    """

    service: str
    operation: str | None = None
    status: int = 503
    code: str = "ServiceUnavailable"
    times: int = 1
    delay_s: float = 0
    after: bool = False


class Control:
    """Middleware: `PUT /_gas/settings`, `POST /_gas/fail`, `GET /_gas/health`, and the faults."""

    def __init__(self, app: App, settings: ControlSettings) -> None:
        self.app, self.settings = app, settings
        self.faults: list[InjectedFault] = []
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path.startswith("/_gas/"):
            return self._control(path, environ, start_response)
        fault = self._fault(environ)
        if fault is None:
            return self.app(environ, start_response)
        threading.Event().wait(fault.delay_s)
        if not fault.status:
            return self.app(environ, start_response)
        self._use_up(fault, environ)
        return _failure(fault, start_response)

    def _use_up(self, fault: InjectedFault, environ: Environ) -> None:
        """Read the request to its end; where only the reply is to be lost, serve it too."""
        if fault.after:
            b"".join(self.app(environ, lambda *_: None))
        elif is_form_post(environ):
            for _ in pieces(environ):
                continue

    def _control(
        self, path: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        if path == "/_gas/health":
            return answer(start_response, 200)
        try:
            request = json.loads(body_of(environ) or b"{}")
            if path == "/_gas/settings":
                self.settings.change(request)
            elif path == "/_gas/fail":
                self._fail(environ["REQUEST_METHOD"], request)
            else:
                return answer(start_response, 404)
        except (AttributeError, TypeError, ValueError) as fault:
            return answer_json(start_response, 400, {"error": str(fault)})
        return answer_json(start_response, 200, asdict(self.settings))

    def _fail(self, method: str, fault: dict[str, Any]) -> None:
        """Add a fault; DELETE removes all that are still to come."""
        with self.lock:
            if method == "DELETE":
                self.faults.clear()
            else:
                self.faults.append(InjectedFault(**fault))

    def _fault(self, environ: Environ) -> InjectedFault | None:
        if not self.faults:
            return None
        called = service(environ), operation(environ)
        with self.lock:
            for fault in self.faults:
                if (fault.service, fault.operation or called[1]) == called:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None


def _failure(fault: InjectedFault, start_response: StartResponse) -> list[bytes]:
    """An error in the form of the service's protocol."""
    form = XML_ERRORS.get(fault.service)
    if form:
        body = form.format(fault.code)
        return answer(start_response, fault.status, body.encode(), "application/xml")
    headers = {"x-amzn-ErrorType": fault.code}
    body = json.dumps({"__type": fault.code, "code": fault.code, "message": "failed on request"})
    return answer(start_response, fault.status, body.encode(), "application/json", headers)
