"""One file's whole journey through every part, in one process but for the annotator's child."""

import hashlib
import json

import pytest
import requests

from ann.annotator import Annotator
from ann.worker import Worker
from aws.resources import World
from tests import builders, daemons
from tests.conftest import PATIENCE_S, Clock, Handle
from tests.proofs import invariants
from tests.web.browser import Person, signed_in, submit, visitor
from tests.web.conftest import site

BOTH = pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)


def status(person: Person, job_id: str) -> dict[str, object]:
    return dict(person.get(f"/annotations/{job_id}/status").json or {})


def download(person: Person, job_id: str) -> bytes:
    reply = person.get(f"/annotations/{job_id}/download")
    assert reply.status_code == 302, reply.text
    return requests.get(reply.location, timeout=PATIENCE_S).content


@BOTH
def test_a_free_result_goes_cold_and_comes_back_byte_for_byte(
    world: World, clock: Clock, local_aws: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = site(world, monkeypatch)
    person = visitor(app, world)
    with Worker() as worker:
        handlers = {**daemons.handlers(), "job_requests": Annotator([worker]).handle}
        job_id = submit(person, "example.vcf", builders.example().read_bytes())
        assert status(person, job_id)["job_status"] == "PENDING"
        daemons.deliver_queue(world, "job_requests", handlers["job_requests"])
    told = status(person, job_id)
    assert told["job_status"] == "COMPLETED", told
    assert told["counts"] == {"records": 77, "annotated": 65, "not_annotated": 12}
    first = download(person, job_id)
    assert hashlib.sha256(first).hexdigest() == told["result_sha256"]

    daemons.bring_to_rest(world, clock, handlers)
    person.client = signed_in(app, world, person.user_id)
    assert status(person, job_id)["existed"] is False
    assert person.get(f"/annotations/{job_id}/download").status_code == 409
    assert person.get(f"/annotations/{job_id}/log").status_code == 200
    summary = json.loads(person.get(f"/annotations/{job_id}/summary").text)
    assert summary["records"] == 77

    assert person.post("/subscribe", "/subscribe").status_code < 400
    daemons.bring_to_rest(world, clock, handlers)
    person.client = signed_in(app, world, person.user_id)
    assert status(person, job_id)["existed"] is True
    assert download(person, job_id) == first
    page = person.get(f"/annotations/{job_id}").text
    assert str(told["result_sha256"]) in page

    daemons.take_stock(world)
    archives = local_aws.archives(world)
    found = invariants.check(world, local_aws.mail(), {job_id}, archives)
    assert found.violations == []
    assert found.mails_repeated == []


def test_a_file_of_another_assembly_fails_with_words_and_a_mail(
    world: World, clock: Clock, local_aws: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visitor(site(world, monkeypatch), world)
    body = daemons.BODY + b"7\t100\t.\tA\tC\t.\t.\t.\n"
    with Worker() as worker:
        handlers = {**daemons.handlers(), "job_requests": Annotator([worker]).handle}
        bad = submit(person, "other.vcf", body)
        good = submit(person, "example.vcf", builders.example().read_bytes())
        daemons.bring_to_rest(world, clock, handlers)
    assert status(person, bad)["job_status"] == "FAILED"
    assert "another assembly" in person.get(f"/annotations/{bad}").text
    assert status(person, good)["job_status"] == "COMPLETED"
    subjects = [mail["subject"] for mail in local_aws.mail() if bad in mail["text"]]
    assert subjects == ["GAS could not annotate other.vcf"]
