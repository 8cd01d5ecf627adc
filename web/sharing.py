"""Results that others than their owner may look at: by a link of the owner's, or as the sample.

A link carries no secret of its own: it is signed, and names a share that the job's row lists until
it has expired or was withdrawn. Opening it notes the share in the visitor's cookie; the row decides
at every request.
"""

import uuid
from dataclasses import dataclass
from functools import cache
from typing import Self

from flask import session
from itsdangerous import BadSignature

from aws.rows.accounts import Account
from aws.rows.job import Job
from web.assets import digest
from web.context import site, world
from web.session import current_user

MOST_KEPT = 20
"""The shares that a cookie remembers: the newest."""
SAMPLE_USER = str(uuid.uuid5(uuid.NAMESPACE_URL, "gas:sample"))
"""The owner of the sample result, who cannot sign in: no identity of Globus has this id."""
SAMPLE_TRIES = 5
READABLE = frozenset(
    {
        "annotations.details",
        "annotations.status",
        "annotations.summary",
        "annotations.job_log",
        "annotations.download",
        "annotations.tabix",
        "annotations.rejected",
        "variants.index",
        "variants.counts",
        "variants.tsv",
        "variants.vcf",
        "variants.parquet",
        "variants.one",
        "genome.sequence",
        "genome.sequence_index",
        "genome.genes",
        "genome.variants",
    }
)
"""The endpoints that show a job and change nothing: all that a share opens."""


@dataclass(frozen=True)
class Share:
    """Leave to look at one job until a time (epoch s); for one person, or whoever has the link.

    `recipient` is an e-mail address or the UUID of a Globus identity, in lower case; empty: all.
    """

    until: int
    recipient: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text that the row holds."""
        until, _, recipient = text.partition(" ")
        return cls(int(until), recipient)

    def __str__(self) -> str:
        return f"{self.until} {self.recipient}"

    def is_for(self, user: Account | None) -> bool:
        """Tell if this user is one that it is for."""
        if not self.recipient:
            return True
        return user is not None and self.recipient in (user.user_id, user.email.lower())


def live_shares(job: Job) -> dict[str, Share]:
    """The job's shares that have not expired, by their ids."""
    shares = {share_id: Share.parse(text) for share_id, text in job.shares.items()}
    return {k: share for k, share in shares.items() if share.until > world().clock()}


def link(job: Job, share_id: str) -> str:
    """The address to hand on."""
    token = site().links.dumps([job.job_id, share_id])
    return f"{site().config.gas.base_url}/shared/{token}"


def share_of(token: str) -> tuple[str, str] | None:
    """The job's id and the share's that a link names; None for one that GAS did not make."""
    try:
        job_id, share_id = site().links.loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return job_id, share_id


def remember(job_id: str, share_id: str) -> None:
    """Note in the visitor's cookie by which share a job was opened."""
    kept = {**session.get("shared", {}), job_id: share_id}
    session["shared"] = dict(list(kept.items())[-MOST_KEPT:])


def may_have_share(job_id: str) -> bool:
    """Tell if the visitor has come by a link to this job, or it is the sample: the row decides."""
    return job_id in session.get("shared", {}) or job_id in sample_ids()


def may_read(job: Job) -> bool:
    """Tell if this visitor may look at somebody else's job."""
    if job.user_id == SAMPLE_USER:
        return True
    share = live_shares(job).get(session.get("shared", {}).get(job.job_id, ""))
    return share is not None and share.is_for(current_user())


def is_own(job: Job) -> bool:
    """Tell if the visitor is the job's owner."""
    user = current_user()
    return user is not None and user.user_id == job.user_id


@cache
def sample_ids() -> tuple[str, ...]:
    """The ids of the sample's jobs, one a try: a release whose pages are others has its own."""
    name = f"gas:sample:{digest()}"
    return tuple(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}:{n}")) for n in range(SAMPLE_TRIES))
