import json
import re
from typing import Any

import pytest

from aws.resources import World
from aws.rows.job import Job, Status
from aws.storage.vault import RetrievalRequest
from tests import builders
from tests.daemons import BODY, LOG
from tests.web.browser import Person
from tests.web.conftest import body_of

HOSTILE = '"><img src=x onerror=alert(1)>.vcf'


def page(person: Person, job: Job, rest: str = "") -> str:
    reply = person.get(f"/annotations/{job.job_id}{rest}")
    assert reply.status_code == 200, reply.text
    return reply.text


def test_the_list_is_newest_first_and_turns_both_ways(ada: Person, world: World) -> None:
    size = world.config.web.page_size
    names = [f"sample-{n}.vcf" for n in range(size + 2)]
    for name in names:
        builders.pending(world, ada, name)
    first = ada.get("/annotations").text
    assert re.findall(r">(sample-\d+\.vcf)<", first) == names[:1:-1]
    forward = re.search(r'href="([^"]+)" rel="next"', first)
    assert forward
    second = ada.get(forward[1].replace("&amp;", "&")).text
    assert re.findall(r">(sample-\d+\.vcf)<", second) == ["sample-1.vcf", "sample-0.vcf"]
    back = re.search(r'href="([^"]+)" rel="prev"', second)
    assert back
    assert "sample-26.vcf" in ada.get(back[1].replace("&amp;", "&")).text
    assert 'rel="next"' not in second


def test_a_page_of_the_list_is_one_query_of_one_page(ada: Person, world: World) -> None:
    for n in range(world.config.web.page_size + 15):
        builders.pending(world, ada, f"{n}.vcf")
    calls: list[tuple[str, Any]] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        calls.append((model.name, params.get("body")))

    events = world.jobs.table.client.meta.events
    events.register("before-call.dynamodb", note)
    assert ada.get("/annotations").status_code == 200
    events.unregister("before-call.dynamodb", note)
    names = [name for name, _ in calls]
    assert names.count("Query") == 1
    assert set(names) <= {"Query", "GetItem"}
    assert f'"Limit": {world.config.web.page_size}' in str(calls[names.index("Query")][1])


def test_a_made_up_place_in_the_list_is_refused_in_words(ada: Person) -> None:
    reply = ada.get("/annotations?after=nonsense")
    assert (reply.status_code, "no place in your list" in reply.text) == (400, True)


def test_an_empty_list_invites(ada: Person) -> None:
    assert "Annotate your first file" in ada.get("/annotations").text


