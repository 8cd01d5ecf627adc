"""docs/states.md against the code: every step from every state that a job can get into."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from aws.rows import lifecycle, moves
from aws.rows.job import Job, Now, PendingWork, Refused, Result, Timeouts
from aws.rows.jobs import Jobs
from aws.rows.outputs import OUTPUTS
from aws.storage.stored import Archive, S3Object
from aws.storage.vault import RetrievalRequest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "states.md").read_text(encoding="utf-8")
Arrow = tuple[str, str, str]
"""A state, a step, and the state after it."""
NOWHERE = "[*]"
ARROW = re.compile(r"^ +(\S+) --> (\S+): (.+)$", re.MULTILINE)
SPANS = Timeouts(grace_s=60, patience_s=600, retrieval_s=21600, after_s=300, by_queue=True)
TIMES = (Now(1000.0, SPANS), Now(10_000.0, SPANS))
"""The later one is after every lease."""
NEW = Job("j", "u", "a.vcf", "in", "k", 10)
WRITTEN = {name: S3Object("results", name) for name in OUTPUTS}
RESULT = Result(
    outputs=WRITTEN, result_bytes=5, result_sha256="00", reference="rCRS", counts={"records": 1}
)


def section(title: str) -> str:
    """The text under a title of the page."""
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def drawn(title: str) -> set[Arrow]:
    """The arrows of a section's diagram."""
    found = ARROW.findall(section(title))
    return {(state, step, then) for state, then, label in found for step in label.split(", ")}


JOB = drawn("The job")
RESULT_ARROWS = drawn("The result of a COMPLETED job")
CHANGE_NEITHER = set(re.findall(r"`(\w+)`", section("Steps that change neither state")))


def steps() -> dict[str, Callable[..., Job]]:
    """Every step of the lifecycle, by its name."""
    modules = (lifecycle, moves)
    functions = [(m, *f) for m in modules for f in inspect.getmembers(m, inspect.isfunction)]
    public = [(m, name, step) for m, name, step in functions if not name.startswith("_")]
    return {name: step for m, name, step in public if step.__module__ == m.__name__}


def attributes_of_states() -> dict[str, dict[str, bool]]:
    """Each state of a result, with the attributes that the page says are set, or are not."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    names, *rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    return {
        row[0]: {n: cell != "no" for n, cell in zip(names[1:], row[1:], strict=True) if cell}
        for row in rows
    }


SET = attributes_of_states()


def state_of_result(job: Job) -> str:
    """The one state of the page's table that the row agrees with."""
    if job.existed is None:
        return NOWHERE
    row = vars(job) | {"retrieval.id": job.retrieval and job.retrieval.id}
    agree = [s for s, wanted in SET.items() if all(bool(row[n]) is w for n, w in wanted.items())]
    assert len(agree) == 1, f"{agree} agree with {job}"
    return agree[0]


def arguments(job: Job) -> dict[str, Any]:
    """What each argument of a step must be for this job to take it, by the argument's name."""
    token = job.retrieval and job.retrieval.token
    return {
        "owner": "me",
        "lease_s": 30,
        "progress": "annotating",
        "outputs": tuple(WRITTEN.values()),
        "result": job.outputs.get("result") if job.existed else RESULT,
        "share_id": "s",
        "share": "1000 ",
        "title": "Patient 7",
        "note": "A note.",
        "error": "It cannot be annotated.",
        "fault": "its archive came back changed",
        "expires_time": job.expires_time,
        "outbox": job.outbox,
        "garbage": job.garbage,
        "rev": job.rev,
        "reserved": Archive("x"),
        "archive_id": job.results_file_archive_id or "x",
        "token": token or "t",
        "instead_of": token,
        "tier": "Standard",
        "answer": RetrievalRequest("glacier's", "Standard", expedited_refused=False),
        "after_s": 60,
        "work": PendingWork.COMMIT,
        "thaws": job.thaws + 1,
        "copy": S3Object("results", "thawed"),
    }


def taken(job: Job) -> Iterator[tuple[str, Job]]:
    """The steps that this job takes, now or after its lease; each with the job after it."""
    values = arguments(job)
    for name, step in steps().items():
        wanted = list(inspect.signature(step).parameters)[2:]
        for at in TIMES if name != "submit" else ():
            try:
                yield name, step(job, at, **{argument: values[argument] for argument in wanted})
            except Refused:
                continue


def look(job: Job) -> tuple[object, ...]:
    """What steps go by: jobs that look alike take the same steps."""
    writes, live = sorted(map(str, job.pending_writes)), job.retrieval and job.retrieval.id
    states = (job.job_status, state_of_result(job), job.retrieval is not None, live)
    faults = (job.archive_fault, job.failed_moves)
    placed = (job.lease_until, job.mailed, str(job.outputs.get("result")))
    return (*states, *faults, *placed, *writes)


def explore() -> Iterator[tuple[Job, str, Job]]:
    """Every job that can come about, each step that it takes, and the job after it."""
    first = lifecycle.submit(NEW, TIMES[0])
    waiting, seen = [first], {look(first)}
    while waiting:
        job = waiting.pop()
        for name, after in taken(job):
            yield job, name, after
            if look(after) not in seen:
                seen.add(look(after))
                waiting.append(after)


FOUND = list(explore())


def test_every_step_is_in_the_page_and_every_job_can_take_it() -> None:
    named = {step for _, step, _ in JOB | RESULT_ARROWS} | CHANGE_NEITHER
    assert named == set(steps())
    assert [name for name in named if not hasattr(Jobs, name)] == []


def test_the_diagram_of_a_job_has_just_the_steps_that_are_not_refused() -> None:
    elsewhere = {step for state, step, then in RESULT_ARROWS if NOWHERE not in (state, then)}
    found = {(str(job.job_status), step, str(after.job_status)) for job, step, after in FOUND}
    own = {arrow for arrow in found if arrow[1] not in elsewhere | CHANGE_NEITHER}
    assert own == JOB - {(NOWHERE, "submit", "PENDING")}
    assert {a for a in found - own if a[0] != a[2]} == set()


def test_the_diagram_of_a_result_has_just_the_steps_that_are_not_refused() -> None:
    found = {(state_of_result(job), step, state_of_result(after)) for job, step, after in FOUND}
    with_result = {arrow for arrow in found if {arrow[0], arrow[2]} != {NOWHERE}}
    own = {arrow for arrow in with_result if arrow[1] not in CHANGE_NEITHER}
    assert own == RESULT_ARROWS
    assert {a for a in with_result - own if a[0] != a[2]} == set()


def names_in_table(title: str) -> list[str]:
    """The quoted names in the first column of a section of docs/data.md."""
    text = (DOCS / "data.md").read_text(encoding="utf-8").split(f"## {title}\n")[1]
    rows = [line.split("|")[1] for line in text.split("\n## ")[0].splitlines() if "|" in line]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_table_of_steps_has_every_step_and_no_other() -> None:
    assert sorted(names_in_table("Steps")) == sorted(steps())


def test_the_table_of_attributes_has_only_those_that_rows_have() -> None:
    derived = {"due_time", "due_shard"}
    assert set(names_in_table("The annotations table")) <= {f.name for f in fields(Job)} | derived
