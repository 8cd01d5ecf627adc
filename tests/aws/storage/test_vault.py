"""Both archive backends behind the one interface."""

import io
import os
import uuid

import pytest

from aws.resources import World
from aws.storage.glacier import MIB, GlacierVault
from aws.storage.vault import RetrievalState
from tests.conftest import Handle

pytestmark = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)


@pytest.fixture
def archive_id(world: World) -> str:
    return stored(world)


def stored(world: World, body: bytes = b"result") -> str:
    job_id = str(uuid.uuid4())
    reserved = world.vault.reserve("user", job_id)
    return world.vault.store(reserved, job_id, io.BytesIO(body), len(body))


def fetched(world: World, archive_id: str) -> bytes:
    """The bytes, once they are there."""
    answer = world.vault.request(archive_id, "job", "Expedited")
    for _ in range(1000):
        if world.vault.describe(archive_id, answer.id) is RetrievalState.READY:
            break
    with world.vault.fetch(archive_id, answer.id) as stream:
        return stream.read()


def test_what_is_stored_comes_back(world: World, archive_id: str) -> None:
    assert fetched(world, archive_id) == b"result"


def test_ids_are_unique_for_identical_bytes(world: World, archive_id: str) -> None:
    assert stored(world) != archive_id


def test_a_retrieval_in_progress_cannot_be_fetched(
    world: World, archive_id: str, local_aws: Handle
) -> None:
    local_aws.settings(expedited_s=3600)
    answer = world.vault.request(archive_id, "job", "Expedited")
    local_aws.settings(expedited_s=0.1)
    assert world.vault.describe(archive_id, answer.id) is RetrievalState.PENDING
    with pytest.raises(FileNotFoundError):
        world.vault.fetch(archive_id, answer.id)


def test_without_capacity_it_is_standard(world: World, archive_id: str, local_aws: Handle) -> None:
    local_aws.settings(capacity="short")
    answer = world.vault.request(archive_id, "job", "Expedited")
    local_aws.settings(capacity="ok")
    assert (answer.tier, answer.expedited_refused) == ("Standard", True)


def test_deleting_twice_is_no_error(world: World, archive_id: str) -> None:
    world.vault.delete(archive_id)
    world.vault.delete(archive_id)


def test_a_message_of_something_else_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="not"):
        world.vault.notices({"hello": "world"})


def test_a_large_result_is_stored_in_parts(world: World) -> None:
    if isinstance(world.vault, GlacierVault):
        world.vault.single_bytes = world.vault.part_bytes = MIB
    body = os.urandom(3 * MIB + 17)
    assert fetched(world, stored(world, body)) == body


class Breaks(io.BytesIO):
    """A stream that is cut off after its first part."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= MIB:
            raise OSError("cut off")
        return super().read(MIB)


def test_a_stream_that_is_cut_off_leaves_no_archive(world: World) -> None:
    if isinstance(world.vault, GlacierVault):
        world.vault.single_bytes = world.vault.part_bytes = MIB
    job_id = str(uuid.uuid4())
    reserved = world.vault.reserve("user", job_id)
    with pytest.raises(OSError, match="cut off"):
        world.vault.store(reserved, job_id, Breaks(bytes(20 * MIB)), 20 * MIB)
    stored_for = [entry.job_id for entry in world.vault.inventory()]
    assert job_id not in stored_for
