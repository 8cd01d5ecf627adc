"""Kills and disturbs processes under load, lets the world come to rest, checks the invariants."""

import argparse
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.job import Status
from local.demo import EXAMPLE, private_world
from local.service import LocalService
from local.visitor import RefusedUpload, Visitor
from tests.proofs import invariants
from tests.proofs.disturbances import Disturbances, on_disk, small_disk
from util import inventory

USERS = 10
BAD_EVERY = 10
"""Every so many-th file is of another assembly: its job must end FAILED."""
PREMIUM_SHARE = 0.4
KILL_EVERY_S = (0.5, 1.5)
KILL_WHILE_DISTURBED_S = (4, 10)
"""Less often in a run that lasts minutes, so that people get through in between."""
REST_S = 600
TRY_S = 300
TRY_EVERY_S = 5
SPARED = {"aws", "globus"}
"""The stand-ins stay up: AWS and Globus are not ours to kill."""
TRIED = (requests.RequestException, LookupError, StopIteration, RefusedUpload)
"""What a person sees of a site that is away, or that a service keeps from answering."""
BAD = (
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n7\t1\t.\tA\tC\t.\t.\t.\n"
)
SETTINGS = {
    "GAS_ARCHIVE_AFTER_S": "2",
    "GAS_AWS_VISIBILITY_S": "6",
    "GAS_AWS_RETRY_S": "1",
    "GAS_AWS_POLL_S": "1",
    "GAS_SWEEP_EVERY_S": "2",
    "GAS_SWEEP_GRACE_S": "4",
    "GAS_SWEEP_PATIENCE_S": "10",
    "GAS_SWEEP_INVENTORY_AGE_S": "0",
    "GAS_RESTORE_PATIENCE_S": "10",
    "GAS_LOCAL_EXPEDITED_S": "1",
    "GAS_WEB_MAX_FORMS_HOUR": "10000",
    "GAS_LOCAL_STANDARD_S": "1",
}


@dataclass
class Chaos:
    """One run: its load, its kills, and what was accepted."""

    world: LocalService
    jobs: int
    seed: int
    folder: Path
    disturbances: Disturbances | None = None
    kills: int = 0
    tired: int = 0
    """Uploads and subscriptions that people gave up after TRY_S."""
    accepted: set[str] = field(default_factory=set)
    loaded: threading.Event = field(default_factory=threading.Event)

    @property
    def pause_s(self) -> float:
        """The longest pause between two jobs of a user: load lasts as long as what disturbs it."""
        share = self.jobs / USERS
        return 2 * self.disturbances.expected_s / share if self.disturbances else 1

    def run(self) -> dict[str, Any]:
        """Load and kills side by side, then rest, then the check."""
        began = time.monotonic()
        killer = threading.Thread(target=self._kill)
        killer.start()
        with ThreadPoolExecutor(USERS + 1) as pool:
            disturbed = pool.submit(self.disturbances.run if self.disturbances else lambda: None)
            list(pool.map(self._user, range(USERS)))
            disturbed.result()
        self.loaded.set()
        killer.join()
        cloud = connect(self.world.config())
        self._rest(cloud)
        list(invariants.archive_ids(cloud))  # has a vault make a new inventory: the last is older
        inventory.take(aged(cloud))
        found = invariants.check(cloud, self._mails(), self.accepted, self._archives(cloud))
        wrongly = wrongly_failed(cloud)
        return {
            "jobs": found.jobs,
            "kills": self.kills,
            "stops": self.disturbances.stops if self.disturbances else 0,
            "completed": found.states["COMPLETED"],
            "failed": found.states["FAILED"],
            "lost": len(found.lost),
            "stuck": len(found.stuck),
            "orphans": len(found.orphans),
            "mails_missing": len(found.mails_missing),
            "mails_repeated": len(found.mails_repeated),
            "wrongly_failed": len(wrongly),
            "people_tired": self.tired,
            "disturbed_s": self.disturbances.seconds if self.disturbances else {},
            "violations": found.violations + wrongly,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _kill(self) -> None:
        """SIGKILL to a random process that serves, again and again while there is load."""
        dice = random.Random(self.seed)
        ours = [p for p in self.world.processes if p.name not in SPARED]
        pause_s = KILL_WHILE_DISTURBED_S if self.disturbances else KILL_EVERY_S
        while not self.loaded.wait(dice.uniform(*pause_s)):
            process = dice.choice(ours)
            if process.is_alive and process.is_ready:
                process.signal(signal.SIGKILL)
                self.kills += 1

    def _user(self, number: int) -> None:
        """One person's share of the jobs, and perhaps a subscription on the way."""
        dice = random.Random(self.seed * 1000 + number)
        visitor = Visitor(self.world.url)
        persist(lambda: visitor.sign_in(f"load-{number}"))
        share = range(number, self.jobs, USERS)
        turn = dice.choice(share) if dice.random() < PREMIUM_SHARE else None
        for job in share:
            try:
                self._submit(visitor, job)
                if job == turn:
                    persist(lambda: visitor.submit(visitor.page("/subscribe"), "/subscribe"))
            except TRIED:
                self.tired += 1
            self.loaded.wait(dice.uniform(0, self.pause_s))

    def _submit(self, visitor: Visitor, job: int) -> None:
        path = self.folder / f"job-{job}.vcf"
        path.write_text(BAD if is_bad(job) else EXAMPLE.read_text())
        job_id = persist(lambda: visitor.upload(path))
        self.accepted.add(job_id)

    def _rest(self, cloud: Cloud) -> None:
        """Wait until the world is at rest, REST_S at most."""
        deadline = time.monotonic() + REST_S
        while time.monotonic() < deadline:
            if invariants.is_quiet(cloud):
                return
            time.sleep(1)

    def _archives(self, cloud: Cloud) -> dict[str, str]:
        """The SHA-256 of each archive, by its id."""
        backend, vault = cloud.config.archive.backend, cloud.config.archive.vault
        name = cloud.names.bucket("archive") if backend == "s3" else vault
        url = f"{self.world.aws_url}/_gas/archives"
        return dict(requests.get(url, {"of": name}, timeout=60).json())

    def _mails(self) -> list[dict[str, Any]]:
        return list(
            requests.get(f"http://localhost:{self.world.port + 1}/mail.json", timeout=30).json()
        )


def aged(cloud: Cloud) -> Cloud:
    """The same world, where an upload of which nobody made a job is old at once.

    While people upload, the sweeper leaves them the time that it leaves everybody.
    """
    sweep = replace(cloud.config.sweep, upload_age_s=0)
    return replace(cloud, config=replace(cloud.config, sweep=sweep))


def wrongly_failed(cloud: Cloud) -> list[str]:
    """The failed jobs whose file was good, each with the words that its owner reads."""
    failed = [job for job in cloud.jobs.scan() if job.job_status is Status.FAILED]
    good = [job for job in failed if not is_bad(int(job.input_file_name[4:-4]))]
    return [f"wrongly failed: job {job.job_id}: {job.error}" for job in good]


def is_bad(job: int) -> bool:
    """True if the job of this number, job-NUMBER.vcf, has a file of another assembly."""
    return job % BAD_EVERY == 0


def persist(act: Callable[[], Any]) -> Any:
    """Do as a person does whose page did not load: try again, less and less often."""
    deadline, pause_s = time.monotonic() + TRY_S, 0.3
    while True:
        try:
            return act()
        except TRIED:
            if time.monotonic() > deadline:
                raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, TRY_EVERY_S)


