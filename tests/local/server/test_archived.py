"""The checksums of archived bytes, by which proofs read what only a retrieval could."""

import pytest

from aws.resources import World
from aws.storage.s3_glacier import S3Vault
from tests import builders
from tests.conftest import Handle
from tests.proofs import invariants


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_each_archives_bytes_are_summed(world: World, local_aws: Handle) -> None:
    job = builders.archived(world, builders.user(world))
    assert local_aws.archives(world) == {job.archive_id: job.result_sha256}


def test_the_invariants_notice_an_archive_whose_bytes_are_not_the_results(
    world: World, local_aws: Handle
) -> None:
    job = builders.archived(world, builders.user(world))
    assert isinstance(world.vault, S3Vault)
    world.vault.s3.put_object(Bucket=world.vault.bucket, Key=job.archive_id, Body=b"other")
    found = invariants.check(world, local_aws.mail(), archives=local_aws.archives(world))
    assert found.lost == [f"job {job.job_id}: the bytes of its archive have changed"]
