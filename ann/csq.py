"""Runs bcftools csq, piped into annotate where there are known variants, a process for each.

csq keeps static state and holds the GIL: a process may call it once.
"""

import itertools
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pysam.bcftools

from ann.references import Contig, Reference
from ann.sandbox import die_with_parent
from ann.task import JobLimits

STDERR = "stderr"
"""The file in a job's folder that takes what bcftools says."""
KNOWN = b"GAS_KNOWN"
"""The flag of records that are in the reference's set of known variants."""
HIDDEN_PEPTIDE = "10"
"""csq writes longer peptides in short (-B)."""
TOOL_FAILED = 1
PIPE_BUFFER_BYTES = 1 << 18
NO_MEMORY = re.compile(r"cannot allocate memory|out of memory|failed to allocate", re.IGNORECASE)


class CrashError(RuntimeError):
    """A tool was killed by a signal."""


class GateError(RuntimeError):
    """The output is not what it must be."""


class LimitError(RuntimeError):
    """The job wanted more than it may have; words for the user."""

    @classmethod
    def memory(cls, limits: JobLimits) -> "LimitError":
        return cls(
            f"The annotation needed more than {limits.memory_mb:,} MB of memory, the limit. "
            "Please split the file."
        )

    @classmethod
    def disk(cls, limits: JobLimits) -> "LimitError":
        return cls(
            f"The annotation needed a file of more than {limits.max_disk_bytes:,} bytes, "
            "the limit. Please split the file."
        )

    @classmethod
    def time(cls, limits: JobLimits) -> "LimitError":
        return cls(
            f"The annotation took longer than {limits.timeout_s:,.0f} s, the limit, and was "
            "stopped. Please split the file."
        )


@dataclass(frozen=True)
class Annotation:
    """What to run, on what: `sites` is a VCF of sites in order, all with A, C, G and T.

    `present` are its contigs, in its order, those of one genetic code together: csq takes one
    code a run. `log` is the file that standard error goes to.
    """

    reference: Reference
    present: list[Contig]
    sites: Path
    limits: JobLimits
    log: Path

    def lines(self) -> Iterator[bytes]:
        """The annotated sites, run after run, each behind a header.

        Raises CrashError, GateError and LimitError, at the latest after the last line.
        """
        runs = [(code, list(group)) for code, group in itertools.groupby(self.present, _code)]
        for code, contigs in runs or [(_code(self.reference.contigs[0]), [])]:
            options = ["-C", str(code)]
            if len(runs) > 1:
                options += ["-T", str(self._targets(code, contigs))]
            yield from self._run(options)

    def _targets(self, code: int, contigs: list[Contig]) -> Path:
        """A BED file of whole contigs."""
        path = self.sites.with_name(f"code-{code}.bed")
        path.write_text("".join(f"{c.name}\t0\t{c.length}\n" for c in contigs), encoding="utf-8")
        return path

    def _run(self, options: list[str]) -> Iterator[bytes]:
        end, pids = self._start(options)
        with os.fdopen(end, "rb", PIPE_BUFFER_BYTES) as lines:
            yield from lines
        self._await(pids)

    def _start(self, options: list[str]) -> tuple[int, list[int]]:
        """Start csq and, for known variants, annotate; where to read, and their process ids."""
        reference = self.reference
        csq = [
            *("-l", "--force", "--unify-chr-names", "-,-,-", "-v", "0", "--no-version"),
            *("-B", HIDDEN_PEPTIDE, *options, "-f", str(reference.path(reference.fasta))),
            *("-g", str(reference.path(reference.gff3)), str(self.sites)),
        ]
        known = reference.known_tab
        if known is None:
            end, pid = start_tool(pysam.bcftools.csq, ["-Ov", *csq])
            return end, [pid]
        flags = ["-a", str(reference.path(known.file)), "-c", known.columns]
        flags += ["-m", f"+{KNOWN.decode()}", "--no-version", "-Ov", "-"]
        between, writer = start_tool(pysam.bcftools.csq, ["-Ou", *csq])
        end, reader = start_tool(pysam.bcftools.annotate, flags, between)
        return end, [writer, reader]

    def _await(self, pids: list[int]) -> None:
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        log = self.log
        words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        failed = [code for code in codes if code]
        if failed:
            raise _failure(min(failed), words.replace(f"{log.parent}/", ""), self.limits)
        if "[E::" in words:
            raise GateError(f"bcftools went on after an error ({_last_error(words)})")


def _code(contig: Contig) -> int:
    return contig.genetic_code


def start_tool(
    tool: Callable[..., Any], arguments: list[str], source: int | None = None
) -> tuple[int, int]:
    """Run a bcftools command in a child of its own, which dies with us.

    `source` becomes its standard input, and is closed here. Returns where its standard output
    can be read, and its process id.
    """
    parent = os.getpid()
    end, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(sink, 1)
        if source is not None:
            os.dup2(source, 0)
        os.closerange(3, max(end, sink, source or 0) + 1)
        _tool(tool, arguments, parent)
    for used in (sink, source):
        if used is not None:
            os.close(used)
    return end, pid


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


def _failure(code: int, words: str, limits: JobLimits) -> Exception:
    """What a tool's exit code and last words mean."""
    if code == -signal.SIGXFSZ:
        return LimitError.disk(limits)
    if code == -signal.SIGXCPU:
        return LimitError.time(limits)
    if NO_MEMORY.search(words):
        return LimitError.memory(limits)
    if code < 0:
        return CrashError(f"bcftools was killed by signal {-code}")
    return GateError(f"bcftools stopped with exit code {code} ({_last_error(words)})")


def _last_error(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("[E::")]
    return (errors or lines or ["without a word"])[-1][:200]
