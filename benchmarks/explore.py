"""The explorer on a million variants: what does each view cost, against a scan of two columns?

The site's own classes, in this process, on a table made for it, on sixteen contigs.
CPU and wall milliseconds are medians of warm views; `ratio` is CPU to that of a plain scan of two
columns by the same engine in the same run. `open_s` is the first page of a job that has just been
completed, from a site that has just started: the table comes from the (local) S3.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import duckdb
from werkzeug.datastructures import MultiDict

from ann.variants import PARQUET
from aws.config import load
from aws.resources import World, connect
from aws.rows.job import Job, Result
from aws.rows.outputs import OUTPUTS
from aws.secrets import Secrets
from aws.storage.stored import S3Object
from benchmarks.jobs import base_world
from benchmarks.pages import account, visitor
from web.app import create_app
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


def finished_job(cloud: World, user_id: str, variants: Path) -> Job:
    """A completed job of a premium user, with this table; its other outputs are empty."""
    job_id = str(uuid.uuid4())
    key = cloud.files.keys.upload(user_id, job_id, "bench.vcf")
    job = Job(job_id, user_id, "bench.vcf", cloud.files.inputs, key, 1)
    cloud.jobs.submit(job)
    job = cloud.jobs.start(job_id, owner="bench", lease_s=600)
    outputs = {
        name: S3Object(
            cloud.files.results,
            cloud.files.keys.output(user_id, job_id, job.attempt, output.file_name("bench.vcf")),
        )
        for name, output in OUTPUTS.items()
    }
    cloud.jobs.intend_outputs(job_id, owner="bench", outputs=tuple(outputs.values()))
    for name, stored in outputs.items():
        if name == "variants":
            cloud.files.upload(variants, stored.bucket, stored.key, OUTPUTS[name].content_type)
        else:
            cloud.files.write(stored.bucket, stored.key, b"{}")
    result = Result(outputs=outputs, result_bytes=2, result_sha256="", reference="rCRS", counts={})
    return cloud.jobs.complete(job_id, owner="bench", result=result)


def cold_s(cloud: World, user_id: str, address: str) -> float:
    """Seconds for the first page of a site that has just started, its table still in S3."""
    browser = visitor(create_app(cloud, Secrets("key", "client", "secret")), cloud, user_id)
    began = time.perf_counter()
    reply = browser.get(address)
    took = time.perf_counter() - began
    assert reply.status_code == 200
    assert "variant" in reply.text
    return took


def measure(path: Path, folder: Path, variants: int) -> dict[str, Any]:
    """The figures of one table, in a local AWS of its own."""
    with base_world() as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        os.environ["GLOBUS_SDK_SERVICE_URL_AUTH"] = world.env["GLOBUS_SDK_SERVICE_URL_AUTH"]
        cloud = connect(load(env=dict(os.environ)))
        user_id = account(cloud).user_id
        job = finished_job(cloud, user_id, path)
        reset_peak()
        cold = cold_s(cloud, user_id, f"/annotations/{job.job_id}/variants")
        explorer = Explorer(cloud.files, folder / "copies", MAX_BYTES)
        table = explorer.open(job.outputs["variants"])
        figures = warm(explorer, table, variants)
    return {
        "variants": variants,
        "file_mb": round(path.stat().st_size / 1_000_000, 1),
        **figures,
        "open_s": round(cold, 2),
        "rss_mb": round(rss_mb()),
    }


def warm(explorer: Explorer, table: VariantTable, variants: int) -> dict[str, Any]:
    """Each view of a table that was opened before, against the scan."""
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
        "baseline": {"cpu_ms": round(base_cpu, 1), "wall_ms": round(base_wall, 1)},
        "views": views,
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
        path, folder = Path(name) / "made.parquet", Path(name)
        tempfile.tempdir = name  # the site's copies go with the table
        make(path, args.variants)
        figures = measure(path, folder, args.variants)
    words = "\n".join(f"{name:<18}{view}" for name, view in figures["views"].items())
    sys.stdout.write((json.dumps(figures) if args.json else f"{figures}\n{words}") + "\n")


def reset_peak() -> None:
    """Forget the memory that making the table took (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
