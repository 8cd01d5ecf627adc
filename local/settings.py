"""What can be told to the local AWS while it runs: how long Glacier takes, and what is to fail."""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from local.wsgi import (
    App,
    Environ,
    StartResponse,
    answer,
    answer_json,
    operation,
    path_of,
    signed_service,
)

THROTTLES = {"ThrottlingException", "Throttling", "ProvisionedThroughputExceededException"}


@dataclass
class Settings:
    """Glacier's manners: seconds that each tier takes, and whether Expedited has capacity."""

    expedited_s: float = 3
    standard_s: float = 6
    bulk_s: float = 10
    kept_s: float = 24 * 3600
    capacity: str = "ok"

    def delay_s(self, tier: str) -> float:
        return float(getattr(self, f"{tier.lower()}_s"))

    def refuses(self, tier: str) -> bool:
        return tier == "Expedited" and self.capacity != "ok"

    def change(self, told: dict[str, Any]) -> None:
        """Raises ValueError for a name that is no setting."""
        unknown = told.keys() - asdict(self).keys()
        if unknown:
            raise ValueError(f"no setting {', '.join(sorted(unknown))}")
        for name, value in told.items():
            setattr(self, name, value)


@dataclass
class Fault:
    """A failure to answer with: `times` requests of `service` (and `operation`, if given)."""

    service: str
    operation: str | None = None
    status: int = 503
    code: str = "ServiceUnavailable"
    times: int = 1
    delay_s: float = 0


class Control:
    """Middleware: `PUT /_gas/settings`, `POST /_gas/fail`, `GET /_gas/health`, and the faults."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.healthy = threading.Event()
        self.faults: list[Fault] = []
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
        return _failure(fault, start_response)

    def _control(
        self, path: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        if path == "/_gas/health":
            return answer(start_response, 200 if self.healthy.is_set() else 503)
        told = json.loads(environ["wsgi.input"].read() or b"{}")
        try:
            if path == "/_gas/settings":
                self.settings.change(told)
            elif path == "/_gas/fail":
                self.faults.append(Fault(**told))
            else:
                return answer(start_response, 404)
        except (TypeError, ValueError) as fault:
            return answer_json(start_response, 400, {"error": str(fault)})
        return answer_json(start_response, 200, asdict(self.settings))

    def _fault(self, environ: Environ) -> Fault | None:
        if not self.faults:
            return None
        service, named = signed_service(environ), operation(environ)
        with self.lock:
            for fault in self.faults:
                if fault.service == service and fault.operation in (None, named):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None


def _failure(fault: Fault, start_response: StartResponse) -> list[bytes]:
    """An error that botocore reads in either protocol family."""
    if fault.service in ("s3", "sns", "ses"):
        body = f"<ErrorResponse><Error><Code>{fault.code}</Code></Error></ErrorResponse>"
        if fault.service == "s3":
            body = f"<Error><Code>{fault.code}</Code><Message>told to fail</Message></Error>"
        return answer(start_response, fault.status, body.encode(), "application/xml")
    headers = {"x-amzn-ErrorType": fault.code}
    body = json.dumps({"__type": fault.code, "message": "told to fail"})
    return answer(start_response, fault.status, body.encode(), "application/json", headers)
