"""The verdict on a run: what must hold once it has come to rest."""

from aws.resources import MAX_RECEIVES, World
from aws.rows.job import Job, Status
from tests.proofs import invariants
from tests.proofs.simulation.network import Record
from tests.proofs.simulation.people import People
from tests.proofs.simulation.plan import Act, Kind
from tests.proofs.simulation.watch import Watch

MAX_PUBLISHED = 60
"""The most that one event may be published: for each change of role, where it is of that."""
OF_A_ROLE = ("restore", "results_archive")
"""A change of role is announced, and it begins a result's retention, with its retries, anew."""
ROLE = {Act.UPGRADE, Act.DOWNGRADE}
AWAY = {Kind.DIE_BEFORE, Kind.DIE_AFTER, Kind.FREEZE, Kind.FREEZE_AFTER, Kind.CHILD, Kind.JUMP}
"""The faults by which an attempt may count as crashed."""
LONG = {Kind.OUTAGE, Kind.SLOW, Kind.UNKNOWN}
"""The faults that may outlast a lease."""


def before_inventory(world: World, people: People, watch: Watch, record: Record) -> list[str]:
    """The violations that an inventory would hide, and those of blame and of endless work."""
    jobs = list(world.jobs.scan())
    found = [f"orphan: {text}" for text in _orphans(world, jobs, watch)]
    found += _wrongly_failed(jobs, record) + _crashes(jobs, record)
    found += _published(people) + _mails(people, jobs, record)
    due = people.network.cloud.next_due()
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
    """A crash is counted only where a machine went away."""
    if any(fault.kind in LONG for fault, _ in record.fired):
        return []
    allowed = _machine_faults(record)
    return [
        f"blamed: job {job.job_id} has {job.crashes} crashes, of {allowed} ({job.fault})"
        for job in jobs
        if job.crashes > allowed
    ]


def _published(people: People) -> list[str]:
    published = people.network.cloud.sns.published
    changes = sum(step.act in ROLE for step in people.network.plan.steps)
    return [
        f"endless: {body} was published {count} times on {topic}"
        for (topic, body), count in published.items()
        if count > MAX_PUBLISHED * (max(1, changes) if topic.endswith(OF_A_ROLE) else 1)
    ]


def _mails(people: People, jobs: list[Job], record: Record) -> list[str]:
    """One mail for each job; more only where something went wrong meanwhile."""
    mails = people.network.cloud.ses.mails
    replays = sum(step.act is Act.REPLAY for step in people.network.plan.steps)
    most = 1 + replays + (people.network.plan.setting.instances > 1)
    most += sum(MAX_RECEIVES + 2 if f.kind in LONG else 2 for f, _ in record.fired)
    counts = {job.job_id: sum(job.job_id in mail["text"] for mail in mails) for job in jobs}
    return [f"mails: job {id} was mailed {n} times" for id, n in counts.items() if n > most]
