"""The checks of a run: what each needs, how it ends, and the loop that goes through them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import requests

from smoke.target import SmokeRun

LOG_LINES = 5
"""Lines of the log that are shown below a failure."""


class Level(IntEnum):
    """The thoroughness of a run; each has the checks of those before it."""

    QUICK = 0
    FULL = 1
    SCALE = 2


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "FAILED"
    SKIPPED = "skipped"


class CheckFailed(Exception):
    """The deployment is not as it must be; the text says what is wrong and what to do next."""


class CheckSkipped(Exception):
    """This cannot be looked at here; the text is the reason."""


@dataclass(frozen=True)
class Check:
    """One statement about the deployment. `act` proves it and returns figures worth reading.

    It raises CheckFailed, or CheckSkipped; any other exception is a failure too.
    """

    name: str
    truth: str
    act: Callable[[SmokeRun], str]
    needs: tuple[str, ...] = ()
    level: Level = Level.QUICK
    absent_locally: str = ""
    """The reason why a local world cannot have it; empty for a check that it can."""


@dataclass(frozen=True)
class CheckResult:
    """The end of one check; `detail` has figures, the fault, or the reason for leaving it out."""

    name: str
    truth: str
    verdict: Verdict
    seconds: float
    detail: str
    log: tuple[str, ...] = ()


def run_checks(
    checks: Sequence[Check], run: SmokeRun, say: Callable[[CheckResult], None]
) -> list[CheckResult]:
    """Go through the checks in their order, and tell `say` of each.

    A check whose needs did not pass is left out; all others run, so that one look shows all that
    is wrong.
    """
    results: dict[str, CheckResult] = {}
    for check in checks:
        results[check.name] = result = _result(check, run, results)
        say(result)
    return list(results.values())


def with_needs(checks: Iterable[Check], wanted: Iterable[str]) -> list[Check]:
    """The wanted checks and all that these need, in their order. Raises KeyError for another."""
    known = {check.name: check for check in checks}
    found, ahead = set[str](), list(wanted)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += known[name].needs
    return [check for name, check in known.items() if name in found]


def _result(check: Check, run: SmokeRun, before: dict[str, CheckResult]) -> CheckResult:
    began = time.monotonic()

    def ended(verdict: Verdict, detail: str, log: tuple[str, ...] = ()) -> CheckResult:
        seconds = round(time.monotonic() - began, 1)
        return CheckResult(check.name, check.truth, verdict, seconds, detail, log)

    lacking = [n for n in check.needs if n in before and before[n].verdict is not Verdict.PASSED]
    if check.absent_locally and run.target.stack is None:
        return ended(Verdict.SKIPPED, f"not on one machine: {check.absent_locally}")
    if lacking:
        return ended(Verdict.SKIPPED, f"needs {', '.join(lacking)}")
    try:
        return ended(Verdict.PASSED, check.act(run))
    except CheckSkipped as reason:
        return ended(Verdict.SKIPPED, str(reason))
    except (CheckFailed, TimeoutError) as fault:
        return ended(Verdict.FAILED, str(fault), _log(run))
    except requests.RequestException as fault:
        return ended(Verdict.FAILED, f"no answer: {fault}", _log(run))
    except Exception as fault:  # AWS's refusals have no common class outside aws/
        return ended(Verdict.FAILED, f"{type(fault).__name__}: {fault}", _log(run))


def _log(run: SmokeRun) -> tuple[str, ...]:
    """The newest lines about this run's job and of faults; none where the log cannot be read."""
    try:
        return tuple(run.target.log.faults(run.began, run.job_id)[-LOG_LINES:])
    except Exception as fault:
        return (f"the log cannot be read: {fault}",)
