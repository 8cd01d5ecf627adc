"""The warm fork server of one slot: forks a child for each job, and reports its end.

A fresh single-threaded process without credentials, so that a child costs a few milliseconds and
neither a crash nor csq's static state outlives its job. It speaks lines: the folder of a task comes
in; the child's process id and its exit code go out.
"""

import errno
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import NoReturn

import numpy.ma  # noqa: F401  numpy would import it in each child, at its first `unique`

from ann.chunks import GapError
from ann.csq import STDERR, CrashError, GateError, LimitError
from ann.job_folder import remove
from ann.pipeline import run
from ann.pre_pass import Progress
from ann.records import VCFError, printable
from ann.report import OUTCOME, PROGRESS
from ann.sandbox import (
    adopt_orphans,
    be_killed_first,
    confine,
    die_with_parent,
    has_room,
    heed_only_the_daemon,
    kill_orphans,
    prepare_prison,
    set_limits,
)
from ann.task import Annotation, JobLimits, Outcome, Task
from aws.machine.memory import hide_memory, show_memory

SCRATCH = "tmp"
TASK = "task.json"
GOODBYE = b"\n"
"""The line with which a daemon that ends in order takes its leave."""
NO_THREAD = "can't start new thread"
"""Python's RuntimeError where there is no memory for one more thread's stack."""
LOOK_MS = 50
"""How often to look after a child where the kernel cannot tell us (no pidfd)."""
Pipeline = Callable[[Task, Path, Progress], Outcome]


def hand_over(task: Task) -> bytes:
    """Write a task to its folder, for its child; return the line that the server reads.

    The server learns nothing else: what it had in mind, the child of the next job could find.
    """
    (task.folder / TASK).write_text(json.dumps(asdict(task), default=str), encoding="utf-8")
    return json.dumps(str(task.folder)).encode() + b"\n"


def _taken_over(folder: Path) -> Task:
    """The task of this folder."""
    text = (folder / TASK).read_text(encoding="utf-8")
    (folder / TASK).unlink()
    return _unpacked(text)


def _unpacked(text: str) -> Task:
    values = json.loads(text)
    references, annotation = values["references"], values["annotation"]
    return Task(
        **{
            **values,
            "input": Path(values["input"]),
            "folder": Path(values["folder"]),
            "limits": JobLimits(**values["limits"]),
            "references": Path(references) if references else None,
            "annotation": Annotation.of(**annotation) if annotation else None,
        }
    )


def serve(pipeline: Pipeline = run) -> None:
    """Serve tasks until GOODBYE, or until the end of input, which the daemon's death brings."""
    hide_memory()
    heed_only_the_daemon()
    adopt_orphans()
    prepare_prison()
    server = os.getpid()
    folder = None
    while line := sys.stdin.buffer.readline():
        if line == GOODBYE:
            return
        folder = Path(json.loads(line))
        pid = os.fork()
        if pid == 0:
            _child(folder, server, pipeline)
        with suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)  # here too, so that whoever hears of it may kill the group
        _tell(pid)
        _await(pid)
        _tell(_bury(pid))
    if folder:  # the daemon was killed: nobody else removes what its job left
        remove(folder)


def _await(pid: int) -> None:
    """Wait until the child has ended; kill it where the daemon has gone."""
    ends = select.poll()
    ends.register(sys.stdin, select.POLLHUP)
    pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    if pidfd >= 0:
        ends.register(pidfd, select.POLLIN)
    try:
        while not _has_ended(pid):
            events = ends.poll(None if pidfd >= 0 else LOOK_MS)
            if any(event & select.POLLHUP for _, event in events):
                os.killpg(pid, signal.SIGKILL)
                return
    finally:
        if pidfd >= 0:
            os.close(pidfd)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _bury(pid: int) -> int:
    """The child's exit code (negative: a signal), once all that it started is killed as well."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    kill_orphans()
    return os.waitstatus_to_exitcode(status)


def _tell(number: int) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(b"%d\n" % number)
        sys.stdout.buffer.flush()


def _child(folder: Path, server: int, pipeline: Pipeline) -> NoReturn:
    """Run the task of a folder within its limits; the outcome is written before the exit."""
    try:
        os.setpgid(0, 0)
        die_with_parent(server)
        task = _taken_over(folder)
        outcome = _within_limits(task, pipeline) if has_room(task.limits) else _too_large(task)
        found = {f.name: getattr(outcome, f.name) for f in fields(Outcome) if f.name != "folder"}
        replace_text(task.folder / OUTCOME, json.dumps(found))
    finally:
        os._exit(0)


def _within_limits(task: Task, pipeline: Pipeline) -> Outcome:
    _begin(task)
    return _run(task, pipeline)


def _begin(task: Task) -> None:
    """Own scratch folder, own standard streams, and no more than the task may use."""
    scratch = task.folder / SCRATCH
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    sink = os.open(task.folder / STDERR, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    set_limits(task.limits)
    show_memory()  # the daemon is to see what it holds; another job's child sees no process at all
    be_killed_first()
    given = [task.input, task.references, task.annotation.path if task.annotation else None]
    confine(task.folder, [path for path in given if path])


def _too_large(task: Task) -> Outcome:
    """The outcome where this process has more memory already than the job may: it would crash."""
    return Outcome(task.folder, error=str(LimitError.memory(task.limits)))


def _run(task: Task, pipeline: Pipeline) -> Outcome:
    def fail(fault: BaseException | str, crashed: bool = False) -> Outcome:
        words = str(fault).replace(f"{task.folder}/", "")
        return Outcome(task.folder, error=printable(words), crashed=crashed)

    try:
        return pipeline(task, task.folder / SCRATCH, lambda words: _note(task, words))
    except (VCFError, LimitError) as fault:
        return fail(fault)
    except (CrashError, GapError, GateError) as fault:
        return fail(fault, crashed=True)
    except Exception as fault:
        limit = _limit(fault, task.limits)
        return fail(limit) if limit else fail(_breakdown(fault), crashed=True)


def _limit(fault: Exception, limits: JobLimits) -> LimitError | None:
    """The limit that the system or Python speaks of with this."""
    number = fault.errno if isinstance(fault, OSError) else None
    if isinstance(fault, MemoryError) or number == errno.ENOMEM or str(fault) == NO_THREAD:
        return LimitError.memory(limits)
    return LimitError.disk(limits) if number == errno.EFBIG else None


def _breakdown(fault: Exception) -> str:
    """The words for what nobody foresaw."""
    if isinstance(fault, OSError):
        return f"the disk failed: {fault.strerror}" if fault.errno else f"htslib failed: {fault}"
    traceback.print_exception(fault)
    return f"the annotator broke down: {type(fault).__name__}: {fault}"


def _note(task: Task, words: str) -> None:
    replace_text(task.folder / PROGRESS, words)


def replace_text(path: Path, text: str) -> None:
    """Write a file that is read meanwhile: the old one or the new one, never half of it."""
    whole = path.with_name(f"{path.name}.new")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)


if __name__ == "__main__":
    serve()
