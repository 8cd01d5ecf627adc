"""Glacier's list of jobs by pages: fifty jobs each, and one should always check for a marker."""

import json
import uuid

from aws.config import load
from aws.resources import connect
from tests.aws.stack.edge import Edge

BUSY = {"Action": "ArchiveRetrieval", "StatusCode": "InProgress", "JobId": "other"}
READY = {
    "Action": "InventoryRetrieval",
    "StatusCode": "Succeeded",
    "JobId": "stock",
    "CompletionDate": "2026-01-01T00:00:00Z",
}
UNDER_WAY = {"Action": "InventoryRetrieval", "StatusCode": "InProgress", "JobId": "next"}
ARCHIVE = {
    "ArchiveId": "an-archive",
    "ArchiveDescription": "a-job",
    "CreationDate": "2026-01-01T00:00:00Z",
}


def test_an_inventory_behind_many_retrievals_is_found(edge: Edge) -> None:
    """https://docs.aws.amazon.com/amazonglacier/latest/dev/api-jobs-get.html"""
    vault = f"v{uuid.uuid4().hex[:8]}"
    jobs = f"/-/vaults/{vault}/jobs"
    edge.pages |= {
        jobs: json.dumps({"JobList": [BUSY] * 50, "Marker": "more"}),
        f"{jobs}?marker=more": json.dumps({"JobList": [READY, UNDER_WAY]}),
        f"{jobs}/stock/output": json.dumps({"ArchiveList": [ARCHIVE]}),
    }
    config = load(env={"GAS_ARCHIVE_BACKEND": "vault", "GAS_ARCHIVE_VAULT": vault})
    (found,) = connect(config).vault.inventory()
    assert (found.archive_id, found.job_id) == ("an-archive", "a-job")
