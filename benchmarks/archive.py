"""A result of 1 GB goes to the archive and back: in what memory do the daemons do it?

The real `archive`, `restore` and `thaw` daemons, fresh for each run, with a local AWS of its own
(in its own process, not counted). The baseline is the same with a result of 1 MB.
"""

import argparse
import hashlib
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

from aws import outbox
from aws.config import load
from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.job import Job, Result
from aws.rows.outputs import OUTPUTS
from aws.storage.stored import S3Object
from benchmarks import daemon, peak_mb
from benchmarks.jobs import base_world
from local.service import LocalService

MB = 1_000_000
DAEMONS = ("archive", "restore", "thaw")
MAX_MB = 200
WAIT_S = 1200
LEASE_S = 3600


class Noise:
    """A stream of so many bytes that no compression shrinks, the same for a seed; hashed."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self.left, self.dice = size, random.Random(seed)
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        part = self.dice.randbytes(size)
        self.left -= size
        self.digest.update(part)
        return part


def completed(cloud: Cloud, size: int) -> Job:
    """A job of a free user with a result of `size` bytes, its events published."""
    account = cloud.accounts.sign_in(str(uuid.uuid4()), "Bench", "bench@example.org", "")
    key = cloud.files.keys.upload(account.user_id, "a", "a.vcf")
    job = Job(str(uuid.uuid4()), account.user_id, "a.vcf", cloud.files.inputs, key, 1)
    cloud.jobs.submit(job)
    job = cloud.jobs.start(job.job_id, owner="bench", lease_s=LEASE_S)
    files = cloud.files
    outputs = {
        name: S3Object(files.results, files.keys.output(job.user_id, job.job_id, 1, name))
        for name in OUTPUTS
    }
    cloud.jobs.intend_outputs(job.job_id, owner="bench", outputs=tuple(outputs.values()))
    noise, result = Noise(size), outputs["result"]
    files.upload_stream(noise, result.bucket, result.key)  # type: ignore[arg-type]
    outcome = Result(
        outputs=outputs,
        result_bytes=size,
        result_sha256=noise.digest.hexdigest(),
        reference="rCRS",
        counts={"records": 1},
    )
    return outbox.flush(cloud, cloud.jobs.complete(job.job_id, owner="bench", result=outcome))


def until(holds: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > WAIT_S:
            raise TimeoutError(f"not within {WAIT_S} s")
        time.sleep(0.1)
    return round(time.monotonic() - began, 1)


def sha256(cloud: Cloud, job: Job) -> str:
    digest = hashlib.sha256()
    with closing(cloud.files.open(job.result.bucket, job.result.key)) as stream:
        while part := stream.read(8 * MB):
            digest.update(part)
    return digest.hexdigest()


def there_and_back(world: LocalService, cloud: Cloud, size: int) -> dict[str, Any]:
    """One result's way, by daemons of its own."""
    with ExitStack() as stack:
        running = {name: stack.enter_context(daemon(world, f"util.{name}")) for name in DAEMONS}
        job = completed(cloud, size)
        there_s = until(lambda: cloud.jobs.get(job.job_id).is_archived)
        cloud.accounts.subscribe(job.user_id)
        outbox.announce_role(cloud, job.user_id)
        back_s = until(lambda: cloud.jobs.get(job.job_id).is_hot)
        peaks = {name: round(peak_mb(process), 1) for name, process in running.items()}
    after = cloud.jobs.get(job.job_id)
    same = sha256(cloud, after) == after.result_sha256
    return {"archived_s": there_s, "back_s": back_s, "peak_mb": peaks, "bytes_equal": same}


def measure(backend: str, size: int) -> dict[str, Any]:
    """The small one, then the large one, in one world of this backend."""
    with base_world(GAS_ARCHIVE_BACKEND=backend, GAS_ARCHIVE_AFTER_S="0") as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        cloud = connect(load())
        small, large = there_and_back(world, cloud, MB), there_and_back(world, cloud, size)
    ratios = {name: round(large["peak_mb"][name] / small["peak_mb"][name], 2) for name in DAEMONS}
    return {"baseline_peak_mb": small["peak_mb"], **large, "peak_ratio": ratios}


def main() -> None:
    """The command line: `./gas bench archive`; exits 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        prog="./gas bench archive",
        description=__doc__,
        epilog="example: ./gas bench archive --backend vault --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--backend", choices=("s3", "vault"), help="only this one")
    parser.add_argument("--mb", type=int, default=1000, help="of the large result")
    args = parser.parse_args()
    backends = [args.backend] if args.backend else ["s3", "vault"]
    runs = {name: measure(name, args.mb * MB) for name in backends}
    figures = {"baseline": "a result of 1 MB", **runs}
    words = "\n".join(f"{name:<12}{value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if args.json else words) + "\n")
    kept = all(
        run["bytes_equal"] and max(run["peak_mb"].values()) < MAX_MB for run in runs.values()
    )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
