"""Pumps job requests into the annotators' queue, and reports how long they waited."""

import argparse
import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from aws import outbox
from aws.config import ConfigError
from aws.resources import World, connect
from aws.rows.accounts import Account
from aws.rows.job import Job
from aws.simulate.tables import percentile
from aws.stack import settings
from util.load_common import EXAMPLE, demand_file, demand_local

LOCAL = {
    "AWS_ENDPOINT_URL": "http://localhost:5001",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",  # the local AWS takes any
}
MOST_JOBS, MOST_PER_S = 10_000, 100
LOOK_S = 2


def pump(world: World, account: Account, body: bytes, count: int, rate: float) -> None:
    """Submit `count` jobs, `rate` a second, as the site would."""
    began = time.monotonic()
    for number in range(count):
        threading.Event().wait(max(0.0, began + number / rate - time.monotonic()))
        job_id = str(uuid.uuid4())
        key = world.files.keys.upload(account.user_id, job_id, "load.vcf")
        world.files.write(world.files.inputs, key, body)
        job = Job(
            job_id, account.user_id, "load.vcf", world.files.inputs, key, len(body), mailed=True
        )
        outbox.flush(world, world.jobs.submit(job))


def drained(world: World, account: Account, within_s: float) -> list[Job]:
    """Every job of the account, once all have ended or time is up; reports progress on stderr."""
    deadline = time.monotonic() + within_s
    while True:
        jobs = list(world.jobs.all_of(account.user_id))
        left = sum(not job.is_terminal for job in jobs)
        if not left or time.monotonic() > deadline:
            return jobs
        sys.stderr.write(f"{left} of {len(jobs)} jobs to go\n")
        threading.Event().wait(LOOK_S)


def report(jobs: list[Job]) -> dict[str, Any]:
    """Counts, and seconds from the jobs' own rows."""
    ended = [job for job in jobs if job.complete_time and job.start_time]
    waits = [(job.start_time or 0) - job.submit_time for job in ended]
    runs = [(job.complete_time or 0) - (job.start_time or 0) for job in ended]
    first = min(job.submit_time for job in jobs)
    return {
        "submitted": len(jobs),
        "completed": sum(job.job_status == "COMPLETED" for job in jobs),
        "failed": sum(job.job_status == "FAILED" for job in jobs),
        "drain_s": round(max((job.complete_time or 0 for job in ended), default=first) - first, 2),
        "wait_p50_s": rounded_percentile(waits, 0.5),
        "wait_p95_s": rounded_percentile(waits, 0.95),
        "run_p50_s": rounded_percentile(runs, 0.5),
    }


def rounded_percentile(seconds: list[float], part: float) -> float | None:
    """The value below which `part` of `seconds` lie, to the millisecond; None of no values."""
    return round(percentile(sorted(seconds), part), 3) if seconds else None


def arguments() -> argparse.Namespace:
    """The command line; exits with one line for what cannot be done."""
    parser = argparse.ArgumentParser(
        prog="./gas load annotator",
        description=f"{__doc__} Start ./gas up first. No mail is sent for these jobs.",
        epilog="example: ./gas load annotator --count 200 --rate 20",
    )
    parser.add_argument("--count", type=int, default=100, help=f"of jobs, at most {MOST_JOBS}")
    parser.add_argument("--rate", type=float, default=5, help=f"a second, at most {MOST_PER_S}")
    parser.add_argument("--file", type=Path, default=EXAMPLE, help="the VCF of every job")
    parser.add_argument("--wait", type=float, default=600, help="seconds for the queue to drain")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument(
        "--anywhere", action="store_true", help="allow AWS itself, by config.ini's prefix"
    )
    settings.add_option(parser)
    args = parser.parse_args()
    if not 0 < args.count <= MOST_JOBS or not 0 < args.rate <= MOST_PER_S:
        sys.exit(f"gas: at most {MOST_JOBS} jobs, and {MOST_PER_S} a second")
    demand_file(args.file)
    return args


def use_local_aws(anywhere: bool) -> None:
    """Use the local AWS by default; exit where the environment names another, unless allowed."""
    if anywhere:
        return
    for name, value in LOCAL.items():
        os.environ.setdefault(name, value)
    demand_local(os.environ["AWS_ENDPOINT_URL"], anywhere)


def main() -> None:
    """The command line: `./gas load annotator`; exits 1 where a job did not complete."""
    args = arguments()
    use_local_aws(args.anywhere or bool(args.stack))
    try:
        world = connect(settings.load_of(args.stack))
    except ConfigError as fault:
        sys.exit(f"gas: {fault}")
    account = world.accounts.sign_in(str(uuid.uuid4()), "Load", "load@load.example", "Load Test")
    pump(world, account, args.file.read_bytes(), args.count, args.rate)
    figures = report(drained(world, account, args.wait))
    words = "\n".join(f"{name:<12}{value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if args.json else words) + "\n")
    sys.exit(0 if figures["completed"] == args.count else 1)


if __name__ == "__main__":
    main()