def test_a_waiting_job_says_so_and_can_be_cancelled(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    path = f"/annotations/{job.job_id}"
    assert "Waiting for an annotator" in page(ada, job)
    assert ada.post(f"{path}/cancel", path).status_code == 303
    assert world.jobs.get(job.job_id).job_status is Status.CANCELLED
    assert "Cancelled" in page(ada, job)
    again = ada.post(f"{path}/cancel", "/annotations")
    assert (again.status_code, "ended already" in again.text) == (409, True)


def test_a_running_job_tells_its_progress(ada: Person, world: World) -> None:
    job = world.jobs.start(builders.pending(world, ada).job_id, owner="me", lease_s=60)
    text = page(ada, job)
    assert "Starting</label>" in text
    assert "<progress" in text


def test_a_failed_job_tells_why_in_words(ada: Person, world: World) -> None:
    job = builders.failed(world, ada, "Line 7: <b>POS</b> is no number.")
    assert "Line 7: &lt;b&gt;POS&lt;/b&gt; is no number." in page(ada, job)


def test_a_completed_job_shows_counts_receipt_and_download(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    text = page(ada, job)
    for words in (
        "missense_variant",
        "SO:0001583",
        str(job.result_sha256),
        "archived in",
        f"{len(BODY)} bytes",
    ):
        assert words in text
    reply = ada.get(f"/annotations/{job.job_id}/download")
    assert reply.status_code == 302
    assert "response-content-disposition=attachment" in reply.location
    assert "a.annot.vcf.gz" in reply.location
    assert ada.get(f"/annotations/{job.job_id}/index").status_code == 302


def test_an_archived_result_keeps_log_summary_and_page_but_no_download(
    ada: Person, world: World
) -> None:
    job = builders.archived(world, ada)
    assert "Subscribe to download" in page(ada, job)
    assert "missense" in page(ada, job)
    assert "records" in page(ada, job, "/log")
    assert page(ada, job, "/summary")
    refused = ada.get(f"/annotations/{job.job_id}/download")
    assert (refused.status_code, "is archived" in refused.text) == (409, True)


def test_a_restore_tells_since_when_and_by_when(grace: Person, world: World) -> None:
    job = builders.archived(world, grace)
    text = page(grace, builders.retrieving(world, job, RetrievalRequest("g", "Standard", True)))
    for words in ("being restored", "Asked for", "Expedited was refused", "5 hours", "Expected by"):
        assert words in text
    assert grace.get(f"/annotations/{job.job_id}/download").status_code == 409


def test_a_thawed_result_is_available_again_and_its_receipt_tells(
    grace: Person, world: World
) -> None:
    job = builders.thawed(world, builders.archived(world, grace))
    text = page(grace, job)
    assert "available again" in text
    assert "byte for byte" in text
    assert grace.get(f"/annotations/{job.job_id}/download").status_code == 302


def test_the_status_is_304_until_something_changes(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    path = f"/annotations/{job.job_id}/status"
    first = ada.get(path)
    assert body_of(first)["job_status"] == "PENDING"
    seen = {"If-None-Match": first.headers["ETag"]}
    assert ada.get(path, headers=seen).status_code == 304
    builders.complete(world, job)
    second = ada.get(path, headers=seen)
    assert (second.status_code, body_of(second)["job_status"]) == (200, "COMPLETED")
    assert body_of(second)["result"] == "leaving"


def test_the_raw_log_is_plain_text_that_no_browser_interprets(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    reply = ada.get(f"/annotations/{job.job_id}/log?raw=1")
    assert reply.data == LOG
    assert reply.mimetype == "text/plain"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>alert" not in page(ada, job, "/log")


def test_the_page_dates_each_source_of_known_variants(ada: Person, world: World) -> None:
    text = page(ada, builders.completed(world, ada))
    assert "1: dbSNP build 156, 2022-11-04" in text


def test_a_job_without_log_or_summary_says_so(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    for rest in ("log", "summary"):
        assert ada.get(f"/annotations/{job.job_id}/{rest}").status_code == 404
    assert ada.get(f"/annotations/{job.job_id}/download").status_code == 409


@pytest.mark.parametrize("rest", ["", "/log"])
def test_a_hostile_name_is_only_text(ada: Person, world: World, rest: str) -> None:
    job = builders.completed(world, ada, name=HOSTILE)
    text = page(ada, job, rest)
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in ada.get("/annotations").text


def test_the_page_links_nothing_from_elsewhere(ada: Person, world: World) -> None:
    text = page(ada, builders.completed(world, ada))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert not re.findall(r"<script(?! type=\"module\" src)|<style| style=| on\w+=", text)


def summarised(world: World, job: Job, **changes: Any) -> None:
    """Store another summary of the job."""
    stored = job.outputs["summary"]
    document = {**world.files.read_json(stored.bucket, stored.key), **changes}
    world.files.s3.put_object(Bucket=stored.bucket, Key=stored.key, Body=json.dumps(document))


def test_a_file_without_variants_is_asked_about(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    summarised(world, job, records=0)
    assert "no variants in this file" in page(ada, job)


def test_a_file_of_which_most_was_set_aside_says_so_at_the_top(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    reasons = {"contig not in the reference": 350, "outside the reach of any transcript": 2}
    summarised(world, job, records=354, not_annotated=reasons)
    text = page(ada, job)
    assert "350 of 354 records were set aside" in text
    assert "between genes, or in a control region" in text


def test_the_list_says_why_a_job_failed(ada: Person, world: World) -> None:
    builders.failed(world, ada, "Line 5: POS must be a whole number, not 'abc'. <b> " + "x " * 500)
    text = ada.get("/annotations").text
    assert "Line 5: POS must be a whole number, not &#39;abc&#39;. &lt;b&gt;" in text
    assert "x " * 100 not in text
