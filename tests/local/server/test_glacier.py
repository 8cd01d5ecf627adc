import io
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

from tests.local.conftest import NEVER_S, Clients, Inbox, eventually

MIB = 1024 * 1024


@pytest.fixture
def vault(aws: Clients, name: str) -> str:
    aws.glacier.create_vault(vaultName=name)
    return name


def store(aws: Clients, vault: str, body: bytes = b"result", description: str = "job") -> str:
    reply = aws.glacier.upload_archive(vaultName=vault, archiveDescription=description, body=body)
    return str(reply["archiveId"])


def ask(aws: Clients, vault: str, archive_id: str, **more: str) -> str:
    parameters = {"Type": "archive-retrieval", "ArchiveId": archive_id, **more}
    return str(aws.glacier.initiate_job(vaultName=vault, jobParameters=parameters)["jobId"])


def describe(aws: Clients, vault: str, job_id: str) -> dict[str, Any]:
    return dict(aws.glacier.describe_job(vaultName=vault, jobId=job_id))


def output(aws: Clients, vault: str, job_id: str, **more: str) -> bytes:
    eventually(lambda: describe(aws, vault, job_id)["Completed"])
    reply = aws.glacier.get_job_output(vaultName=vault, jobId=job_id, **more)
    return bytes(reply["body"].read())


def test_twins_have_ids_of_their_own_and_one_outlives_the_other(aws: Clients, vault: str) -> None:
    one, other = store(aws, vault), store(aws, vault)
    assert one != other
    aws.glacier.delete_archive(vaultName=vault, archiveId=one)
    assert output(aws, vault, ask(aws, vault, other)) == b"result"


def test_a_retrieval_keeps_what_it_was_asked_with(
    aws: Clients, vault: str, inbox: Inbox, settings: Callable[..., None]
) -> None:
    settings(expedited_s=NEVER_S)
    archive_id = store(aws, vault)
    options = {"Description": "job 1", "SNSTopic": inbox.topic, "Tier": "Expedited"}
    job = describe(aws, vault, ask(aws, vault, archive_id, **options))
    assert (job["JobDescription"], job["SNSTopic"]) == ("job 1", inbox.topic)
    assert (job["Tier"], job["ArchiveId"]) == ("Expedited", archive_id)
    assert (job["Action"], job["StatusCode"]) == ("ArchiveRetrieval", "InProgress")


def test_the_end_of_a_retrieval_is_announced_and_the_output_is_there(
    aws: Clients, vault: str, inbox: Inbox
) -> None:
    archive_id = store(aws, vault)
    job_id = ask(aws, vault, archive_id, SNSTopic=inbox.topic, Description="job 1")
    notice = json.loads(inbox.next())
    expected = {
        "Action": "ArchiveRetrieval",
        "ArchiveId": archive_id,
        "ArchiveSizeInBytes": 6,
        "Completed": True,
        "JobDescription": "job 1",
        "JobId": job_id,
        "SHA256TreeHash": calculate_tree_hash(io.BytesIO(b"result")),
        "SNSTopic": inbox.topic,
        "StatusCode": "Succeeded",
        "StatusMessage": "Succeeded",
        "Tier": "Standard",
    }
    assert expected.items() <= notice.items()
    assert notice["VaultARN"].endswith(f"vaults/{vault}")
    reply = aws.glacier.get_job_output(vaultName=vault, jobId=job_id)
    assert reply["body"].read() == b"result"
    assert inbox.is_empty()


def test_output_is_refused_until_it_is_ready(
    aws: Clients, vault: str, settings: Callable[..., None]
) -> None:
    settings(bulk_s=NEVER_S)
    job_id = ask(aws, vault, store(aws, vault), Tier="Bulk")
    with pytest.raises(ClientError, match="not currently available"):
        aws.glacier.get_job_output(vaultName=vault, jobId=job_id)


def test_output_comes_in_ranges(aws: Clients, vault: str) -> None:
    job_id = ask(aws, vault, store(aws, vault, b"0123456789"))
    assert output(aws, vault, job_id, range="bytes=2-4") == b"234"
    assert output(aws, vault, job_id, range="bytes=8-20") == b"89"


def test_output_outlives_the_archive_for_a_while_and_then_expires(
    aws: Clients, vault: str, settings: Callable[..., None]
) -> None:
    archive_id = store(aws, vault)
    job_id = ask(aws, vault, archive_id)
    aws.glacier.delete_archive(vaultName=vault, archiveId=archive_id)
    assert output(aws, vault, job_id) == b"result"
    settings(kept_s=0)
    with pytest.raises(aws.glacier.exceptions.ResourceNotFoundException):
        describe(aws, vault, job_id)
    assert aws.glacier.list_jobs(vaultName=vault)["JobList"] == []


