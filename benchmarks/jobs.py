"""Small jobs a second of this annotator, against one that starts a fresh python for every job.

Both take the same jobs from the same queue and store the same files; the baseline's python
imports pysam and boto3, does one job, and ends. Rounds alternate. Then, on an idle service, the
median seconds from the redirect to COMPLETED, by step.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ann.annotator import Annotator
from ann.pipeline import Outcome, Task, run
from ann.worker import Worker
from aws import outbox
from aws.config import load
from aws.events import Event, parse
from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.job import Job
from local.addresses import free_port
from local.demo import EXAMPLE, private_world
from local.process import Process
from local.service import LocalService
from local.visitor import Visitor

WAIT_S = 120
ROOT = Path(__file__).resolve().parent.parent


class InlineRun:
    """The pipeline in this very process: what a fresh python can afford."""

    progress = "annotating"

    def __init__(self, task: Task) -> None:
        self.task = task

    def wait(self, seconds: float) -> Outcome:
        scratch = self.task.folder / "scratch"
        scratch.mkdir()
        return run(self.task, scratch, lambda phase: None)


class InlineWorker(Worker):
    """No fork server."""

    def __init__(self) -> None:
        self.server = None

    def start(self, task: Task) -> InlineRun:  # type: ignore[override]
        return InlineRun(task)


def one(job_id: str) -> None:
    """The baseline's python: one job, and out."""
    Annotator([InlineWorker()]).handle(connect(load()), Event({"job_id": job_id}))


@contextmanager
def base_world(**settings: str) -> Iterator[LocalService]:
    """The local AWS and Globus alone."""
    with tempfile.TemporaryFile("w+") as log:
        world = LocalService(free_port(), None, 1, log, settings)
        try:
            world.start_tier(world.base)
            yield world
        finally:
            world.stop()


def queued(cloud: Cloud, jobs: int) -> list[str]:
    """Submit so many jobs of one user; return their ids, with the requests in the queue."""
    account = cloud.accounts.sign_in(str(uuid.uuid4()), "Bench", "bench@example.org", "")
    body = EXAMPLE.read_bytes()
    ids = []
    for _ in range(jobs):
        job_id = str(uuid.uuid4())
        key = cloud.files.keys.upload(account.user_id, job_id, "a.vcf")
        cloud.files.write(cloud.files.inputs, key, body)
        job = Job(job_id, account.user_id, "a.vcf", cloud.files.inputs, key, len(body))
        outbox.flush(cloud, cloud.jobs.submit(job))
        ids.append(job_id)
    return ids


def rate(cloud: Cloud, ids: list[str]) -> float:
    """Jobs a second, from the first claim to the last commit, by the times on their rows."""
    jobs = [cloud.jobs.get(job_id) for job_id in ids]
    assert all(job.job_status == "COMPLETED" for job in jobs), jobs
    began = min(job.start_time or 0 for job in jobs)
    ended = max(job.complete_time or 0 for job in jobs)
    return len(jobs) / (ended - began)


def ours(world: LocalService, cloud: Cloud, jobs: int) -> float:
    """The annotator as it is deployed, with one worker."""
    ids = queued(cloud, jobs)
    annotator = Process("annotator", [sys.executable, "-m", "ann.annotator"], world.env)
    annotator.start(world.out)
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and not cloud.jobs.get(ids[-1]).is_terminal:
        time.sleep(0.05)
    while not all(cloud.jobs.get(job_id).is_terminal for job_id in ids):
        time.sleep(0.05)
    annotator.signal(signal.SIGTERM)
    annotator.reap(time.monotonic() + WAIT_S)
    return rate(cloud, ids)


def baseline(world: LocalService, cloud: Cloud, jobs: int) -> float:
    """A loop that starts a python for every message."""
    ids = queued(cloud, jobs)
    began = time.monotonic()
    done = 0
    while done < jobs:
        for message in cloud.queues.receive("job_requests", 1, 30):
            job_id = parse(message.body)["job_id"]
            argv = [sys.executable, __file__, "--one", job_id]
            subprocess.run(argv, env=world.env, check=True)
            cloud.queues.delete(message)
            done += 1
    assert all(cloud.jobs.get(job_id).is_terminal for job_id in ids)
    return jobs / (time.monotonic() - began)


def throughput(jobs: int, rounds: int) -> dict[str, float]:
    """Medians over alternating rounds, and their ratio."""
    with base_world() as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        cloud = connect(load())
        pairs = [(ours(world, cloud, jobs), baseline(world, cloud, jobs)) for _ in range(rounds)]
    fast, slow = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "jobs_per_second": round(fast, 2),
        "baseline_jobs_per_second": round(slow, 2),
        "ratio": round(fast / slow, 1),
    }


def latency(jobs: int) -> dict[str, float]:
    """Median seconds of each step of a job on an idle service."""
    steps: dict[str, list[float]] = {"queue": [], "run": [], "total": []}
    with private_world(workers=1) as world:
        visitor = Visitor(world.url)
        visitor.sign_in("premium")
        for _ in range(jobs):
            status = visitor.wait(visitor.upload(EXAMPLE), WAIT_S)
            steps["queue"].append(status["start_time"] - status["submit_time"])
            steps["run"].append(status["complete_time"] - status["start_time"])
            steps["total"].append(status["complete_time"] - status["submit_time"])
    return {f"{step}_s": round(statistics.median(took), 3) for step, took in steps.items()}


def main() -> None:
    """The command line: `./gas bench jobs`."""
    parser = argparse.ArgumentParser(
        prog="./gas bench jobs",
        description=__doc__,
        epilog="example: ./gas bench jobs --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--jobs", type=int, default=25, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args.one)
        return
    figures = {
        "baseline": "a fresh python with pysam and boto3 for every job",
        **throughput(args.jobs, args.rounds),
        "redirect_to_completed": latency(args.jobs),
    }
    words = "\n".join(f"{name:<28}{value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if args.json else words) + "\n")


if __name__ == "__main__":
    main()
