"""The explorer on a million variants: what does each view cost, against a scan of two columns?

The site's own classes, in this process, on a table made for it, on sixteen contigs.
CPU and wall milliseconds are medians of warm views; `ratio` is CPU to that of a plain scan of two
columns by the same engine in the same run.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import duckdb
from werkzeug.datastructures import MultiDict

from ann.variants import PARQUET
from aws.storage.files import Files
from aws.storage.stored import S3Object
from web.services.explorer import Explorer, VariantTable
from web.services.view import View

ROUNDS = 7
MAX_BYTES = 4_000_000_000
VIEWS = {
    "first page": "",
    "filter": "consequence=missense",
    "filter and sort": "consequence=missense&sort=-qual",
    "sort": "sort=-qual",
    "gene": "gene=G3999",
    "region": "region=chr8:1000000-1100000",
    "rsID": "q=rs500023",
    "far down": "consequence=missense&after={far}",
    "free text": "q=arg77",
}
MAKE = """
SELECT i AS "row", i AS record,
    'chr' || (i * 16 // {n} + 1) AS chrom, i * 17 % ({n} // 16 * 17) AS pos,
    NULL::VARCHAR AS id, ['A','C','G','T'][i % 4 + 1] AS ref, ['G','T','A','C'][i % 4 + 1] AS alt,
    CASE WHEN i % 23 = 0 THEN 'deletion' ELSE 'SNV' END AS type,
    (hash(i) % 20000) / 100 AS qual,
    CASE WHEN hash(i + 1) % 10 = 0 THEN 'q10' ELSE 'PASS' END AS filter, 'annotated' AS status,
    ['missense_variant', 'synonymous_variant', 'intron_variant', 'stop_gained']
        [(hash(i) % 4)::BIGINT + 1]
        AS consequence,
    ['MODERATE', 'LOW', 'MODIFIER', 'HIGH'][(hash(i) % 4)::BIGINT + 1] AS impact,
    'G' || (i // 160) AS gene, 'T' || (i // 160) AS transcript, 'protein_coding' AS biotype,
    chrom || ':g.' || pos || ref || '>' || alt AS hgvs_g,
    'c.' || i % 1600 || ref || '>' || alt AS hgvs_c,
    'p.(Arg' || i % 533 || 'His)' AS hgvs_p, [gene] AS genes, [consequence] AS terms,
    [{{'gene': gene, 'transcript': transcript, 'biotype': biotype, 'strand': '+',
       'consequence': consequence, 'impact': impact, 'hgvs_c': hgvs_c, 'hgvs_p': hgvs_p,
       'codons': 'cGc/cAc'}}]
        AS consequences,
    NULL::VARCHAR[] AS regions, CASE WHEN i % 3 = 0 THEN 'rs' || (i * 2 + 23) END AS known_id,
    CASE WHEN i % 3 = 0 THEN (hash(i + 2) % 10000) / 10000 END AS af,
    CASE WHEN i % 50 = 0 THEN ['Benign', 'Pathogenic'][(hash(i) % 2)::BIGINT + 1] END
        AS significance,
    NULL::VARCHAR AS disease, NULL::INTEGER AS clinvar_variation_id,
    significance AS clinvar_significance,
    3 AS n_called, i % 3 AS n_het, 0 AS n_hom, ['0/1', '0/0', './.'] AS gt
FROM range({n}) t(i)
"""


class FolderFiles:
    """Files that are on this disk, in the place of S3."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self, bucket: str, key: str) -> int:
        return self.path.stat().st_size

    def download(self, bucket: str, key: str, path: Path) -> None:
        path.write_bytes(self.path.read_bytes())


def make(path: Path, variants: int) -> None:
    """The table, in file order, as the annotator writes it."""
    with duckdb.connect(config={"memory_limit": "1GB"}) as db:
        db.execute(f"COPY ({MAKE.format(n=variants)}) TO '{path}' ({PARQUET})")


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    """Median CPU and wall milliseconds, after one round that warms."""
    work()
    cpu, wall = [], []
    for _ in range(ROUNDS):
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        cpu.append((time.process_time() - began_cpu) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return statistics.median(cpu), statistics.median(wall)


def works(table: VariantTable, variants: int) -> dict[str, Callable[[], Any]]:
    """Each view, as the site answers it: the page, or the counts beside its choices."""
    found: dict[str, Callable[[], Any]] = {}
    for name, address in VIEWS.items():
        query = address.format(far=variants * 7 // 10)
        view = View.parse(MultiDict(parse_qsl(query)), table.schema)
        found[name] = lambda view=view: table.page(view)  # type: ignore[misc]
    filtered = View.parse(MultiDict({"impact": "MODERATE"}), table.schema)
    return {**found, "all counts": lambda: table.counts(filtered)}


def rss_mb() -> float:
    """The most resident memory that this process ever had (VmHWM of proc_pid_status(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1_000_000


def measure(path: Path, folder: Path, variants: int) -> dict[str, Any]:
    """The figures of one table."""
    explorer = Explorer(cast(Files, FolderFiles(path)), folder, MAX_BYTES)
    began = time.perf_counter()
    table = explorer.open(S3Object("bench", "variants.parquet"))
    table.choices()
    table.page(View.parse(MultiDict(), table.schema))
    open_s = time.perf_counter() - began
    scan = f"SELECT max(pos), max(qual) FROM read_parquet('{table.path}')"  # noqa: S608
    base_cpu, base_wall = cost(lambda: explorer.engine.rows(scan))
    views = {}
    for name, work in works(table, variants).items():
        cpu, wall = cost(work)
        views[name] = {
            "cpu_ms": round(cpu, 1),
            "wall_ms": round(wall, 1),
            "ratio": round(cpu / base_cpu, 2),
        }
    return {
        "variants": variants,
        "file_mb": round(path.stat().st_size / 1_000_000, 1),
        "baseline": {"cpu_ms": round(base_cpu, 1), "wall_ms": round(base_wall, 1)},
        "views": views,
        "open_s": round(open_s, 2),
        "rss_mb": round(rss_mb()),
    }


def main() -> None:
    """The command line: `./gas bench explore`."""
    parser = argparse.ArgumentParser(
        prog="./gas bench explore",
        description=__doc__,
        epilog="example: ./gas bench explore --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--variants", type=int, default=1_000_000, help="rows (1000000)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path, folder = Path(name) / "made.parquet", Path(name) / "copies"
        make(path, args.variants)
        reset_peak()
        figures = measure(path, folder, args.variants)
    words = "\n".join(f"{name:<18}{view}" for name, view in figures["views"].items())
    sys.stdout.write((json.dumps(figures) if args.json else f"{figures}\n{words}") + "\n")


def reset_peak() -> None:
    """Forget the memory that making the table took (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
