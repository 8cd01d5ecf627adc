"""A user with 10,000 archived results subscribes: is every one asked for, and in what memory?

The real `restore` daemon, on the s3 backend, with a local AWS of its own; retrievals do not end
meanwhile. The baseline is the same with 100 results, by a daemon of its own. The list page is
asked for while the daemon works; the site's own processor time is compared with that before.
"""

import argparse
import json
import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from aws import outbox
from aws.config import load
from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.accounts import Account
from aws.rows.job import Job, Status
from aws.secrets import Secrets
from benchmarks import daemon, peak_mb
from benchmarks.jobs import base_world
from benchmarks.pages import account, cost_ms, queries, visitor, write_rows
from local.service import LocalService
from web.app import create_app

FEW = 100
THREADS = 8
MAX_MB = 150
WAIT_S = 3600
NEVER_S = "86400"
EVERY = "1000000"
"""More than there are: a user's results come back in one day."""


def archived(cloud: Cloud, user_id: str, number: int, now: float) -> Job:
    """The row of a result that went to the archive a while ago."""
    job_id = str(uuid.uuid4())
    return Job(
        job_id=job_id,
        user_id=user_id,
        input_file_name=f"sample-{number}.vcf",
        s3_inputs_bucket=cloud.files.inputs,
        s3_key_input_file="k",
        input_bytes=1000,
        submit_time=round(now - number, 3),
        complete_time=round(now - number + 1, 3),
        job_status=Status.COMPLETED,
        existed=False,
        results_file_archive_id=cloud.files.keys.archive(user_id, job_id),
        archived_time=round(now - number + 300, 3),
        result_bytes=6,
        mailed=True,
        rev=1,
    )


def fill(cloud: Cloud, user_id: str, results: int) -> list[Job]:
    """Rows and archives of so many results."""
    now = time.time()
    jobs = [archived(cloud, user_id, number, now) for number in range(results)]
    write_rows(cloud, jobs)
    bucket = cloud.names.bucket("archive")

    def put(job: Job) -> None:
        cloud.files.s3.put_object(
            Bucket=bucket,
            Key=job.results_file_archive_id,
            Body=b"result",
            StorageClass="GLACIER",
        )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, jobs))
    return jobs


def asked_for(cloud: Cloud, jobs: list[Job]) -> int:
    """The number of these that have a retrieval that Glacier accepted."""
    with ThreadPoolExecutor(THREADS) as pool:
        rows = pool.map(lambda job: cloud.jobs.get(job.job_id), jobs)
        return sum(1 for row in rows if row.retrieval and row.retrieval.id)


def subscribe(
    world: LocalService, cloud: Cloud, person: Account, meanwhile: Any
) -> dict[str, float]:
    """Subscribe, let a daemon of its own see to it, look at the pages meanwhile."""
    with daemon(world, "util.restore") as process:
        began = time.monotonic()
        changed = cloud.accounts.subscribe(person.user_id)
        outbox.announce_role(cloud, person.user_id)
        figures = meanwhile()
        while cloud.accounts.get(person.user_id).pending_role_change == changed.role_changes:
            if time.monotonic() - began > WAIT_S:
                raise TimeoutError("restore did not come to its end")
            time.sleep(0.5)
        return {**figures, "s": time.monotonic() - began, "mb": peak_mb(process)}


def measure(results: int) -> dict[str, Any]:
    """Both runs in one world."""
    slow = {"GAS_LOCAL_EXPEDITED_S": NEVER_S, "GAS_LOCAL_STANDARD_S": NEVER_S}
    with base_world(GAS_SWEEP_GRACE_S="0", GAS_RESTORE_MAX_DAY=EVERY, **slow) as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        os.environ["GLOBUS_SDK_SERVICE_URL_AUTH"] = world.env["GLOBUS_SDK_SERVICE_URL_AUTH"]
        cloud = connect(load())
        app = create_app(replace(cloud), Secrets("key", "client", "secret"))
        few, many = account(cloud), account(cloud)
        fill(cloud, few.user_id, FEW)
        jobs = fill(cloud, many.user_id, results)
        client = visitor(app, cloud, many.user_id)
        before_ms = cost_ms(client, "/annotations")

        def look() -> dict[str, float]:
            return {"list_ms": cost_ms(client, "/annotations"), "queries": queries(cloud, client)}

        small = subscribe(world, cloud, few, dict)
        large = subscribe(world, cloud, many, look)
        asked = asked_for(cloud, jobs)
    return {
        "baseline": f"a user with {FEW} archived results",
        "results": results,
        "asked_for": asked,
        "restore_peak_mb": round(large["mb"], 1),
        "baseline_peak_mb": round(small["mb"], 1),
        "peak_ratio": round(large["mb"] / small["mb"], 2),
        "ms_per_result": round(large["s"] * 1000 / results, 1),
        "list_ms_before": round(before_ms, 2),
        "list_ms_meanwhile": round(large["list_ms"], 2),
        "list_ratio": round(large["list_ms"] / before_ms, 2),
        "queries_per_list_page": large["queries"],
    }


def main() -> None:
    """The command line: `./gas bench restore`; exits 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        prog="./gas bench restore",
        description=__doc__,
        epilog="example: ./gas bench restore --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--results", type=int, default=10_000)
    args = parser.parse_args()
    figures = measure(args.results)
    words = "\n".join(f"{name:<28}{value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if args.json else words) + "\n")
    kept = figures["asked_for"] == args.results and figures["restore_peak_mb"] < MAX_MB
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
