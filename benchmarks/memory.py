"""Peak memory of `archive` and `sweep`: flat whatever the size, the number and the silence?

The real daemons, fresh for each case, with a local AWS of its own (in its own process, not
counted). `archive` moves a result of 100 MB, the baseline; one of 1 GB; one of 1 GB while S3 is
silent in the middle; many small ones. `sweep` looks after 100 rows that are due and 100 orphans,
the baseline, then after thousands of each.
"""

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import requests

from aws.config import load
from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.job import Job
from benchmarks import daemon, peak_mb
from benchmarks.archive import MAX_MB, MB, completed, until
from benchmarks.jobs import base_world
from benchmarks.pages import account, write_rows
from local.service import LocalService

BASE, BASE_LEFT = "100 MB", "100 jobs due and 100 orphans"
FEW = 100
FORGOTTEN = "job_requests"
MAX_RATIO = 1.25
SMALL = 100_000
THREADS = 8
HOURS_AGO_S = 2 * 3600
SETTINGS = {
    "GAS_ARCHIVE_AFTER_S": "0",
    "GAS_AWS_VISIBILITY_S": "300",
    "GAS_SWEEP_EVERY_S": "20",
    "GAS_SWEEP_INVENTORY_AGE_S": "0",
    "GAS_SWEEP_INVENTORY_EVERY_S": "20",
}
SILENT = {"service": "s3", "times": 10**9, "delay_s": 60}
"""Longer than a daemon waits for an answer (aws/limits.py)."""


@contextmanager
def daemons(world: LocalService, *names: str) -> Iterator[dict[str, float]]:
    """Fresh daemons for the block; their peak memory (MB) is there after it."""
    peaks: dict[str, float] = {}
    with ExitStack() as stack:
        running = {name: stack.enter_context(daemon(world, f"util.{name}")) for name in names}
        yield peaks
        peaks |= {name: round(peak_mb(process), 1) for name, process in running.items()}


def archived(cloud: Cloud, jobs: list[Job]) -> bool:
    return all(cloud.jobs.get(job.job_id).is_archived for job in jobs)


def results_go(world: LocalService, cloud: Cloud, size: int, number: int = 1) -> dict[str, float]:
    """So many results of this size (bytes) go to the archive."""
    with daemons(world, "archive", "sweep") as peaks:
        jobs = [completed(cloud, size) for _ in range(number)]
        until(lambda: archived(cloud, jobs))
    return peaks


def one_goes_in_silence(
    world: LocalService, cloud: Cloud, size: int, silent_s: float
) -> dict[str, float]:
    """S3 falls silent while a result is on its way, and answers again after a while."""
    url = f"{world.aws_url}/_gas/fail"
    with daemons(world, "archive", "sweep") as peaks:
        job = completed(cloud, size)
        until(lambda: cloud.jobs.get(job.job_id).lease_until is not None)
        time.sleep(1)
        requests.post(url, json=SILENT, timeout=30).raise_for_status()
        time.sleep(silent_s)
        requests.delete(url, timeout=30).raise_for_status()
        until(lambda: archived(cloud, [job]))
    return peaks


def much_is_left(world: LocalService, cloud: Cloud, number: int) -> dict[str, float]:
    """So many jobs were forgotten, and so many objects are orphans.

    The sweeper goes through all of the rows, but asks for the first FEW again here, as moto takes
    seconds for each query of a large index.
    """
    before, bucket = cloud.queues.depth(FORGOTTEN).visible, cloud.files.results
    user_id = account(cloud).user_id
    write_rows(cloud, [forgotten(cloud, user_id) for _ in range(number)])
    job_id = str(uuid.uuid4())
    keys = [cloud.files.keys.output(user_id, job_id, 1, f"{n}.vcf.gz") for n in range(number)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda key: cloud.files.write(bucket, key, b"orphan"), keys))
    prefix = keys[0].rpartition("/")[0]
    with daemons(world, "sweep") as peaks:
        until(lambda: cloud.queues.depth(FORGOTTEN).visible >= before + FEW)
        until(lambda: next(cloud.files.listing(bucket, prefix), None) is None)
    return peaks


def forgotten(cloud: Cloud, user_id: str) -> Job:
    """The row of a job that nobody remembers since hours."""
    now = time.time()
    return Job(
        job_id=str(uuid.uuid4()),
        user_id=user_id,
        input_file_name="a.vcf",
        s3_inputs_bucket=cloud.files.inputs,
        s3_key_input_file="k",
        input_bytes=1000,
        submit_time=round(now - HOURS_AGO_S, 3),
        rev=1,
    )


def measure(number: int, silent_s: float) -> dict[str, dict[str, float]]:
    """Every case, the baselines first, in one world."""
    with base_world(**SETTINGS) as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        cloud = connect(load())
        return {
            BASE: results_go(world, cloud, 100 * MB),
            "1 GB": results_go(world, cloud, 1000 * MB),
            f"1 GB, S3 silent for {silent_s:g} s in the middle": one_goes_in_silence(
                world, cloud, 1000 * MB, silent_s
            ),
            f"{number // 10} results of 100 kB": results_go(world, cloud, SMALL, number // 10),
            BASE_LEFT: much_is_left(world, cloud, FEW),
            f"{number} jobs due and {number} orphans": much_is_left(world, cloud, number),
        }


def is_flat(cases: dict[str, dict[str, float]]) -> bool:
    """True if size and number cost no daemon much more memory, and silence not too much."""
    base = {**cases[BASE], "sweep": max(cases[BASE]["sweep"], cases[BASE_LEFT]["sweep"])}
    return all(
        mb < (MAX_MB if "silent" in case else MAX_RATIO * base[name])
        for case, peaks in cases.items()
        for name, mb in peaks.items()
    )


def main() -> None:
    """The command line: `./gas bench memory`; exits 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        prog="./gas bench memory",
        description=__doc__,
        epilog="example: ./gas bench memory --silent-s 600 --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--number", type=int, default=3000, help="of jobs due, and of orphans")
    parser.add_argument("--silent-s", type=float, default=120, help="how long S3 is silent")
    args = parser.parse_args()
    cases = measure(args.number, args.silent_s)
    words = "\n".join(f"{name:<48}{peaks}" for name, peaks in cases.items())
    sys.stdout.write((json.dumps(cases) if args.json else words) + "\n")
    sys.exit(0 if is_flat(cases) else 1)


if __name__ == "__main__":
    main()
