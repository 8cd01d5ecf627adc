"""Runs bcftools csq over sites, in processes of their own beside ours.

csq keeps static state and holds the GIL: a process may call it once.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pysam.bcftools

from ann.haplotypes import OrderError, merge
from ann.references import Reference
from ann.sandbox import MAX_FILES, die_with_parent, forbid_forks
from ann.task import JobLimits

STDERR = "stderr"
"""The file in a job's folder that takes what bcftools says."""
LONGEST_PEPTIDE = "10"
"""csq writes longer peptides in short (-B)."""
GT_LINE = b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
AUTO, LOCAL, HAPLOTYPE = "auto", "local", "haplotype"
"""How consequences are called; AUTO takes HAPLOTYPE where the file is fit for it."""
TOOL_FAILED = 1
KNOWN = b"GAS_KNOWN"
PIPE_BUFFER_BYTES = 1 << 18
VERSION_LINE, FILLER = b"##fileformat=VCFv4.2\n", b"##filler=%s\n"
BLOCK_BYTES = 1 << 16
"""htslib reads so much of a plain file at once (BGZF_MAX_BLOCK_SIZE in htslib/bgzf.h)."""
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
            f"The annotation needed more than {limits.max_disk_bytes:,} bytes, the limit, "
            "of disk. Please split the file."
        )

    @classmethod
    def time(cls, limits: JobLimits) -> "LimitError":
        return cls(
            f"The annotation took longer than {limits.timeout_s:,.0f} s, the limit, and was "
            "stopped. Please split the file."
        )


class CsqRun:
    """One bcftools csq, which takes sites from a pipe and writes what it found to a file.

    `sites` may be empty, or whole lines behind the header; the file's records bear the same IDs.
    """

    def __init__(self, reference: Reference, code: int, options: list[str], out: Path) -> None:
        self.out = out
        arguments = [
            *("-Ov", "--force", "--unify-chr-names", "-,-,-", "-v", "0", "--no-version"),
            *("-B", LONGEST_PEPTIDE, "-C", str(code), *options),
            *("-f", str(reference.path(reference.fasta))),
            *("-g", str(reference.path(reference.gff3)), "-"),
        ]
        source, sink = os.pipe()
        out.unlink(missing_ok=True)  # somebody may still be reading what an abandoned run wrote
        target = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.pid: int | None = start_tool(pysam.bcftools.csq, arguments, source, target)
        self.pipe = os.fdopen(sink, "wb", PIPE_BUFFER_BYTES)

    def feed(self, text: bytes) -> None:
        """Hand on some lines; where csq has gone, `finish` says why."""
        with suppress(BrokenPipeError):
            self.pipe.write(text)

    def flush(self) -> None:
        """Hand on what was fed so far."""
        with suppress(BrokenPipeError):
            self.pipe.flush()

    def finish(self) -> int:
        """csq's exit code, once it has had all."""
        with suppress(BrokenPipeError):
            self.pipe.close()
        return self._ended()

    def abandon(self) -> None:
        """Let csq end with what it has read; nobody here may send a signal."""
        if not self.pipe.closed:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), self.pipe.fileno(), inheritable=False)
            self.pipe.close()
        self._ended()

    def _ended(self) -> int:
        pid, self.pid = self.pid, None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid is not None else 0