def test_expedited_is_refused_when_capacity_is_short(
    aws: Clients, vault: str, settings: Callable[..., None]
) -> None:
    archive_id = store(aws, vault)
    settings(capacity="short")
    with pytest.raises(aws.glacier.exceptions.InsufficientCapacityException):
        ask(aws, vault, archive_id, Tier="Expedited")
    assert output(aws, vault, ask(aws, vault, archive_id, Tier="Standard")) == b"result"


def test_creating_a_vault_again_keeps_what_is_in_it(aws: Clients, vault: str) -> None:
    archive_id = store(aws, vault)
    aws.glacier.create_vault(vaultName=vault)
    assert aws.glacier.describe_vault(vaultName=vault)["NumberOfArchives"] == 1
    assert output(aws, vault, ask(aws, vault, archive_id)) == b"result"
    listed = aws.glacier.list_vaults()["VaultList"]
    assert vault in [each["VaultName"] for each in listed]


def test_what_is_not_there_is_not_found(aws: Clients, vault: str, name: str) -> None:
    gone = aws.glacier.exceptions.ResourceNotFoundException
    with pytest.raises(gone):
        describe(aws, vault, "unknown")
    with pytest.raises(gone):
        aws.glacier.get_job_output(vaultName=vault, jobId="unknown")
    with pytest.raises(gone):
        aws.glacier.delete_archive(vaultName=vault, archiveId="unknown")
    with pytest.raises(gone):
        ask(aws, vault, "unknown")
    with pytest.raises(gone):
        store(aws, f"{name}-other")


def test_a_body_that_is_not_what_its_checksum_says_is_refused(aws: Clients, vault: str) -> None:
    with pytest.raises(ClientError, match="Checksum mismatch"):
        aws.glacier.upload_archive(vaultName=vault, body=b"result", checksum="0" * 64)
    assert aws.glacier.describe_vault(vaultName=vault)["NumberOfArchives"] == 0


def parts_of(aws: Clients, vault: str, body: bytes, left_out: int = -1) -> dict[str, str]:
    """Send `body` in parts of 1 MiB, all but one; return what completes the upload."""
    started = aws.glacier.initiate_multipart_upload(
        vaultName=vault, archiveDescription="in parts", partSize=str(MIB)
    )
    upload = {"vaultName": vault, "uploadId": started["uploadId"]}
    for first in range(0, len(body), MIB):
        part = body[first : first + MIB]
        if first != left_out * MIB:
            span = f"bytes {first}-{first + len(part) - 1}/*"
            aws.glacier.upload_multipart_part(**upload, range=span, body=part)
    checks = {"archiveSize": str(len(body)), "checksum": calculate_tree_hash(io.BytesIO(body))}
    return {**upload, **checks}


def test_an_archive_sent_in_parts_comes_back_whole(aws: Clients, vault: str) -> None:
    body = os.urandom(3 * MIB + 17)
    reply = aws.glacier.complete_multipart_upload(**parts_of(aws, vault, body))
    assert reply["checksum"] == calculate_tree_hash(io.BytesIO(body))
    job_id = ask(aws, vault, reply["archiveId"])
    assert output(aws, vault, job_id) == body
    assert describe(aws, vault, job_id)["ArchiveSizeInBytes"] == len(body)


def test_an_archive_that_lacks_a_part_is_refused(aws: Clients, vault: str) -> None:
    upload = parts_of(aws, vault, os.urandom(3 * MIB), left_out=1)
    with pytest.raises(ClientError, match="Parts are missing"):
        aws.glacier.complete_multipart_upload(**upload)
    aws.glacier.abort_multipart_upload(vaultName=vault, uploadId=upload["uploadId"])
    with pytest.raises(aws.glacier.exceptions.ResourceNotFoundException):
        aws.glacier.complete_multipart_upload(**upload)


def test_an_archive_in_parts_must_match_its_tree_hash(aws: Clients, vault: str) -> None:
    upload = {**parts_of(aws, vault, b"x" * MIB), "checksum": "0" * 64}
    with pytest.raises(ClientError, match="Checksum mismatch"):
        aws.glacier.complete_multipart_upload(**upload)


def test_an_inventory_lists_every_archive(aws: Clients, vault: str) -> None:
    ids = {store(aws, vault, b"x" * n, f"job {n}"): n for n in (1, 2, 3)}
    parameters = {"Type": "inventory-retrieval", "Format": "JSON"}
    job_id = aws.glacier.initiate_job(vaultName=vault, jobParameters=parameters)["jobId"]
    listed = json.loads(output(aws, vault, job_id))["ArchiveList"]
    assert {item["ArchiveId"]: item["Size"] for item in listed} == ids
    one = next(item for item in listed if item["Size"] == 1)
    assert one["ArchiveDescription"] == "job 1"
    assert one["SHA256TreeHash"] == calculate_tree_hash(io.BytesIO(b"x"))
    jobs = aws.glacier.list_jobs(vaultName=vault)["JobList"]
    assert [(job["JobId"], job["Action"]) for job in jobs] == [(job_id, "InventoryRetrieval")]
