"""Kills processes at random under load, lets the world come to rest, and checks the invariants."""

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from aws.resources import World as Cloud
from aws.resources import connect
from local.demo import EXAMPLE, private_world
from local.service import LocalService
from local.visitor import RefusedUpload, Visitor
from tests.proofs import invariants
from util import inventory

USERS = 10
BAD_EVERY = 10
"""Every so many-th file is of another assembly: its job must end FAILED."""
PREMIUM_SHARE = 0.4
KILL_EVERY_S = (0.5, 1.5)
REST_S = 240
TRY_S = 60
SPARED = {"aws", "globus"}
"""The stand-ins stay up: AWS and Globus are not ours to kill."""
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
    "GAS_LOCAL_STANDARD_S": "1",
}


@dataclass
class Chaos:
    """One run: its load, its kills, and what was accepted."""

    world: LocalService
    jobs: int
    seed: int
    folder: Path
    kills: int = 0
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    loaded: threading.Event = field(default_factory=threading.Event)

    def run(self) -> dict[str, Any]:
        """Load and kills side by side, then rest, then the check."""
        began = time.monotonic()
        killer = threading.Thread(target=self._kill)
        killer.start()
        with ThreadPoolExecutor(USERS) as pool:
            list(pool.map(self._user, range(USERS)))
        self.loaded.set()
        killer.join()
        cloud = connect(self.world.config())
        self._rest(cloud)
        inventory.take(cloud)
        found = invariants.check(cloud, self._mails(), self.accepted)
        return {
            "jobs": found.jobs,
            "kills": self.kills,
            "completed": found.states["COMPLETED"],
            "failed": found.states["FAILED"],
            "lost": len(found.lost),
            "stuck": len(found.stuck),
            "orphans": len(found.orphans),
            "mails_missing": len(found.mails_missing),
            "mails_repeated": len(found.mails_repeated),
            "violations": found.violations,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _kill(self) -> None:
        """SIGKILL to a random process, again and again while there is load."""
        dice = random.Random(self.seed)
        ours = [p for p in self.world.processes if p.name not in SPARED]
        while not self.loaded.wait(dice.uniform(*KILL_EVERY_S)):
            process = dice.choice(ours)
            if process.is_alive:
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
            self._submit(visitor, job)
            if job == turn:
                persist(lambda: visitor.submit(visitor.page("/subscribe"), "/subscribe"))
            self.loaded.wait(dice.uniform(0, 1))

    def _submit(self, visitor: Visitor, job: int) -> None:
        path = self.folder / f"job-{job}.vcf"
        path.write_text(BAD if job % BAD_EVERY == 0 else EXAMPLE.read_text())
        job_id = persist(lambda: visitor.upload(path))
        self.accepted.add(job_id)

    def _rest(self, cloud: Cloud) -> None:
        """Wait until the world is at rest, REST_S at most."""
        deadline = time.monotonic() + REST_S
        while time.monotonic() < deadline:
            if invariants.is_quiet(cloud):
                return
            time.sleep(1)

    def _mails(self) -> list[dict[str, Any]]:
        return list(
            requests.get(f"http://localhost:{self.world.port + 1}/mail.json", timeout=30).json()
        )


def persist(act: Callable[[], Any]) -> Any:
    """Do as a person does whose page did not load: try again."""
    deadline = time.monotonic() + TRY_S
    while True:
        try:
            return act()
        except (requests.RequestException, LookupError, StopIteration, RefusedUpload):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def chaos(jobs: int, seed: int, backend: str) -> dict[str, Any]:
    """One whole run in a world of its own."""
    settings = {**SETTINGS, "GAS_ARCHIVE_BACKEND": backend}
    with tempfile.TemporaryDirectory() as folder, private_world(settings) as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith("AWS_")})
        run = Chaos(world, jobs, seed, Path(folder))
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(run.run)
            report.add_done_callback(lambda _: world.stopping.set())
            world.supervise()
            return report.result()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas chaos",
        description=f"{__doc__} Exits 0 only when every invariant holds.",
        epilog="example: ./gas chaos --jobs 200 --seed 1 --backend vault --json",
    )
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=("s3", "vault"), default="s3")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas chaos`."""
    args = _arguments()
    logging.disable(logging.WARNING)
    report = chaos(args.jobs, args.seed, args.backend)
    lines = [f"{name:>16}  {value}" for name, value in report.items()]
    sys.stdout.write(json.dumps(report) + "\n" if args.json else "\n".join(lines) + "\n")
    sys.exit(1 if report["violations"] else 0)


if __name__ == "__main__":
    main()
