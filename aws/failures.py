"""The end of what was tried often enough: noted in the row, and in words that an alarm hears."""

import logging

from aws.outbox import flush
from aws.resources import World
from aws.rows.job import Job

log = logging.getLogger(__name__)


def fail_retrieval(world: World, job: Job, fault: str) -> Job:
    """Count a retrieval that failed; the last one leaves the archive to the operators."""
    failed = world.jobs.fail_retrieval(job.job_id, archive_id=job.archive_id, fault=fault)
    if failed.archive_fault:
        log.error("job %s given up: %s", job.job_id, fault)
    else:
        log.warning("job %s: retrieval %d failed: %s", job.job_id, failed.retrieval_failures, fault)
    return flush(world, failed)


def give_up(world: World, job_id: str, fault: str) -> Job:
    """Leave a result that cannot be moved to the operators."""
    given_up = world.jobs.give_up(job_id, fault=fault)
    log.error("job %s given up: %s", job_id, fault)
    return flush(world, given_up)
