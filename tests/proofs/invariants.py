"""What must hold of a world after quiet: the invariants that every proof checks.

I1 every accepted job has ended; I2 a completed job's bytes are where its row says, unchanged;
I3 there is always a copy; I4 no premium result stays archived; I5 no free result stays in S3;
I6 nothing is stored that no row names; I7 every ended job was mailed to its owner, and to nobody
else; I8 no message is left in a queue.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aws.resources import TOPICS, World
from aws.rows.job import Job, Status, in_archive, in_s3
from aws.rows.jobs import Jobs
from aws.rows.table import _unpacked
from aws.storage.glacier import GlacierVault
from aws.storage.vault import RetrievalState
from util.sweep import named

INVENTORY_S = 10


@dataclass
class Findings:
    """What was found; empty `violations` is what every proof wants."""

    jobs: int = 0
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    mails_missing: list[str] = field(default_factory=list)
    mails_repeated: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """A repeated mail is none: it is what a crash between mailing and noting it costs."""
        kinds = ("lost", "stuck", "orphans", "mails_missing", "strangers", "messages")
        return [f"{kind}: {what}" for kind in kinds for what in getattr(self, kind)]


def rows(world: World) -> Iterator[Job]:
    """Every job there is."""
    table = world.jobs.table
    pages = table.client.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
    for page in pages:
        yield from (Jobs._job(_unpacked(item)) for item in page["Items"])


def check(world: World, mails: list[dict[str, Any]], accepted: set[str] | None = None) -> Findings:
    """Look at everything in a quiet world. `accepted` are ids that must be among the jobs."""
    found, jobs = Findings(), list(rows(world))
    found.jobs = len(jobs)
    found.states.update(str(job.job_status) for job in jobs)
    missing = (accepted or set()) - {job.job_id for job in jobs}
    found.lost += [f"job {job_id} has no row" for job_id in missing]
    archives = set(archive_ids(world))
    for job in jobs:
        found.stuck += unsettled(world, job)
        found.lost += lost_bytes(world, job, archives)
    found.orphans += orphans(world, jobs, archives)
    check_mail(world, jobs, mails, found)
    found.messages += leftovers(world)
    return found


def unsettled(world: World, job: Job) -> list[str]:
    """I1, I4, I5, and nothing left to do in the row."""
    if not job.is_terminal:
        return [f"job {job.job_id} is {job.job_status}"]
    told = []
    premium = world.accounts.get(job.user_id).is_premium
    if job.job_status is Status.COMPLETED and premium and not job.is_hot:
        told.append(f"job {job.job_id} of a premium user is archived")
    if job.job_status is Status.COMPLETED and not premium and not job.is_archived:
        told.append(f"job {job.job_id} of a free user is in S3")
    for name in ("outbox", "garbage", "pending_writes", "role_check_due"):
        if getattr(job, name):
            told.append(f"job {job.job_id} still has {name} {getattr(job, name)}")
    return told


def lost_bytes(world: World, job: Job, archives: set[str]) -> list[str]:
    """I2 and I3: exactly where the row says, and the same bytes."""
    if job.job_status is not Status.COMPLETED:
        return []
    if job.is_archived:
        held = job.results_file_archive_id in archives
        return [] if held else [f"job {job.job_id}: its archive is gone"]
    try:
        body = world.files.read(job.s3_results_bucket or "", job.s3_key_result_file or "")
    except FileNotFoundError as gone:
        return [f"job {job.job_id}: {gone} is gone"]
    same = hashlib.sha256(body).hexdigest() == job.result_sha256
    return [] if same else [f"job {job.job_id}: its bytes have changed"]


def has_a_copy(world: World, job: Job, archives: set[str]) -> bool:
    """I3 alone, at any instant of a completed job's life."""
    return not lost_bytes(world, job, archives)


def orphans(world: World, jobs: list[Job], archives: set[str]) -> list[str]:
    """I6: stored, but named by no row."""
    kept = {entry for job in jobs for entry in named(job)}
    stored = {
        in_s3(bucket, item.key)
        for bucket in (world.files.inputs, world.files.results)
        for item in world.files.listing(bucket)
    }
    stored |= {in_archive(archive_id) for archive_id in archives}
    return sorted(stored - kept)


def archive_ids(world: World) -> Iterator[str]:
    """Every archive as it is now; a vault is asked for a new inventory."""
    vault = world.vault
    if not isinstance(vault, GlacierVault):
        yield from (held.archive_id for held in vault.inventory())
        return
    parameters = {"Type": "inventory-retrieval", "Format": "JSON"}
    job_id = vault.glacier.initiate_job(vaultName=vault.vault, jobParameters=parameters)["jobId"]
    deadline = time.monotonic() + INVENTORY_S
    while vault.describe("", job_id) is RetrievalState.PENDING and time.monotonic() < deadline:
        time.sleep(0.02)
    yield from (held.archive_id for held in vault._inventory(job_id))


def check_mail(world: World, jobs: list[Job], mails: list[dict[str, Any]], found: Findings) -> None:
    """I7: at least one mail for each ended job, to its owner only."""
    for job in jobs:
        about = [mail for mail in mails if job.job_id in mail["text"]]
        owner = world.accounts.get(job.user_id).email
        if job.is_terminal and not about:
            found.mails_missing.append(f"job {job.job_id}")
        if len(about) > 1:
            found.mails_repeated.append(f"job {job.job_id}: {len(about)}")
        found.strangers += [f"{m['to']} got job {job.job_id}" for m in about if m["to"] != owner]


def leftovers(world: World) -> list[str]:
    """I8: what is still in a queue; dead letters are for the caller to account for."""
    depths = [world.queues.depth(name) for name in TOPICS]
    left = {d.name: d.visible + d.in_flight + d.delayed for d in depths}
    return [f"{n} message(s) in {name}" for name, n in left.items() if n]


def is_quiet(world: World) -> bool:
    """Whether nothing is unfinished in any row and nothing is in any queue."""
    return next(restless(world), None) is None


def restless(world: World) -> Iterator[str]:
    """What is still to happen, row by row and queue by queue."""
    for job in rows(world):
        yield from unsettled(world, job)
        if not job.mailed:
            yield f"job {job.job_id} is not mailed"
    yield from leftovers(world)
