"""Shares: one result by a link, until it expires or is withdrawn."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aws.resources import World
from aws.rows.job import Job
from tests import builders
from tests.web.browser import Person
from web.sharing import READABLE


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


def shared(owner: Person, job: Job, **choices: str) -> str:
    """Share the job; return the path of the link."""
    path = f"/annotations/{job.job_id}"
    reply = owner.post(f"{path}/share", path, **{"days": "7", "recipient": "", **choices})
    assert reply.status_code == 303, reply.text
    links = re.findall(r'value="http://[^/"]+(/shared/[^"]+)"', owner.get(path).text)
    return str(links[-1])


def test_a_link_shows_that_result_and_nothing_else(
    ada: Person, world: World, stranger: FlaskClient
) -> None:
    job, other = builders.completed(world, ada), builders.completed(world, ada)
    path = f"/annotations/{job.job_id}"
    assert stranger.get(path).status_code == 302
    reply = stranger.get(shared(ada, job))
    assert reply.location == path
    page = stranger.get(path)
    assert page.status_code == 200
    for hidden in (
        "Yours to change",
        "My annotations",
        "Cancel this job",
        ada.user_id,
        "Subscribe",
    ):
        assert hidden not in page.text
    assert stranger.get(f"{path}/log").status_code == 200
    assert stranger.get(f"/annotations/{other.job_id}").status_code == 302
    for elsewhere in ("/annotations", "/profile", f"/annotations/deleting?job={job.job_id}"):
        assert "/login" in stranger.get(elsewhere).location


@pytest.mark.parametrize("name", ["download", "index", "rejected", "variants/parquet"])
def test_no_file_of_a_shared_result_tells_whose_it_is(
    ada: Person, world: World, stranger: FlaskClient, name: str
) -> None:
    job = builders.completed(world, ada)
    stranger.get(shared(ada, job))
    path = f"/annotations/{job.job_id}/{name}"
    stored = job.outputs["variants" if "parquet" in name else name.replace("download", "result")]
    own, reply = ada.get(path), stranger.get(path)
    assert (own.status_code, ada.user_id in own.location) == (302, True)
    assert (reply.status_code, ada.user_id in str(reply.headers)) == (200, False)
    assert reply.data == world.files.read(stored.bucket, stored.key)
    assert reply.headers["Content-Length"] == str(len(reply.data))
    assert "filename=" in reply.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("asked", "known", "status", "span"),
    [
        ("bytes=2-4", None, 206, slice(2, 5)),
        ("bytes=3-", '"{}"', 206, slice(3, None)),
        ("bytes=-2", None, 206, slice(-2, None)),
        ("bytes=2-999999", None, 206, slice(2, None)),
        ("bytes=3-", '"another file"', 200, slice(None)),
        ("bytes=0-1,3-4", None, 200, slice(None)),
        ("lines=1-2", None, 200, slice(None)),
        ("bytes=999999-", None, 416, None),
    ],
)
def test_the_download_of_a_shared_result_goes_on_where_it_broke_off(
    ada: Person,
    world: World,
    stranger: FlaskClient,
    asked: str,
    known: str | None,
    status: int,
    span: slice | None,
) -> None:
    job = builders.completed(world, ada)
    stranger.get(shared(ada, job))
    path = f"/annotations/{job.job_id}/download"
    whole = stranger.get(path)
    assert whole.headers["Accept-Ranges"] == "bytes"
    tag = whole.get_etag()[0]
    of_known = {"If-Range": known.format(tag)} if known else {}
    reply = stranger.get(path, headers={"Range": asked, **of_known})
    assert reply.status_code == status
    if span is None:
        return
    first, end, _ = span.indices(size := len(whole.data))
    assert (reply.data, reply.content_length) == (whole.data[span], end - first)
    told = f"bytes {first}-{end - 1}/{size}" if status == 206 else None
    assert reply.headers.get("Content-Range") == told


def test_what_changes_a_job_is_never_open_to_those_who_see_it(app: Flask) -> None:
    changing = {r.endpoint for r in app.url_map.iter_rules() if "POST" in (r.methods or ())}
    assert READABLE & changing == set()
    assert {r.endpoint for r in app.url_map.iter_rules()} >= READABLE


def test_a_hostile_owners_words_are_only_text_to_whom_they_share_with(
    ada: Person, world: World, stranger: FlaskClient
) -> None:
    hostile = """"><img src=x onerror=alert(1)>=1+1"""
    job = builders.completed(world, ada, name=f"{hostile}.vcf")
    world.jobs.describe(job.job_id, title=hostile, note=hostile)
    stranger.get(shared(ada, job))
    for rest in ("", "/log"):
        page = stranger.get(f"/annotations/{job.job_id}{rest}").text
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert "<img src=x" not in page
    disposition = stranger.get(f"/annotations/{job.job_id}/download").headers["Content-Disposition"]
    assert disposition.startswith("attachment;")
    assert "script" in stranger.get(f"/annotations/{job.job_id}").headers["Content-Security-Policy"]


