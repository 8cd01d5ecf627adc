"""Runs bcftools csq, piped into annotate where there are known variants, a process for each.

csq keeps static state and holds the GIL: a process may call it once.
"""

import itertools
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pysam.bcftools

from ann.confine import die_with_parent
from ann.references import Contig, Reference
from ann.tags import KNOWN
from ann.task import Limits
from ann.vcf import VCFError

STDERR = "stderr"
"""The file in a job's folder that takes what bcftools says."""
HIDDEN_PEPTIDE = "10"
"""csq writes longer peptides in short (-B)."""
TOOL_FAILED = 1
UNREADABLE = re.compile(r"\[E::vcf_\w+\] (?P<what>.+) at (?P<where>\S+:\d+)")
NO_MEMORY = re.compile(r"cannot allocate memory|out of memory|failed to allocate", re.IGNORECASE)


class CrashError(RuntimeError):
    """A tool was killed by a signal."""


class GateError(RuntimeError):
    """The output is not what it must be."""


class LimitError(RuntimeError):
    """The job wanted more than it may have; words for the user."""

    @classmethod
    def memory(cls, limits: Limits) -> "LimitError":
        return cls(
            f"The annotation needed more than {limits.memory_mb:,} MB of memory, the limit. "
            "Please split the file."
        )

    @classmethod
    def disk(cls, limits: Limits) -> "LimitError":
        return cls(
            f"The annotation needed a file of more than {limits.max_disk_bytes:,} bytes, "
            "the limit. Please split the file."
        )

    @classmethod
    def time(cls, limits: Limits) -> "LimitError":
        return cls(
            f"The annotation took longer than {limits.timeout_s:,.0f} s, the limit, and was "
            "stopped. Please split the file."
        )


def annotate(
    reference: Reference, present: list[Contig], clean: Path, limits: Limits, log: Path
) -> list[Path]:
    """Annotate the records in `clean`; the parts of the result, in its order, beside it.

    csq takes one genetic code a run, so that there is a part for each; `present` are the contigs
    in `clean`, those of one code together. `log` is where standard error goes. Raises CrashError,
    GateError, LimitError, and VCFError where htslib cannot read a record.
    """
    runs = [(code, list(group)) for code, group in itertools.groupby(present, _code)]
    parts = []
    for number, (code, contigs) in enumerate(runs or [(_code(reference.contigs[0]), [])]):
        part = clean.with_name(f"part-{number}.vcf.gz")
        options = ["-C", str(code)]
        if len(runs) > 1:
            options += ["-T", str(_targets(contigs, part))]
        _await(_start_all(reference, options, clean, part), limits, log)
        parts.append(part)
    return parts


def _code(contig: Contig) -> int:
    return contig.genetic_code


def _targets(contigs: list[Contig], part: Path) -> Path:
    """A BED file of whole contigs."""
    path = part.with_suffix(".bed")
    path.write_text("".join(f"{c.name}\t0\t{c.length}\n" for c in contigs), encoding="utf-8")
    return path


def _start_all(reference: Reference, options: list[str], clean: Path, out: Path) -> list[int]:
    """Start csq and, for known variants, annotate; their process ids."""
    csq = [
        *("-l", "--force", "--unify-chr-names", "-,-,-", "-v", "0", *options),
        *("-B", HIDDEN_PEPTIDE, "--no-version"),
        *("-f", str(reference.path(reference.fasta)), "-g", str(reference.path(reference.gff3))),
    ]
    if reference.known is None:
        return [start_tool(pysam.bcftools.csq, [*csq, "-Oz1", "-o", str(out), str(clean)])]
    pipe = out.with_suffix(".fifo")
    os.mkfifo(pipe)
    known = [
        *("-a", str(reference.path(reference.known.file)), "-c", reference.known.columns),
        *("-m", f"+{KNOWN.decode()}", "--no-version", "-Oz1", "-o", str(out), str(pipe)),
    ]
    return [
        start_tool(pysam.bcftools.csq, [*csq, "-Ov", "-o", str(pipe), str(clean)]),
        start_tool(pysam.bcftools.annotate, known),
    ]


def start_tool(tool: Callable[..., Any], arguments: list[str]) -> int:
    """Run a bcftools command in a child of its own, which dies with us; its process id."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _tool(tool, arguments, parent)
    return pid


def _tool(tool: Callable[..., Any], arguments: list[str], parent: int) -> NoReturn:
    status = TOOL_FAILED
    try:
        die_with_parent(parent)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # to be told from other write errors
        tool(*arguments, catch_stdout=False)
        status = 0
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _await(pids: list[int], limits: Limits, log: Path) -> None:
    """Wait for all; one that fails takes the others along, lest they wait on the pipe for ever."""
    waiting = set(pids)
    failure = 0
    while waiting:
        pid, status = os.wait()
        waiting.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        if code and not failure:
            failure = code
            for other in waiting:
                os.kill(other, signal.SIGKILL)
    words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if failure:
        raise _failure(failure, words.replace(f"{log.parent}/", ""), limits)
    if "[E::" in words:
        raise GateError(f"bcftools went on after an error ({_last_error(words)})")


def _failure(code: int, words: str, limits: Limits) -> Exception:
    """What a tool's exit code and last words mean."""
    if code == -signal.SIGXFSZ:
        return LimitError.disk(limits)
    if code == -signal.SIGXCPU:
        return LimitError.time(limits)
    if NO_MEMORY.search(words):
        return LimitError.memory(limits)
    if code < 0:
        return CrashError(f"bcftools was killed by signal {-code}")
    unreadable = UNREADABLE.search(words)
    if unreadable:
        what, where = unreadable["what"], unreadable["where"]
        return VCFError(f"The record at {where} cannot be read: {what}. Please correct it.")
    return GateError(f"bcftools stopped with exit code {code} ({_last_error(words)})")


def _last_error(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("[E::")]
    return (errors or lines or ["without a word"])[-1][:200]
