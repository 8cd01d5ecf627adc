"""The annotation of whole files, against bare bcftools csq over the same file in the same run.

Bare is `bcftools csq -l --force -Oz1 --threads 1` in a child of its own: it writes BCSQ and no
more. Ours writes every output: the VCF and its index, the table of variants, the list of rejected
records, the log and the summary. Rounds alternate; the least CPU and the least time count.
CPU seconds are those of all processes. The genome is made up, with genes, unless one is given.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pysam.bcftools

from ann.references import Reference, installed
from ann.task import JobLimits, Task
from ann.worker import Worker
from benchmarks.genome import Genome, made_up, read_genome, write_variants

LIMITS = JobLimits(3600, 8192, 64 << 20, 1 << 40, 1 << 40, 1 << 40)
LOOK_S = 0.05


@dataclass(frozen=True)
class Case:
    """A file to annotate: its records and samples, how often to do it, and if only on demand."""

    name: str
    records: int
    samples: int = 0
    rounds: int = 3
    on_demand: bool = False


CASES = (
    Case("small_1k", 1_000, rounds=7),
    Case("yeast_10k", 10_000, rounds=5),
    Case("yeast_100k", 100_000),
    Case("yeast_1m", 1_000_000, rounds=2),
    Case("samples_100", 200_000, samples=100, rounds=2),
    Case("yeast_10m", 10_000_000, rounds=1, on_demand=True),
)


@dataclass
class Measured:
    """One run: seconds on the clock and of CPU, and the most memory of its processes, in MB."""

    wall_s: float
    cpu_s: float
    rss_mb: float = 0


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(run: Callable[[], None]) -> Measured:
    """A run whose work is done by children that have ended when it returns."""
    began, cpu = time.monotonic(), children_cpu_s()
    run()
    return Measured(time.monotonic() - began, children_cpu_s() - cpu)


def bare(reference: Reference, path: Path, out: Path) -> None:
    """csq by itself, in a child, as it keeps static state."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        options = ["-l", "--force", "--unify-chr-names", "-,-,-", "-v", "0", "-B", "10"]
        options += ["-f", str(reference.path(reference.fasta))]
        options += ["-g", str(reference.path(reference.gff3)), "-Oz1", "--threads", "1"]
        try:
            pysam.bcftools.csq(*options, "-o", str(out), str(path), catch_stdout=False)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    if not out.stat().st_size:
        raise SystemExit("bcftools csq wrote nothing")


def ours(worker: Worker, reference: Reference, path: Path, folder: Path) -> Measured:
    """A job as the daemon runs it, in a warm worker; the worker itself is not counted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.link(path, folder / "input")
    task = Task(
        folder / "input", folder, path.name, reference.name, LIMITS, reference.folder.parent
    )
    server = psutil.Process(worker.server.pid) if worker.server else psutil.Process()
    before, began, rss = _cpu_s(server), time.monotonic(), 0.0
    run = worker.start(task)
    while (outcome := run.wait(LOOK_S)) is None:
        rss = max(rss, _rss_mb(server))
    took = time.monotonic() - began
    if outcome.error:
        raise SystemExit(f"the job failed: {outcome.error}")
    return Measured(took, _cpu_s(server) - before, rss)


def _cpu_s(server: psutil.Process) -> float:
    """CPU of the children that the server has buried, and of theirs."""
    times = server.cpu_times()
    return float(times.children_user + times.children_system)


def _rss_mb(server: psutil.Process) -> float:
    """Memory of a job's processes together; what they share is counted once (PSS)."""
    total = 0
    for process in server.children(recursive=True):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1_000_000


def measure(case: Case, genome: Genome, reference: Reference, folder: Path) -> dict[str, float]:
    """The figures of one case."""
    path = folder / f"{case.name}.vcf.gz"
    write_variants(genome, path, case.records, case.samples)
    least, most_rss = {"bare": [9e9, 9e9], "ours": [9e9, 9e9]}, 0.0
    with Worker() as worker:
        ours(worker, reference, path, folder / "job")
        for _ in range(case.rounds):
            one = measured(lambda: bare(reference, path, folder / "bare.vcf.gz"))
            other = ours(worker, reference, path, folder / "job")
            most_rss = max(most_rss, other.rss_mb)
            for name, found in (("bare", one), ("ours", other)):
                wall_s, cpu_s = least[name]
                least[name] = [min(wall_s, found.wall_s), min(cpu_s, found.cpu_s)]
    (bare_s, bare_cpu_s), (ours_s, ours_cpu_s) = least["bare"], least["ours"]
    return {
        "ratio": round(bare_s / ours_s, 3),
        "cpu_ratio": round(ours_cpu_s / bare_cpu_s, 2),
        "variants_per_s": round(case.records / ours_s),
        "peak_rss_mb": round(most_rss),
        "extra_s": round(ours_s - bare_s, 3),
        "cpu_s": round(ours_cpu_s, 2),
        "bare_cpu_s": round(bare_cpu_s, 2),
    }


def main() -> int:
    """Measure the cases; print a line each, or JSON."""
    parser = argparse.ArgumentParser(
        prog="./gas bench annotate",
        description=__doc__,
        epilog="example: ./gas bench annotate --json --case small_1k",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--case",
        action="append",
        choices=[c.name for c in CASES],
        help="all but yeast_10m unless some are named",
    )
    parser.add_argument("--fasta", type=Path, help="a genome's FASTA (default: one made up)")
    parser.add_argument("--gff3", type=Path, help="its genes")
    parser.add_argument("--contig-code", action="append", default=[], metavar="CONTIG=CODE")
    args = parser.parse_args()
    usual = [case.name for case in CASES if not case.on_demand]
    wanted = [case for case in CASES if case.name in (args.case or usual)]
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as place:
        folder = Path(place)
        fasta, gff3 = (args.fasta, args.gff3) if args.fasta else made_up(folder)
        reference = added(fasta, gff3, folder / "references", args.contig_code)
        genome = read_genome(fasta)
        cases = {case.name: measure(case, genome, reference, folder) for case in wanted}
    if args.json:
        sys.stdout.write(json.dumps({"cases": cases}, indent=1) + "\n")
        return 0
    for name, figures in cases.items():
        words = ", ".join(f"{key} {value:,}" for key, value in figures.items())
        sys.stdout.write(f"{name}: {words}\n")
    return 0


def added(fasta: Path, gff3: Path, folder: Path, codes: list[str]) -> Reference:
    """The genome as a reference, as operators add one."""
    command = [sys.executable, "-m", "ann.catalogue", "--folder", str(folder), "add", "genome"]
    command += ["--fasta", str(fasta), "--gff3", str(gff3)]
    command += [part for code in codes for part in ("--contig-code", code)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise SystemExit("the reference could not be added")
    return next(reference for reference in installed(folder) if reference.name == "genome")


if __name__ == "__main__":
    sys.exit(main())
