"""Faults at the k-th AWS call: dying before it or after it, a lost reply, an error answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from aws.resources import World


class Crash(BaseException):
    """The process dies here: nothing in it may catch this."""


class Mode(StrEnum):
    BEFORE = "dies before the call"
    AFTER = "dies after the call"
    REPEATED = "the reply is lost and the call repeated"
    REFUSED = "the service answers with an error"


class Refusal:
    """A stand-in for botocore's HTTP response."""

    status_code = 503
    headers: dict[str, str] = {}


BODIES = {"Body", "body"}
"""The parts of an answer that are still to be read: S3's objects, Glacier's archives."""
ERROR = {
    "Error": {"Code": "ServiceUnavailable", "Message": "made to fail"},
    "ResponseMetadata": {"HTTPStatusCode": 503},
}


def error(code: str, message: str = "made to fail") -> dict[str, Any]:
    """A service's answer with this error code."""
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }


def clients(world: World) -> list[Any]:
    """Every boto3 client that a handler can reach."""
    vault = getattr(world.vault, "glacier", None) or getattr(world.vault, "s3", None)
    return [
        world.jobs.table.client,
        world.files.s3,
        *([vault] if vault is not world.files.s3 else []),
        world.events.sns,
        world.mail.ses,
    ]


class Fault:
    """Counts calls, and crashes at the `at`-th."""

    def __init__(self, mode: Mode, at: int, between: Callable[[], object]) -> None:
        self.mode, self.at, self.between = mode, at, between
        self.calls, self.call = 0, ""

    def before_call(self, model: Any, **_: Any) -> Any:
        self.calls += 1
        if self.calls != self.at or self.call:
            return None
        self.call = f"{model.service_model.service_name}.{model.name}"
        if self.mode is Mode.BEFORE:
            raise Crash(self.call)
        return (Refusal(), ERROR) if self.mode is Mode.REFUSED else None

    def after_call(self, parsed: dict[str, Any], **_: Any) -> None:
        if self.mode is Mode.AFTER and self.call and self.calls == self.at:
            self.calls += 1
            for name in BODIES & parsed.keys():  # the connections of who dies are closed
                parsed[name].close()
            raise Crash(self.call)

    def sender(self, client: Any) -> Any:
        """Sends the failed request once more than its caller knows."""

        def before_send(request: Any, **_: Any) -> None:
            if self.mode is Mode.REPEATED and self.call and self.calls == self.at:
                self.calls += 1
                _ = client._endpoint.http_session.send(
                    request
                ).content  # the connection is free then
                self.between()
                if hasattr(request.body, "seek"):
                    request.body.seek(0)

        return before_send


@contextmanager
def fault_at(
    world: World, mode: Mode, at: int, between: Callable[[], object] = lambda: None
) -> Iterator[Fault]:
    """Within the block, the `at`-th AWS call fails in this mode.

    `between` happens after a reply is lost and before the call is repeated.
    """
    fault = Fault(mode, at, between)
    hooks = []
    for client in clients(world):
        hooks += [
            (client, "before-call", fault.before_call),
            (client, "after-call", fault.after_call),
            (client, "before-send", fault.sender(client)),
        ]
    with _hooked(hooks):
        yield fault


@contextmanager
def outage(world: World, *operations: str, answer: dict[str, Any] = ERROR) -> Iterator[list[str]]:
    """Within the block, every call of these operations is answered with an error; yields them."""
    refused: list[str] = []

    def before_call(model: Any, **_: Any) -> Any:
        if model.name not in operations:
            return None
        refused.append(model.name)
        return Refusal(), answer

    with _hooked([(client, "before-call", before_call) for client in clients(world)]):
        yield refused


class Meeting:
    """Runs `act` once, before the `at`-th AWS call that is `operation` (or any)."""

    def __init__(self, act: Callable[[], object], at: int, operation: str) -> None:
        self.act, self.at, self.operation = act, at, operation
        self.calls, self.met, self.acting = 0, "", False

    def before_call(self, model: Any, **_: Any) -> None:
        if self.acting or self.operation not in ("", model.name):
            return
        self.calls += 1
        if self.calls == self.at:
            self.met, self.acting = f"{model.service_model.service_name}.{model.name}", True
            self.act()
            self.acting = False


@contextmanager
def meanwhile(
    world: World, act: Callable[[], object], at: int = 1, operation: str = ""
) -> Iterator[Meeting]:
    """Within the block, all of `act` happens between two AWS calls, as in another process."""
    meeting = Meeting(act, at, operation)
    with _hooked([(client, "before-call", meeting.before_call) for client in clients(world)]):
        yield meeting


@contextmanager
def _hooked(hooks: list[tuple[Any, str, Callable[..., Any]]]) -> Iterator[None]:
    for client, event, hook in hooks:
        client.meta.events.register(event, hook)
    try:
        yield
    finally:
        for client, event, hook in hooks:
            client.meta.events.unregister(event, hook)
