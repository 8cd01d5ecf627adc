"""The end of what was tried often enough: noted in the row, and in words that an alarm hears."""

import logging

from aws.outbox import flush
from aws.resources import World
from aws.rows.job import Job
from aws.storage.stored import Stored

log = logging.getLogger(__name__)


def fail_retrieval(world: World, job: Job, fault: str) -> Job:
    """Count a retrieval that failed; the last one leaves the archive to the operators."""
    archive_id = job.archive_id
    failed = world.jobs.fail_retrieval(job.job_id, archive_id=archive_id, fault=fault)
    return _reported(world, failed, fault)


def fail_archive(world: World, job: Job, reserved: Stored, fault: str) -> Job:
    """Count a result that was found changed; the last time leaves it in S3, to the operators."""
    failed = world.jobs.fail_archive(job.job_id, reserved=reserved, fault=fault)
    return _reported(world, failed, fault)


def _reported(world: World, failed: Job, fault: str) -> Job:
    if failed.archive_fault:
        log.error("job %s given up: %s", failed.job_id, fault)
    else:
        log.warning("job %s: move %d failed: %s", failed.job_id, failed.failed_moves, fault)
    return flush(world, failed)
