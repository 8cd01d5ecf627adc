"""The deployment under test, and what one run knows and leaves behind in it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from aws.config import Config
from aws.outbox import discard
from aws.resources import Clients, World, clients, connect
from aws.rows.job import Job, Refused, Status
from aws.secrets import Secrets, load
from aws.stack.changes import Stack
from local.visitor import Visitor

POLL_S = 0.5


@dataclass(frozen=True)
class Patience:
    """The longest waits (s); `archive_s` is beyond the time that a result stays in S3."""

    job_s: float = 300
    mail_s: float = 60
    archive_s: float = 180
    restore_s: float = 900
    sweep_s: float = 300


class ServiceLog(Protocol):
    """The log of all processes."""

    def faults(self, since: float, about: str = "") -> list[str]:
        """Lines since that time (epoch s) of faults, and those that contain `about`."""
        ...


@dataclass(frozen=True)
class Target:
    """A deployment: a stack on AWS, or a local world (then `stack` is None)."""

    config: Config
    url: str
    log: ServiceLog
    patience: Patience = field(default_factory=Patience)
    stack: Stack | None = None

    def client(self, service: str) -> Any:
        return self.made.client(service)

    @cached_property
    def made(self) -> Clients:
        return clients(self.config)

    @property
    def deployed(self) -> Stack:
        """The stack. Raises LookupError in a local world, whose checks do without one."""
        if self.stack is None:
            raise LookupError("a local world has no stack")
        return self.stack

    def alarms(self) -> list[dict[str, Any]]:
        """The stack's alarms, which CloudFormation has named STACK-LogicalId-SUFFIX.

        Those of a stack whose name only begins like this one's have one more hyphen.
        """
        start = f"{self.deployed.name}-"
        pages = self.client("cloudwatch").get_paginator("describe_alarms")
        found = [a for page in pages.paginate(AlarmNamePrefix=start) for a in page["MetricAlarms"]]
        return [a for a in found if a["AlarmName"].removeprefix(start).count("-") == 1]

    def group(self, kind: str) -> str:
        """The Auto Scaling group of one kind of instance."""
        return f"{self.config.gas.prefix}-{kind}"


class SmokeRun:
    """One run: the account that it makes, its job, and what it found on the way."""

    def __init__(self, target: Target, user_id: str) -> None:
        self.target, self.user_id = target, user_id
        self.world: World = connect(target.config)
        self.visitor = Visitor(target.url)
        self.began = time.time()
        self.job_id = ""
        self.sha256 = ""
        self.keeps = False
        """True: what it made stays, for a restore takes hours, or the operator wants to look."""

    def secrets(self) -> Secrets:
        """The site's keys, by the operator's right to read them."""
        return load(self.target.config)

    def job(self) -> Job:
        return self.world.jobs.get(self.job_id)

    def until(self, reached: Callable[[Job], bool], within_s: float, what: str) -> Job:
        """Poll the job's row until `reached(job)`. Raises TimeoutError with `what` is missing."""
        deadline = time.monotonic() + within_s
        while not reached(job := self.job()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} within {within_s:g} s (job {self.job_id})")
            time.sleep(POLL_S)
        return job

    def clean_up(self) -> int:
        """Free the user, and delete all bytes of the run's jobs; return how many jobs there were.

        Rows stay, without data: messages about them may be on their way, and would otherwise end
        as dead letters.
        """
        jobs = list(self.world.jobs.all_of(self.user_id))
        if jobs:
            account = self.world.accounts.unsubscribe(self.user_id)
            self.world.accounts.clear_role_change(self.user_id, account.role_changes)
        for job in jobs:
            self._empty(job.job_id)
        return len(jobs)

    def _empty(self, job_id: str) -> None:
        """End a job, delete its bytes, and leave a row that refers to none."""
        with suppress(Refused):  # it has ended already
            self.world.jobs.cancel(job_id)
        for stored in self.world.jobs.get(job_id).stored:
            discard(self.world, stored)
        self.world.jobs.change(job_id, emptied)


def emptied(job: Job) -> Job:
    """The job as one that its owner has cancelled, and of which nothing is left to do."""
    return Job(
        job.job_id,
        job.user_id,
        job.input_file_name,
        job.s3_inputs_bucket,
        job.s3_key_input_file,
        job.input_bytes,
        submit_time=job.submit_time,
        job_status=Status.CANCELLED,
        rev=job.rev,
        write_token=job.write_token,
        complete_time=job.complete_time,
        mailed=True,
    )
