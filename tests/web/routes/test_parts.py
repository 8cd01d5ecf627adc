"""A large upload in parts, by the requests of the script."""

import os
from typing import Any

import pytest
import requests

from aws.resources import World
from aws.storage import parts as storage
from tests.conftest import PATIENCE_S
from tests.web.browser import VCF, Person
from tests.web.conftest import body_of

MIB = 1 << 20
JSON = [("Accept", "application/json")]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least that S3 takes for a part that is not the last."""
    monkeypatch.setattr("web.routes.parts.PART_BYTES", 5 * MIB)


def begin(person: Person, size: int, name: str = "large.vcf") -> Any:
    reply = person.post("/annotate/parts", "/annotate", name=name, size=str(size))
    assert reply.status_code == 200, reply.text
    return body_of(reply)


def send(person: Person, token: str, number: int, part: bytes) -> None:
    url = body_of(person.get(f"/annotate/parts/{token}/{number}", headers=JSON))["url"]
    requests.put(url, data=part, timeout=PATIENCE_S).raise_for_status()


def test_the_parts_become_one_file_and_that_a_job(grace: Person, world: World) -> None:
    body = VCF + b"chrM\t73\t.\tA\tG\t.\t.\t.\n" * (6 * MIB // 22)
    token = begin(grace, len(body))["token"]
    send(grace, token, 2, body[5 * MIB :])
    send(grace, token, 1, body[: 5 * MIB])
    done = body_of(grace.get(f"/annotate/parts/{token}", headers=JSON))
    assert done == {"parts": [1, 2]}
    sent = body_of(grace.post(f"/annotate/parts/{token}", "/annotate"))
    path = sent["then"].partition("/annotate/job")[2]
    reply = grace.get(f"/annotate/job{path}&bucket={sent['bucket']}&key={sent['key']}")
    job = world.jobs.get(reply.location.rpartition("/")[2])
    assert job.input_bytes == len(body)
    assert world.files.read(job.input.bucket, job.input.key) == body


def test_what_is_over_is_said_to_be_over(grace: Person, world: World) -> None:
    token = begin(grace, 100)["token"]
    send(grace, token, 1, os.urandom(100))
    sent = grace.post(f"/annotate/parts/{token}", "/annotate")
    assert sent.status_code == 200
    assert grace.get(f"/annotate/parts/{token}").status_code == 410
    world.files.delete(world.files.inputs, body_of(sent)["key"])
    assert grace.post(f"/annotate/parts/{token}", "/annotate").status_code == 410


def test_a_reply_that_was_lost_is_given_again(grace: Person) -> None:
    token = begin(grace, 100)["token"]
    send(grace, token, 1, os.urandom(100))
    replies = [grace.post(f"/annotate/parts/{token}", "/annotate") for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert body_of(replies[0]) == body_of(replies[1])


@pytest.mark.parametrize("sent", [[], [2]])
def test_a_file_that_lacks_parts_is_not_finished(grace: Person, sent: list[int]) -> None:
    token = begin(grace, 6 * MIB)["token"]
    for number in sent:
        send(grace, token, number, os.urandom(MIB))
    reply = grace.post(f"/annotate/parts/{token}", "/annotate")
    assert (reply.status_code, "has not arrived whole" in reply.text) == (409, True)
    assert body_of(grace.get(f"/annotate/parts/{token}", headers=JSON)) == {"parts": sent}


@pytest.mark.parametrize("number", [0, 3, 10_001])
def test_a_part_that_the_file_does_not_have_gets_no_address(grace: Person, number: int) -> None:
    token = begin(grace, 6 * MIB)["token"]
    assert grace.get(f"/annotate/parts/{token}/{number}").status_code == 404


@pytest.mark.parametrize(
    "size", ["0", "-5", "x", "999999999999999", "9" * 400, "-" + "9" * 400], ids=range(6)
)
def test_a_size_that_the_plan_does_not_allow_is_refused(ada: Person, size: str) -> None:
    reply = ada.post("/annotate/parts", "/annotate", name="a.vcf", size=size)
    assert reply.status_code == 413


def test_nobody_goes_on_with_an_upload_of_anothers(grace: Person, ada: Person) -> None:
    token = begin(grace, 100)["token"]
    assert ada.get(f"/annotate/parts/{token}").status_code == 404
    assert ada.get(f"/annotate/parts/{token}/1").status_code == 404
    assert ada.post(f"/annotate/parts/{token}", "/annotate").status_code == 404
    assert grace.get(f"/annotate/parts/{token}x/1").status_code == 404


def test_a_part_is_large_enough_for_s3_and_small_enough_to_try_again() -> None:
    assert 5 * MIB <= storage.PART_BYTES <= 64 * MIB
    assert storage.PART_BYTES * 10_000 > 5_000_000_000