def test_a_link_that_is_withdrawn_ends_at_once(
    ada: Person, world: World, stranger: FlaskClient
) -> None:
    job = builders.completed(world, ada)
    path, link = f"/annotations/{job.job_id}", shared(ada, job)
    stranger.get(link)
    (share_id,) = world.jobs.get(job.job_id).shares
    assert ada.post(f"{path}/withdraw", path, share=share_id).status_code == 303
    assert stranger.get(path).status_code == 404
    assert "withdrawn" in stranger.get(link).text


def test_a_link_expires(ada: Person, world: World, stranger: FlaskClient) -> None:
    job = builders.completed(world, ada)
    link = shared(ada, job, days="1")
    stranger.get(link)
    world.jobs.change(job.job_id, _expired)
    assert stranger.get(f"/annotations/{job.job_id}").status_code == 404
    assert stranger.get(link).status_code == 404


def _expired(job: Job) -> Job:
    return replace(job, shares={share_id: "1000 " for share_id in job.shares})


def test_a_link_for_one_person_is_for_that_person_alone(
    ada: Person, grace: Person, world: World, stranger: FlaskClient
) -> None:
    job = builders.completed(world, ada)
    path, link = f"/annotations/{job.job_id}", shared(ada, job, recipient=grace.user_id.upper())
    assert "/login?next=/shared/" in stranger.get(link).location
    assert grace.get(link).location == path
    assert grace.get(path).status_code == 200
    assert ada.get(link).status_code == 403


def test_who_follows_a_link_learns_nothing_of_the_owners_other_files(
    ada: Person, world: World, stranger: FlaskClient
) -> None:
    job = builders.completed(world, ada)
    panel = "in/u/j~annotation/panel.bed"
    world.jobs.describe(job.job_id, title="", note="of Jane")
    world.jobs.change(
        job.job_id,
        lambda j: replace(j, batch="Lund", annotation_tag="PANEL", s3_key_annotation_file=panel),
    )
    stranger.get(shared(ada, job))
    text = stranger.get(f"/annotations/{job.job_id}").text
    assert [word for word in ("of Jane", "Lund", "panel.bed") if word in text] == []


def test_links_that_have_expired_leave_the_row(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    shared(ada, job, recipient="eve@example.org")
    world.jobs.change(job.job_id, _expired)
    shared(ada, job)
    (left,) = world.jobs.get(job.job_id).shares.values()
    assert not left.startswith("1000")


@pytest.mark.parametrize("token", ["x", "W10.abc", "a.b.c"])
def test_a_made_up_link_leads_nowhere(stranger: FlaskClient, token: str) -> None:
    assert stranger.get(f"/shared/{token}").status_code == 404


@pytest.mark.parametrize(
    "choices", [{"days": "0"}, {"days": "4000"}, {"days": "x"}, {"recipient": "not a person"}]
)
def test_a_share_is_bounded(ada: Person, world: World, choices: dict[str, str]) -> None:
    job = builders.completed(world, ada)
    path = f"/annotations/{job.job_id}"
    form = {"days": "7", "recipient": "", **choices}
    assert ada.post(f"{path}/share", path, **form).status_code == 400


def test_nobody_shares_what_is_anothers(ada: Person, grace: Person, world: World) -> None:
    job = builders.completed(world, ada)
    shared_path = shared(ada, job)
    grace.get(shared_path)
    reply = grace.post(f"/annotations/{job.job_id}/share", "/annotate", days="7")
    assert reply.status_code == 404
