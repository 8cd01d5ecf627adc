"""The invariants that every proof checks once a world is quiet.

I1 every accepted job has ended; I2 a completed job's bytes are where its row says, unchanged;
I3 there is always a copy; I4 no premium result stays archived; I5 no free result stays in S3;
I6 nothing is stored that no row refers to; I7 every ended job was mailed to its owner, and to
nobody else; I8 no message is left in a queue; I9 every output of a completed job is in S3, but
for one that has moved to the archive with its result.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from aws.processes import TOPICS
from aws.resources import World
from aws.rows.job import Job, Refused, Status
from aws.rows.outputs import OUTPUTS
from aws.storage.glacier import GlacierVault
from aws.storage.stored import Archive, S3Object, Stored
from aws.storage.vault import RetrievalState

INVENTORY_S = 180
Archives = Mapping[str, str] | set[str]
"""What is archived: the SHA-256 of each archive by its id, or the ids alone."""


@dataclass
class Findings:
    """The findings of one check, kind by kind; every proof wants no `violations`."""

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
        """Every finding but repeated mails: a crash between mailing and marking costs one."""
        kinds = ("lost", "stuck", "orphans", "mails_missing", "strangers", "messages")
        return [
            f"{kind.replace('_', ' ')}: {what}" for kind in kinds for what in getattr(self, kind)
        ]


def check(
    world: World,
    mails: list[dict[str, Any]],
    accepted: set[str] | None = None,
    archives: Archives | None = None,
) -> Findings:
    """Check all of a quiet world. `accepted` are ids that must be among the jobs.

    Without `archives` it is only known which there are, not what is in them.
    """
    found, jobs = Findings(), list(world.jobs.scan())
    found.jobs = len(jobs)
    found.states.update(str(job.job_status) for job in jobs)
    missing = (accepted or set()) - {job.job_id for job in jobs}
    found.lost += [f"job {job_id} has no row" for job_id in missing]
    archives = set(archive_ids(world)) if archives is None else archives
    there = objects(world)
    for job in jobs:
        found.stuck += unsettled(world, job)
        found.lost += lost_bytes(world, job, archives) + lost_outputs(world, job, there)
    found.orphans += orphans(world, jobs, archives)
    check_mail(world, jobs, mails, found)
    found.messages += leftovers(world)
    return found


def unsettled(world: World, job: Job) -> list[str]:
    """I1, I4 and I5, and no unfinished work in the row."""
    if not job.is_terminal:
        return [f"job {job.job_id} is {job.job_status}"]
    found = []
    premium = world.accounts.get(job.user_id).is_premium
    if job.job_status is Status.COMPLETED and premium and not job.is_hot:
        found.append(f"job {job.job_id} of a premium user is archived")
    if job.job_status is Status.COMPLETED and not premium and not job.is_archived:
        found.append(f"job {job.job_id} of a free user is in S3")
    for name in ("outbox", "garbage", "pending_writes", "role_check_due"):
        if getattr(job, name):
            found.append(f"job {job.job_id} still has {name} {getattr(job, name)}")
    return found


def lost_bytes(world: World, job: Job, archives: Archives) -> list[str]:
    """I2 and I3: the result is exactly where the row says, with the same bytes."""
    if job.job_status is not Status.COMPLETED:
        return []
    if job.is_archived:
        return _lost_archive(job, archives)
    try:
        body = world.files.read(job.result.bucket, job.result.key)
    except (FileNotFoundError, Refused) as gone:
        return [f"job {job.job_id}: its result is gone: {gone}"]
    same = hashlib.sha256(body).hexdigest() == job.result_sha256
    return [] if same else [f"job {job.job_id}: its bytes have changed"]


def _lost_archive(job: Job, archives: Archives) -> list[str]:
    if job.archive_id not in archives:
        return [f"job {job.job_id}: its archive is gone"]
    kept = archives[job.archive_id] if isinstance(archives, Mapping) else job.result_sha256
    same = kept == job.result_sha256
    return [] if same else [f"job {job.job_id}: the bytes of its archive have changed"]


def lost_outputs(world: World, job: Job, there: Set[S3Object]) -> list[str]:
    """I9, by the raw row and the table of outputs, not by what the sweeper goes by.

    `there` is what S3 has.
    """
    row = world.jobs.table.get(job.job_id)
    if row is None or row["job_status"] != "COMPLETED":
        return []
    expected = [o for o in OUTPUTS.values() if not (o.sleeps and job.is_archived)]
    found = []
    for output in expected:
        key = row.get(output.attribute)
        if key is None:
            found.append(f"job {job.job_id}: its row has no {output.attribute}")
        elif S3Object(row["s3_results_bucket"], key) not in there:
            found.append(f"job {job.job_id}: its {output.name} is not in S3 ({key})")
    return found


def is_stored(world: World, bucket: str, key: str) -> bool:
    """True if S3 has this object."""
    try:
        world.files.size(bucket, key)
    except FileNotFoundError:
        return False
    return True


def has_a_copy(world: World, job: Job, archives: Archives) -> bool:
    """I3 alone, at any instant of a completed job's life."""
    return not lost_bytes(world, job, archives)


def orphans(world: World, jobs: list[Job], archives: Archives) -> list[str]:
    """I6: objects and archives that no row refers to."""
    referred = {stored for job in jobs for stored in job.stored}
    stored: set[Stored] = {*objects(world), *(Archive(archive_id) for archive_id in archives)}
    return sorted(map(str, stored - referred))


def objects(world: World) -> set[S3Object]:
    """Every input and every output in S3."""
    return {
        S3Object(bucket, item.key)
        for bucket in (world.files.inputs, world.files.results)
        for item in world.files.listing(bucket)
    }


def archive_ids(world: World) -> Iterator[str]:
    """Every archive as it is now; a vault makes a new inventory for it."""
    vault = world.vault
    if not isinstance(vault, GlacierVault):
        yield from (entry.archive_id for entry in vault.inventory())
        return
    job_id = vault.request_inventory()
    deadline = time.monotonic() + INVENTORY_S
    while vault.describe("", job_id) is RetrievalState.PENDING and time.monotonic() < deadline:
        time.sleep(0.02)
    yield from (entry.archive_id for entry in vault.read_inventory(job_id))


def check_mail(world: World, jobs: list[Job], mails: list[dict[str, Any]], found: Findings) -> None:
    """I7: at least one mail for each ended job, to its owner only."""
    for job in jobs:
        about = [mail for mail in mails if job.job_id in mail["text"]]
        owner = world.accounts.get(job.user_id).email
        if job.is_terminal and not about and job.mail_fault is None:
            found.mails_missing.append(f"job {job.job_id}")
        if len(about) > 1:
            found.mails_repeated.append(f"job {job.job_id}: {len(about)}")
        found.strangers += [f"{m['to']} got job {job.job_id}" for m in about if m["to"] != owner]


def leftovers(world: World) -> list[str]:
    """I8: the messages still in a queue; dead letters are for the caller to account for."""
    depths = [world.queues.depth(name) for name in TOPICS]
    left = {d.name: d.visible + d.in_flight + d.delayed for d in depths}
    return [f"{n} message(s) in {name}" for name, n in left.items() if n]


def is_quiet(world: World) -> bool:
    """True if no row has unfinished work and no queue has a message."""
    return next(restless(world), None) is None


def restless(world: World) -> Iterator[str]:
    """The work still to be done, row by row and queue by queue."""
    for job in world.jobs.scan():
        yield from unsettled(world, job)
        if not job.is_mail_settled:
            yield f"job {job.job_id} is not mailed"
    yield from leftovers(world)