class Csq:
    """The csq runs of one job; one for each genetic code.

    csq takes one code a run, and wants each contig in one block, so that a contig that the file
    has under two names takes two. `log` is the file that standard error goes to.
    """

    def __init__(self, reference: Reference, folder: Path, limits: JobLimits, log: Path) -> None:
        self.reference, self.folder, self.limits, self.log = reference, folder, limits, log
        self.runs: dict[tuple[str, int, int], CsqRun] = {}
        self.codes: set[int] = set()
        self.mode = LOCAL
        self.notes: list[str] = []

    def feed(self, code: int, turn: int, sites: bytes) -> None:
        """Sites for `csq -l`: each allele on its own."""
        self._run(LOCAL, code, turn, ["-l"], 0).feed(sites)

    def feed_haplotypes(self, code: int, turn: int, sites: bytes, samples: int) -> None:
        """Sites with phased genotypes for `csq -p r`: alleles of one haplotype together."""
        self._run(HAPLOTYPE, code, turn, ["-p", "r"], samples).feed(sites)

    def _run(self, kind: str, code: int, turn: int, options: list[str], samples: int) -> CsqRun:
        run = self.runs.get((kind, code, turn))
        if run is None:
            self.codes.add(code)
            out = self.folder / f"csq-{kind}-{code}-{turn}.vcf"
            run = self.runs[kind, code, turn] = CsqRun(self.reference, code, options, out)
            run.feed(sites_header(self.reference, samples))
            run.flush()  # csq reads the genes once it has the header
        return run

    def finish(self) -> list[Path]:
        """The files that csq wrote. Raises CrashError, GateError and LimitError."""
        ends = {key: run.finish() for key, run in self.runs.items()}
        words = self._words()
        local = [code for (kind, *_), code in ends.items() if kind == LOCAL and code]
        if local:
            raise _failure(min(local), words, self.limits)
        if any(ends.values()):
            self.notes.append(f"called allele by allele: {_last_error(words)}")
        elif "[E::" in words:
            raise GateError(f"bcftools went on after an error ({_last_error(words)})")
        elif any(kind == HAPLOTYPE for kind, *_ in ends):
            return self._merged()
        return self._local()

    def _words(self) -> str:
        log = self.log
        words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return words.replace(f"{log.parent}/", "")

    def _merged(self) -> list[Path]:
        """The files of the local runs with what the haplotypes' say put in."""
        merged = []
        for (kind, code, turn), run in self.runs.items():
            if kind == LOCAL:
                out = self.folder / f"csq-{code}-{turn}.vcf"
                try:
                    merge(run.out, self.runs[HAPLOTYPE, code, turn].out, out)
                except OrderError as fault:
                    self.notes.append(f"called allele by allele: {fault}")
                    return self._local()
                merged.append(out)
        self.mode = HAPLOTYPE
        return merged

    def _local(self) -> list[Path]:
        return [run.out for (kind, *_), run in self.runs.items() if kind == LOCAL]

    def abandon(self) -> None:
        """End every run, and forget what it was given."""
        for run in self.runs.values():
            run.abandon()
        self.runs = {}

    def abandon_haplotypes(self) -> None:
        for key in [key for key in self.runs if key[0] == HAPLOTYPE]:
            self.runs.pop(key).abandon()


def local_files(folder: Path) -> list[Path]:
    """The files that runs of `csq -l` write into a folder, as far as they have begun."""
    return sorted(folder.glob(f"csq-{LOCAL}-*.vcf"))


def sites_header(reference: Reference, samples: int = 0) -> bytes:
    """The header of the sites that csq gets; samples are called by their numbers.

    It fills blocks of htslib's, which reads whole ones: csq has its header, and reads the genes,
    before the first site is there.
    """
    contigs = [
        b"##contig=<ID=%s,length=%d>\n" % (contig.name.encode(), contig.length)
        for contig in reference.contigs
    ]
    columns = [b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    columns += [b"FORMAT", *(b"%d" % number for number in range(samples))] if samples else []
    gt = GT_LINE if samples else b""
    rest = b"%s%s%s\n" % (gt, b"".join(contigs), b"\t".join(columns))
    filler = -len(VERSION_LINE + FILLER % b"" + rest) % BLOCK_BYTES
    return VERSION_LINE + FILLER % (b"-" * filler) + rest


def start_tool(tool: Callable[..., Any], arguments: list[str], source: int, sink: int) -> int:
    """Run a bcftools command in a child of its own, which dies with us; its process id.

    `source` and `sink` become its standard input and output, and are closed here.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.dup2(source, 0)
        os.dup2(sink, 1)
        os.closerange(3, MAX_FILES)
        _tool(tool, arguments, parent)
    os.close(source)
    os.close(sink)
    return pid


def _tool(tool: Callable[..., Any], arguments: list[str], parent: int) -> NoReturn:
    status = TOOL_FAILED
    try:
        die_with_parent(parent)
        forbid_forks()
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # to be distinguished from other write errors
        tool(*arguments, catch_stdout=False)
        status = 0
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _failure(code: int, words: str, limits: JobLimits) -> Exception:
    """The error that a tool's exit code and last words stand for."""
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
