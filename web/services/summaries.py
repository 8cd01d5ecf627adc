"""A job's summary.json, from S3."""

from typing import Any

from aws.rows.job import Job
from web.context import world


def read_summary(job: Job) -> dict[str, Any]:
    """The counts of a job's result; empty where it has none."""
    stored = job.outputs.get("summary")
    if stored is None:
        return {}
    document: dict[str, Any] = world().files.read_json(stored.bucket, stored.key)
    return document
