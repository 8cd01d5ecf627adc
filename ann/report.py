"""Reads what a child reports of its job, as the word of a stranger: a file may have taken it over.

Nothing of the child runs any more when its outcome is read, so that what is checked stays so.
"""

import json
import os
import re
import stat
import types
import typing
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from ann.csq import STDERR
from ann.records import printable
from ann.task import Outcome, Task
from aws.rows.outputs import OUTPUTS
from aws.storage.reference_folder import NAME

OUTCOME, PROGRESS = "outcome.json", "progress"
MOST_BYTES = 64 * 1024
"""A report is a few hundred bytes long."""
READ_WHOLE = ("log", "summary")
MOST_READ_WHOLE = 8_000_000
"""The site has these outputs in memory; a thousand contigs, bars and all, take two million."""
MOST_COUNTED = 1 << 53
COUNTS = {"records", "annotated", "not_annotated"}
SHA256 = re.compile(r"[0-9a-f]{64}")
STARTING = "starting"
NO_ANSWER = "the annotator's child ended without an answer"
NO_SENSE = "the annotator's child gave an answer that makes no sense"
NO_MEMORY = re.compile(
    r"^(?:cannot allocate memory for thread-local data"
    r"|terminate called after throwing an instance of 'std::bad_alloc'"
    r"|Fatal Python error: .*Memory)",
    re.MULTILINE,
)
"""The last words of glibc, libstdc++ and Python in a process that they end for want of memory."""


def progress(folder: Path) -> str:
    """The child's progress, such as `annotating 120,000 of about 1,000,000`."""
    with suppress(OSError, ValueError):
        return printable(_text(folder / PROGRESS)) or STARTING
    return STARTING


def outcome(task: Task) -> Outcome:
    """The outcome that the child left, its files checked; a crash where it is none."""
    try:
        found = json.loads(_text(task.folder / OUTCOME))
        return _demand_files(_parsed(task.folder, found), task.limits.max_disk_bytes)
    except FileNotFoundError:
        return Outcome(task.folder, error=NO_ANSWER, crashed=True)
    except (OSError, ValueError, RecursionError):
        return Outcome(task.folder, error=NO_SENSE, crashed=True)


def lacked_memory(folder: Path) -> bool:
    """Tell if a process of the job was ended by a library that found no memory."""
    with suppress(OSError, ValueError):
        return NO_MEMORY.search(_text(folder / STDERR)) is not None
    return False


def _text(path: Path) -> str:
    """The text of a small regular file; no link is followed. Raises OSError and ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is no regular file")
        text = os.read(descriptor, MOST_BYTES + 1)
    finally:
        os.close(descriptor)  # os.fdopen would leave that of a folder open
    if len(text) > MOST_BYTES:
        raise ValueError(f"{path} is too large")
    return text.decode("utf-8", "replace")


def _parsed(folder: Path, found: Any) -> Outcome:
    """An outcome of the fields that it must have, each of its type. Raises ValueError."""
    kinds = {field.name: kind for field, kind in _fields()}
    if not isinstance(found, dict) or found.keys() != kinds.keys():
        raise ValueError("other fields than an outcome's")
    wrong = [name for name, kind in kinds.items() if not _is(found[name], kind)]
    if wrong:
        raise ValueError(f"not of their types: {', '.join(wrong)}")
    if found["error"] is not None:
        return Outcome(folder, error=printable(found["error"]), crashed=found["crashed"])
    return _demand_whole(Outcome(folder, **found))


def _fields() -> list[tuple[Any, Any]]:
    kinds = typing.get_type_hints(Outcome)
    return [(field, kinds[field.name]) for field in fields(Outcome) if field.name != "folder"]


def _is(value: Any, kind: Any) -> bool:
    """True where a value out of JSON is of the type that an annotation states."""
    if isinstance(kind, types.UnionType):
        return any(_is(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is dict:
        _, of = typing.get_args(kind)
        return isinstance(value, dict) and all(_is(one, of) for one in value.values())
    return type(value) is kind and not (kind is int and not 0 <= value <= MOST_COUNTED)


def _demand_whole(outcome: Outcome) -> Outcome:
    """An outcome without an error says all that the row takes. Raises ValueError."""
    is_whole = (
        not outcome.crashed
        and outcome.counts is not None
        and outcome.counts.keys() == COUNTS
        and NAME.fullmatch(outcome.reference)
        and SHA256.fullmatch(outcome.result_sha256)
    )
    if not is_whole:
        raise ValueError("neither an error nor a result")
    return outcome


def _demand_files(outcome: Outcome, most_bytes: int) -> Outcome:
    """The same outcome, its outputs being regular files of its own. Raises OSError, ValueError."""
    for name in OUTPUTS if outcome.error is None else ():
        found = os.lstat(getattr(outcome, name))
        is_own = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        most = min(most_bytes, MOST_READ_WHOLE) if name in READ_WHOLE else most_bytes
        if not is_own or found.st_size > most:
            raise ValueError(f"{name} is no file of the job's own")
    if outcome.error is None and outcome.result.stat().st_size != outcome.result_bytes:
        raise ValueError("the result has another size")
    return outcome
