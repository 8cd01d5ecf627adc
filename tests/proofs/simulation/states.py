"""The states of docs/states.md: which follow one another, and which one a row is in."""

import re
from pathlib import Path

from aws.rows.job import Job, Status

PAGE = (Path(__file__).parents[3] / "docs" / "states.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^ +(\S+) --> (\S+): ", re.MULTILINE)
DRAWN = set(ARROW.findall(PAGE)) | {("RUNNING", "hot")}
"""Pairs of states that follow one another; a completed job's first state is hot."""


def _attributes() -> dict[str, dict[str, bool]]:
    """Each state of a result, with the attributes that the page says are set, or are not."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    names, *rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    return {
        row[0]: {n: cell != "no" for n, cell in zip(names[1:], row[1:], strict=True) if cell}
        for row in rows
    }


SET = _attributes()


def state_of(job: Job) -> str:
    """The state of a row. Raises LookupError where the page has not exactly one for it."""
    if job.job_status is not Status.COMPLETED:
        return str(job.job_status)
    row = vars(job) | {"retrieval.id": job.retrieval and job.retrieval.id}
    agree = [s for s, wanted in SET.items() if all(bool(row[n]) is w for n, w in wanted.items())]
    if len(agree) != 1:
        raise LookupError(f"{agree} agree with {job}")
    return agree[0]
