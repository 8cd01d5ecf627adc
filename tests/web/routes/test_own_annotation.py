"""A user's own BED or VCF: sent first, then bound to the job of the VCF that follows."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask

from aws.resources import World
from tests.conftest import PATIENCE_S
from tests.web.browser import VCF, Person, form_of, upload, visitor
from tests.web.conftest import body_of

BED = b"chrM\t72\t73\tHVS2\t900\n"


def add(person: Person, name: str = "my panel.bed", body: bytes = BED) -> str:
    """Send an annotation; return the page that the site goes on to."""
    reply = person.get(upload(person, name, body, form_id="annotation"))
    assert reply.status_code == 302, reply.text
    return str(reply.location)


def test_an_annotation_and_its_tag_go_with_the_job_of_the_vcf_that_follows(
    ada: Person, world: World
) -> None:
    page = add(ada)
    assert "<strong>my panel.bed</strong>" in ada.get(page).text
    reply = ada.get(upload(ada, page=page))
    job = world.jobs.get(reply.location.rpartition("/")[2])
    assert job.annotation_tag == "MY_PANEL"
    assert job.annotation
    assert world.files.read(job.annotation.bucket, job.annotation.key) == BED
    assert job.annotation in job.stored
    assert "my panel.bed" not in ada.get("/annotate").text


def test_who_has_to_sign_in_again_amid_an_upload_is_led_back_to_the_annotation(
    ada: Person,
) -> None:
    page = add(ada)
    login = re.search('data-login="([^"]+)"', ada.get(page).text)
    assert login
    assert ada.get(unescape(login[1])).location == page


def test_a_script_gets_a_form_with_the_annotation_and_another_tag(
    ada: Person, world: World
) -> None:
    ticket = re.search(r"annotation=([^&]+)", add(ada))
    assert ticket
    made = body_of(ada.get(f"/annotate/form?annotation={ticket[1]}&tag=COHORT"))
    reply = requests.post(
        made["url"], data=made["fields"], files={"file": ("a.vcf", VCF)}, timeout=PATIENCE_S
    )
    assert reply.status_code == 201
    key = made["fields"]["key"].replace("${filename}", "a.vcf")
    address = f"{made['then']}&{urlencode({'bucket': made['bucket'], 'key': key})}"
    job_id = ada.get(address[address.index("/annotate") :]).location.rpartition("/")[2]
    assert world.jobs.get(job_id).annotation_tag == "COHORT"


@pytest.mark.parametrize("tag", ["AF", "GAS_X", "a b", "BCSQ"])
def test_a_tag_that_cannot_be_used_is_refused_in_words(ada: Person, tag: str) -> None:
    page = re.sub(r"tag=[^&]*", urlencode({"tag": tag}), add(ada))
    reply = ada.get(page)
    assert reply.status_code == 400
    assert "Please choose another one" in reply.text


def test_an_annotation_may_go_with_several_files_each_of_which_has_its_own_copy(
    ada: Person, world: World
) -> None:
    page = add(ada)
    replies = [ada.get(upload(ada, page=page)) for _ in range(2)]
    jobs = [world.jobs.get(reply.location.rpartition("/")[2]) for reply in replies]
    assert jobs[0].annotation != jobs[1].annotation
    for job in jobs:
        assert job.annotation
        assert f"/{job.job_id}~annotation/" in job.annotation.key
        assert world.files.read(job.annotation.bucket, job.annotation.key) == BED


def test_an_annotation_that_has_gone_is_asked_for_again(ada: Person, world: World) -> None:
    page = add(ada)
    for item in world.files.listing(world.files.inputs, f"web/{ada.user_id}/"):
        world.files.delete(item.bucket, item.key)
    reply = ada.get(upload(ada, page=page))
    assert (reply.status_code, "Please add the file again" in reply.text) == (404, True)


def test_what_can_be_no_annotation_is_refused_at_once_and_deleted(
    ada: Person, world: World
) -> None:
    for name, body in (("a.bed", b"%PDF-1.4"), ("a.bed.gz", b"\x1f\x8b\x08damaged")):
        path = upload(ada, name, body, form_id="annotation")
        reply = ada.get(path)
        assert reply.status_code == 400
        assert ada.get(path).status_code == 404


def test_an_annotation_is_its_owners_alone(ada: Person, app: Flask, world: World) -> None:
    path, page = upload(ada, "a.bed", BED, form_id="annotation"), add(ada)
    eve = visitor(app, world)
    assert eve.get(path).status_code == 404
    assert eve.get(page).status_code == 404
    assert ada.get("/annotate?annotation=forged").status_code == 404
    assert ada.get(path.replace("a.bed", "b.bed")).status_code == 404


def test_the_form_is_bound_to_the_users_key_and_size(ada: Person) -> None:
    action, fields = form_of(ada.get("/annotate").text, "annotation")
    assert f"/{ada.user_id}/" in fields["key"]
    assert "~annotation/" in fields["key"]
    big = requests.post(
        action, data=fields, files={"file": ("x", b"#" * 150_001)}, timeout=PATIENCE_S
    )
    assert "EntityTooLarge" in big.text


def test_a_job_that_is_run_again_keeps_its_annotation(ada: Person, world: World) -> None:
    reply = ada.get(upload(ada, page=add(ada)))
    job = world.jobs.get(reply.location.rpartition("/")[2])
    world.jobs.cancel(job.job_id)
    path = f"/annotations/{job.job_id}"
    reply = ada.post(f"{path}/again", path)
    again = world.jobs.get(reply.location.rpartition("/")[2])
    assert again.annotation_tag == "MY_PANEL"
    assert again.annotation
    assert again.annotation != job.annotation
    assert world.files.read(again.annotation.bucket, again.annotation.key) == BED


def test_pasted_variants_take_the_annotation_along(ada: Person, world: World) -> None:
    page = add(ada)
    fields = dict(re.findall(r'name="(annotation|tag)" value="([^"]*)"', ada.get(page).text))
    assert fields["annotation"]
    reply = ada.post("/annotate/paste", page, variants="m.73A>G", **fields)
    job = world.jobs.get(reply.headers["Location"].rpartition("/")[2])
    assert job.annotation is not None
    assert world.files.read(job.annotation.bucket, job.annotation.key) == BED
