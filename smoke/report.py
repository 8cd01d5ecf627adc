"""A run's results as a person reads them, and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from smoke.checks import CheckResult, Verdict


def line(result: CheckResult) -> str:
    """One line of a result; below a failure the newest lines of the log."""
    head = f"{result.verdict:<8}{result.name:<11}{result.truth:<40}{result.seconds:>6.1f} s"
    log = [f"{'':<8}| {text}" for text in result.log]
    return "\n".join([f"{head}  {result.detail}".rstrip(), *log]) + "\n"


def summary(results: Sequence[CheckResult], seconds: float) -> str:
    """The last line: how many passed, failed and were left out."""
    counts = Counter(result.verdict for result in results)
    failed = ", ".join(r.name for r in results if r.verdict is Verdict.FAILED)
    parts = [f"{counts[verdict]} {verdict.lower()}" for verdict in Verdict]
    return f"{', '.join(parts)} in {seconds:.0f} s" + (f": {failed}\n" if failed else "\n")


def is_good(results: Sequence[CheckResult]) -> bool:
    """True where nothing failed, and not all was left out."""
    verdicts = {result.verdict for result in results}
    return Verdict.FAILED not in verdicts and Verdict.PASSED in verdicts


def document(results: Sequence[CheckResult], seconds: float) -> str:
    """The same as one JSON object."""
    checks = [asdict(result) for result in results]
    found = {"good": is_good(results), "seconds": round(seconds, 1), "checks": checks}
    return json.dumps(found) + "\n"
