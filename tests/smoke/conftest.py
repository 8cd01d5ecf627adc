"""A private world for `./gas smoke`, and runs of some of its checks in it."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from local.addresses import free_port
from local.process import Process
from local.service import LocalService, aws_of
from smoke.__main__ import LOCAL, of_service
from smoke.catalogue import CHECKS
from smoke.checks import CheckResult, run_checks, with_needs
from smoke.target import SmokeRun, Target


@dataclass
class SmokedWorld:
    """A running local world, looked at from outside."""

    service: LocalService
    target: Target

    def process(self, name: str) -> Process:
        return next(p for p in self.service.processes if p.name == name)

    def begin(self, **patience: float) -> SmokeRun:
        """A run; its waits are as given, the others long enough for a busy machine."""
        waits = replace(self.target.patience, **patience)
        return SmokeRun(replace(self.target, patience=waits), f"smoke-{uuid.uuid4()}")

    def look(
        self,
        run: SmokeRun,
        *names: str,
        say: Callable[[CheckResult], None] = lambda result: None,
    ) -> dict[str, CheckResult]:
        """The results of these checks and of what they need, by name; cleans up after itself."""
        try:
            results = run_checks(with_needs(CHECKS, names), run, say)
        finally:
            run.clean_up()
        return {result.name: result for result in results}


@pytest.fixture(scope="module")
def smoked() -> Iterator[SmokedWorld]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        service = LocalService(free_port(), None, None, log, LOCAL)
        try:
            service.start()
            with aws_of(service.env):
                yield SmokedWorld(service, of_service(service))
        finally:
            service.stop()