def chaos(jobs: int, seed: int, backend: str, outage_s: float) -> dict[str, Any]:
    """One whole run in a world of its own; with `outage_s` it is disturbed as well as killed."""
    settings = {**SETTINGS, "GAS_ARCHIVE_BACKEND": backend}
    with (
        tempfile.TemporaryDirectory() as folder,
        small_disk(Path(folder) / "disk") as disk,
        private_world(settings) as world,
    ):
        os.environ.update({k: v for k, v in world.env.items() if k.startswith("AWS_")})
        run = Chaos(world, jobs, seed, Path(folder))
        if outage_s:
            run.disturbances = disturbed(world, seed, disk, outage_s)
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(run.run)
            report.add_done_callback(lambda _: world.stopping.set())
            world.supervise()
            return report.result()


def disturbed(world: LocalService, seed: int, disk: Path | None, outage_s: float) -> Disturbances:
    """The world with clocks that differ, and the annotator on a small disk."""
    disturbances = Disturbances(world, seed, disk, outage_s)
    disturbances.skew_clocks()
    if disk:
        on_disk(next(p for p in world.gas if p.name == "annotator"), disk)
    return disturbances


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas chaos",
        description=f"{__doc__} Exits 0 only when every invariant holds.",
        epilog="example: ./gas chaos --jobs 200 --seed 1 --backend vault --json",
    )
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=("s3", "vault"), default="s3")
    parser.add_argument(
        "--outage-s",
        type=float,
        default=0,
        help="besides kills: this long an outage of each service, processes stopped, a full disk, "
        "and clocks up to 90 s apart (default: kills only)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas chaos`."""
    args = _arguments()
    logging.disable(logging.WARNING)
    report = chaos(args.jobs, args.seed, args.backend, args.outage_s)
    lines = [f"{name:>16}  {value}" for name, value in report.items()]
    sys.stdout.write(json.dumps(report) + "\n" if args.json else "\n".join(lines) + "\n")
    sys.exit(1 if report["violations"] else 0)


if __name__ == "__main__":
    main()
