"""Accounts, and jobs at any stage of their life, each taken there by the steps of GAS itself."""

import hashlib
import itertools
import uuid
from pathlib import Path
from typing import Any, Protocol

from aws import outbox
from aws.events import Event
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Result
from aws.rows.outputs import OUTPUTS, RESULT
from aws.storage.stored import S3Object
from aws.storage.vault import RetrievalNotice, RetrievalRequest
from tests.daemons import BODY, OTHERS, VISIBILITY_S, deliver_queue
from util import archive, notify, restore

OWNER = "an annotator"
USERS = itertools.count(1)


class Owner(Protocol):
    """Whoever has jobs: an account, or a person in a browser."""

    @property
    def user_id(self) -> str: ...


def user(world: World, premium: bool = False) -> Account:
    """A new account."""
    number = next(USERS)
    account = world.accounts.sign_in(
        str(uuid.uuid4()), f"User {number}", f"u{number}@example.org", "Example"
    )
    if premium:
        account = world.accounts.subscribe(account.user_id)
        account = world.accounts.clear_role_change(account.user_id, account.role_changes)
    return account


def change_role(world: World, user_id: str, premium: bool) -> None:
    """Subscribe or unsubscribe as the site does, and have `restore` act on it."""
    change = world.accounts.subscribe if premium else world.accounts.unsubscribe
    change(user_id)
    outbox.announce_role(world, user_id)
    deliver_queue(world, "restore", restore.handle)


def remind(world: World, user_id: str) -> None:
    """Count the sweeper's reminders after which `restore` may take a change for carried out."""
    for _ in range(restore.MIN_REMINDERS):
        world.accounts.count_reminder(user_id)


def uploaded(world: World, owner: Owner, body: bytes = b"input", name: str = "a.vcf") -> Job:
    """A job as the site would submit it, its input in S3; no row yet."""
    job_id = str(uuid.uuid4())
    key = world.files.keys.upload(owner.user_id, job_id, name)
    world.files.write(world.files.inputs, key, body)
    return Job(job_id, owner.user_id, name, world.files.inputs, key, len(body))


def pending(world: World, owner: Owner, name: str = "a.vcf") -> Job:
    """A job whose request is still to be published."""
    return world.jobs.submit(uploaded(world, owner, name=name))


def submitted(world: World, owner: Owner, body: bytes = b"input") -> Job:
    """A job whose request has been published."""
    return outbox.flush(world, world.jobs.submit(uploaded(world, owner, body)))


def started(world: World, owner: Owner, worker: str = OWNER, body: bytes = b"input") -> Job:
    """A job under the lease of a worker."""
    job = world.jobs.submit(uploaded(world, owner, body))
    return world.jobs.start(job.job_id, owner=worker, lease_s=VISIBILITY_S)


def result_of(world: World, job: Job, body: bytes = BODY) -> Result:
    """Store the outputs of the job's current attempt; return what `complete` takes."""
    files, bodies = world.files, {**OTHERS, RESULT.name: body}
    outputs = {name: S3Object(files.results, output_key(world, job, name)) for name in OUTPUTS}
    world.jobs.intend_outputs(
        job.job_id, owner=str(job.lease_owner), outputs=tuple(outputs.values())
    )
    for name, stored in outputs.items():
        files.write(stored.bucket, stored.key, bodies.get(name, body))
    return Result(
        outputs=outputs,
        result_bytes=len(body),
        result_sha256=hashlib.sha256(body).hexdigest(),
        reference="rCRS",
        counts={"records": 1},
    )


def output_key(world: World, job: Job, name: str) -> str:
    """The key of one output of the job's current attempt."""
    file_name = OUTPUTS[name].file_name(job.input_file_name)
    return world.files.keys.output(job.user_id, job.job_id, job.attempt, file_name)


def completed(world: World, owner: Owner, body: bytes = BODY, name: str = "a.vcf") -> Job:
    """A job whose commit was the last thing that happened: its events are unpublished."""
    return complete(world, pending(world, owner, name), body)


def complete(world: World, job: Job, body: bytes = BODY) -> Job:
    """Take a pending job to COMPLETED, its outputs in place."""
    job = world.jobs.start(job.job_id, owner=OWNER, lease_s=VISIBILITY_S)
    result = result_of(world, job, body)
    return world.jobs.complete(job.job_id, owner=OWNER, result=result)


def failed(world: World, owner: Owner, error: str) -> Job:
    """A job that ended with an error."""
    job = started(world, owner)
    return world.jobs.fail(job.job_id, owner=OWNER, error=error)


def mailed(world: World, owner: Owner, body: bytes = BODY) -> Job:
    """A completed job, its events published and its owner mailed."""
    job = outbox.flush(world, completed(world, owner, body))
    notify.handle(world, Event(job.event))
    return world.jobs.get(job.job_id)


def archived(world: World, owner: Owner, body: bytes = BODY) -> Job:
    """A mailed job whose result has gone to the archive; a free user's is at rest."""
    job = mailed(world, owner, body)
    archive.store(world, job)
    return world.jobs.get(job.job_id)


def requested(world: World, owner: Owner) -> Job:
    """A job whose owner has just subscribed: its archive's retrieval has been requested."""
    job = archived(world, owner)
    account = world.accounts.subscribe(owner.user_id)
    restore.handle(world, Event(account.event))
    return world.jobs.get(job.job_id)


def retrieving(world: World, job: Job, answer: RetrievalRequest) -> Job:
    """Take an archived job's row to being restored, with this answer of Glacier."""
    world.jobs.begin_retrieval(job.job_id, token="t", tier="Expedited")
    return world.jobs.record_retrieval(job.job_id, token="t", answer=answer)


def thawed(world: World, job: Job, body: bytes = BODY) -> Job:
    """Take an archived job to the commit of its thaw."""
    files, thaws = world.files, job.thaws + 1
    copy = S3Object(
        files.results, files.keys.thawed(job.user_id, job.job_id, thaws, job.result_name)
    )
    world.jobs.begin_thaw(job.job_id, archive_id=job.archive_id, copy=copy, thaws=thaws)
    files.write(copy.bucket, copy.key, body)
    return world.jobs.commit_thaw(job.job_id, archive_id=job.archive_id, copy=copy)


def result_bytes(world: World, job: Job) -> bytes:
    """The bytes of the result in S3."""
    return world.files.read(job.result.bucket, job.result.key)


def retrieved(job: Job) -> RetrievalNotice:
    """The notice that the job's retrieval has succeeded."""
    return RetrievalNotice(job.job_id, job.archive_id, None, succeeded=True)


def thaw_message(world: World, job: Job, succeeded: bool = True) -> dict[str, Any]:
    """The message on the thaw queue at the end of the job's retrieval."""
    if world.config.archive.backend == "s3":
        key = {"s3": {"object": {"key": job.archive_id}}}
        return {"Records": [{"eventName": "ObjectRestore:Completed", **key}]}
    assert job.retrieval
    return {
        "Action": "ArchiveRetrieval",
        "StatusCode": "Succeeded" if succeeded else "Failed",
        "JobDescription": job.job_id,
        "ArchiveId": job.archive_id,
        "JobId": job.retrieval.id,
    }


def example() -> Path:
    """The bundled example VCF."""
    return Path(__file__).parent.parent / "ann" / "references" / "rCRS" / "example.vcf"
