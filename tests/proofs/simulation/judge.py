"""The verdict on a run: what must hold once it has come to rest."""

from collections.abc import Iterator

from aws.resources import MAX_RECEIVES, World
from aws.rows.job import Job, Status
from tests.proofs import invariants
from tests.proofs.simulation.network import Record
from tests.proofs.simulation.people import People
from tests.proofs.simulation.plan import CHANGES, FROZEN, Act, Kind
from tests.proofs.simulation.watch import Watch

MAX_PUBLISHED = 60
"""The most that one event may be published: for each change of role, where it is of that."""
OF_A_ROLE = ("restore", "results_archive")
"""A change of role is announced, and it begins a result's retention, with its retries, anew."""
AWAY = {Kind.DIE_BEFORE, Kind.DIE_AFTER, Kind.FREEZE, Kind.FREEZE_AFTER, Kind.CHILD, Kind.JUMP}
"""The faults by which an attempt may count as crashed."""
LONG = {Kind.OUTAGE, Kind.SLOW, Kind.UNKNOWN}
"""The faults that may outlast a lease."""
LEASE_S = 100
"""A third of a lease: nothing that is shorter costs one."""
ONCE = {Kind.DOUBLED, Kind.LOST_MESSAGE, Kind.STALE, Kind.REJECTED, Kind.FAILS}
"""The faults by which no result is sent to the archive once more."""


def before_inventory(world: World, people: People, watch: Watch, record: Record) -> list[str]:
    """The violations that an inventory would hide, and those of blame and of endless work."""
    jobs = list(world.jobs.scan())
    cloud = people.network.cloud
    changes = sum(CHANGES.get(step.act, 0) for step in people.network.plan.steps)
    found = [f"orphan: {text}" for text in _orphans(world, jobs, watch)]
    found += _wrongly_failed(jobs, record) + _crashes(jobs, record) + _lapses(jobs, record)
    found += [*_published(people, changes), *_mails(people, jobs, record)]
    found += watch.lateness.late(record)
    found += _sent(watch, record) + _unsaid(world, jobs, cloud.rotten)
    due = cloud.next_due()
    return found + ([] if due is None else [f"no rest: a row is still due at {due}"])


def _orphans(world: World, jobs: list[Job], watch: Watch) -> list[str]:
    """Bytes whose row had them as pending when they were written, and let them go."""
    archives = set(invariants.archive_ids(world))
    named = {str(stored) for stored in watch.named}
    return [text for text in invariants.orphans(world, jobs, archives) if text in named]


def _machine_faults(record: Record) -> int:
    return sum(f.kind in AWAY and name.startswith("annotator") for f, name in record.fired)


def _wrongly_failed(jobs: list[Job], record: Record) -> list[str]:
    """No file is bad: a job fails only after three attempts ended with their machines."""
    if _machine_faults(record) >= 3:
        return []
    failed = [job for job in jobs if job.job_status is Status.FAILED]
    return [f"blamed: job {job.job_id} has FAILED: {job.error}" for job in failed]


def _crashes(jobs: list[Job], record: Record) -> list[str]:
    """A crash is counted only where a machine went away: an outage is none, however long."""
    allowed = _machine_faults(record)
    return [
        f"blamed: job {job.job_id} has {job.crashes} crashes, of {allowed} ({job.fault})"
        for job in jobs
        if job.crashes > allowed
    ]


def _lapses(jobs: list[Job], record: Record) -> list[str]:
    """A lease runs out only where a machine went away, or nothing came through for long."""
    outage = any(f.kind in (Kind.OUTAGE, Kind.UNKNOWN) for f, _ in record.fired)
    if outage or max(record.waits, default=0) >= LEASE_S:
        return []
    allowed = _machine_faults(record)
    return [
        f"lapsed: job {job.job_id} lost {job.lapses} leases, of {allowed}"
        for job in jobs
        if job.lapses > allowed
    ]


def _sent(watch: Watch, record: Record) -> list[str]:
    """A result is sent to the archive once each time it begins to leave, whatever comes twice."""
    harmless = ONCE | {Kind.SLOW, *FROZEN}
    allowed = sum(fault.kind not in harmless for fault, _ in record.fired)
    allowed += sum(wait_s >= LEASE_S for wait_s in record.waits)
    return [
        f"sent twice: job {id} was written to the archive {n} times, having begun {watch.begun[id]}"
        for id, n in watch.sent.items()
        if n > watch.begun[id] + allowed
    ]


def _unsaid(world: World, jobs: list[Job], rotten: set[str]) -> list[str]:
    """What is lost with its archive is given up, so that its page says so."""
    wanted = (
        job for job in jobs if job.job_id in rotten and job.is_archived and not job.archive_fault
    )
    return [
        f"unsaid: job {job.job_id} is lost, and its row says nothing"
        for job in wanted
        if world.accounts.get(job.user_id).is_premium
    ]


def _published(people: People, changes: int) -> list[str]:
    published = people.network.cloud.sns.published
    return [
        f"endless: {body} was published {count} times on {topic}"
        for (topic, body), count in published.items()
        if count > MAX_PUBLISHED * (max(1, changes) if topic.endswith(OF_A_ROLE) else 1)
    ]


def _mails(people: People, jobs: list[Job], record: Record) -> Iterator[str]:
    """One mail for each job; more only where something went wrong meanwhile.

    Each message that comes while nothing can be written comes again until its deliveries end.
    """
    mails, published = people.network.cloud.ses.mails, people.network.cloud.sns.published
    replays = sum(step.act is Act.REPLAY for step in people.network.plan.steps)
    most = 1 + replays + (people.network.plan.setting.instances > 1)
    most += sum(MAX_RECEIVES + 2 if f.kind in LONG else 2 for f, _ in record.fired)
    is_long = any(fault.kind in LONG for fault, _ in record.fired)
    for job in jobs:
        count = sum(job.job_id in mail["text"] for mail in mails)
        told = replays + sum(
            times
            for (topic, body), times in published.items()
            if topic.endswith("job_results") and job.job_id in body
        )
        if count > max(most, is_long * MAX_RECEIVES * told):
            yield f"mails: job {job.job_id} was mailed {count} times"
