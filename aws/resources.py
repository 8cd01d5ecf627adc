"""The names of GAS's resources on AWS, and the world: a client for each of them."""

import functools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError

from aws.config import Config, ConfigError
from aws.events import Arns, Events, Queues
from aws.limits import DAEMON, Limits
from aws.mail import Mail
from aws.rows.accounts import Accounts
from aws.rows.job import Timeouts
from aws.rows.jobs import Jobs
from aws.rows.table import Table
from aws.storage.files import Files, transfer
from aws.storage.glacier import GlacierVault
from aws.storage.parts import Parts
from aws.storage.s3_glacier import S3Vault
from aws.storage.vault import Vault

BUCKETS = ("inputs", "results", "archive", "references")
"""The kinds of buckets with data."""
STACK_BUCKETS = (*BUCKETS, "logs")
"""A stack has one more, of access logs."""
MAX_RECEIVES = 5
"""Deliveries of one message before it goes to the dead-letter queue."""
DLQ_RETENTION_S = 14 * 24 * 3600


@dataclass(frozen=True)
class Names:
    """The names of the resources under one prefix."""

    prefix: str

    def bucket(self, kind: str) -> str:
        """The bucket of one of STACK_BUCKETS."""
        return f"{self.prefix}-{kind}"

    def topic(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    queue = topic

    def table(self, kind: str) -> str:
        """The table of `annotations` or `accounts`."""
        return f"{self.prefix}-{kind}"

    @property
    def secret(self) -> str:
        """The Secrets Manager secret with the web tier's keys."""
        return f"{self.prefix}/web"


@dataclass(frozen=True)
class World:
    """Every collaborator of a handler or a view; passed in, never imported."""

    config: Config
    names: Names
    clock: Callable[[], float]
    jobs: Jobs
    accounts: Accounts
    files: Files
    parts: Parts
    vault: Vault
    events: Events
    queues: Queues
    mail: Mail


MAKING = threading.Lock()
"""Held while a client is made, for which a session serves one thread at a time.

https://docs.aws.amazon.com/boto3/latest/guide/session.html
"""

NO_CREDENTIALS = (
    "no credentials for AWS are set: aws configure asks for them, or AWS_PROFILE names some; "
    "what ./gas up runs is reached by AWS_ENDPOINT_URL=http://localhost:5001"
)


@functools.cache
def session() -> Any:
    """The session of the process, which reads AWS's service models and its credentials once.

    Raises ConfigError where there are no credentials.
    """
    try:
        made = boto3.session.Session()
        found = made.get_credentials()
    except BotoCoreError as fault:  # a profile that is not there, a role that cannot be taken on
        raise ConfigError(f"the credentials for AWS cannot be used: {fault}") from None
    if found is None:
        raise ConfigError(NO_CREDENTIALS)
    return made


@dataclass(frozen=True)
class Clients:
    """One boto3 session's clients; safe to share between threads."""

    session: Any
    region: str
    limits: Limits = DAEMON

    def client(self, service: str, poll_s: float = 0, **settings: Any) -> Any:
        """A client with the limits of its caller, and botocore's standard retries with backoff.

        `poll_s` is how long the service itself may wait before it answers.
        """
        config = self.limits.config(poll_s).merge(ClientConfig(**settings))
        with MAKING:
            return self.session.client(service, region_name=self.region, config=config)

    def s3(self) -> Any:
        """S3 with SigV4 and a host of its own for each bucket, which the site's policy then names.

        On an endpoint of AWS_ENDPOINT_URL the bucket is in the path: its host has no subdomains.
        """
        style = "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual"
        return self.client("s3", signature_version="s3v4", s3={"addressing_style": style})


def clients(config: Config, limits: Limits = DAEMON) -> Clients:
    return Clients(session(), config.aws.region, limits)


def connect(
    config: Config, clock: Callable[[], float] = time.time, limits: Limits = DAEMON
) -> World:
    """Return the world of `config`; makes no call to AWS. `clock` returns epoch seconds."""
    names, made = Names(config.gas.prefix), clients(config, limits)
    timeouts, dynamodb = Timeouts.of(config), made.client("dynamodb")
    annotations = Table(dynamodb, names.table("annotations"), "job_id")
    accounts = Table(dynamodb, names.table("accounts"), "user_id")
    arns = Arns(made.client("sts"), config.aws.region, names.prefix)
    s3 = made.s3()
    return World(
        config=config,
        names=names,
        clock=clock,
        jobs=Jobs(annotations, timeouts, clock),
        accounts=Accounts(accounts, timeouts, clock),
        files=Files(
            s3,
            names.bucket("inputs"),
            names.bucket("results"),
            names.bucket("references"),
            names.prefix,
            transfer(limits.tries),
        ),
        parts=Parts(s3, names.bucket("inputs")),
        vault=_vault(config, names, made, s3, arns, clock),
        events=Events(made.client("sns"), arns),
        queues=Queues(made.client("sqs", config.aws.poll_s), names.prefix),
        mail=Mail(made.client("ses"), config.mail.sender),
    )


def _vault(
    config: Config, names: Names, made: Clients, s3: Any, arns: Arns, clock: Callable[[], float]
) -> Vault:
    if config.archive.backend == "vault":
        return GlacierVault(made.client("glacier"), config.archive.vault, arns, clock=clock)
    return S3Vault(s3, names.bucket("archive"), names.prefix, clock)
