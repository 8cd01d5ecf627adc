"""Both archive backends behind the one interface."""

import io
import os
import time
import uuid

import pytest

from aws.resources import World
from aws.storage import keys
from aws.storage.glacier import MIB, GlacierVault
from aws.storage.vault import REFUSED_S, RetrievalState
from tests.conftest import PATIENCE_S, Clock, Handle
from tests.proofs import faults

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
    deadline = time.monotonic() + PATIENCE_S
    while world.vault.describe(archive_id, answer.id) is not RetrievalState.READY:
        assert time.monotonic() < deadline
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


def test_without_capacity_thousands_of_requests_meet_one_refusal_and_no_retries(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    archives = [stored(world) for _ in range(3)]
    operation = "InitiateJob" if isinstance(world.vault, GlacierVault) else "RestoreObject"
    sent: list[str] = []
    client = faults.clients(world)[-3] if operation == "InitiateJob" else world.files.s3
    client.meta.events.register(
        f"before-send.*.{operation}", lambda **_: sent.append(operation), unique_id="counted"
    )
    local_aws.settings(capacity="short")
    tiers = [world.vault.request(one, "job", "Expedited").tier for one in archives]
    assert tiers == ["Standard"] * 3
    assert len(sent) == 4
    local_aws.settings(capacity="ok")
    clock.advance(REFUSED_S)
    assert world.vault.request(stored(world), "job", "Expedited").tier == "Expedited"


def test_a_refusal_by_a_clock_that_was_ahead_counts_no_longer_than_another(
    world: World, archive_id: str, clock: Clock, local_aws: Handle
) -> None:
    clock.advance(24 * 3600)
    local_aws.settings(capacity="short")
    assert world.vault.request(archive_id, "job", "Expedited").tier == "Standard"
    local_aws.settings(capacity="ok")
    clock.advance(-24 * 3600)
    assert world.vault.request(stored(world), "job", "Expedited").tier == "Expedited"


def test_an_archive_that_is_gone_is_said_to_be(world: World, archive_id: str) -> None:
    world.vault.delete(archive_id)
    with pytest.raises(FileNotFoundError):
        world.vault.request(archive_id, "job", "Standard")


def test_a_notice_of_ours_reads_like_the_services(world: World, archive_id: str) -> None:
    job_id = world.vault.notices(world.vault.notice(archive_id, "j", "r"))[0].job_id
    named = "j" if isinstance(world.vault, GlacierVault) else keys.parse(archive_id).job_id
    assert job_id == named


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
