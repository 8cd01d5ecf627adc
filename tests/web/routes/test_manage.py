"""What an owner does with jobs: names, notes, running again, deleting, several at once."""

import io
import uuid
import zipfile
from dataclasses import replace
from urllib.parse import urlsplit

import gunicorn.config
import pytest

from aws.resources import World
from aws.rows.job import Job, Status
from aws.storage.stored import S3Object
from tests import builders
from tests.proofs import invariants
from tests.web.browser import Person
from web.routes import manage


def test_a_job_can_be_named_and_noted(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    path = f"/annotations/{job.job_id}"
    reply = ada.post(f"{path}/describe", path, title=" Patient  7 ", note="Second\nlook")
    assert reply.status_code == 303
    text = ada.get(path).text
    assert '<h1 class="file-name">Patient 7</h1>' in text
    assert "Second\nlook</textarea>" in text
    assert world.jobs.get(job.job_id).input_file_name == job.input_file_name


@pytest.mark.parametrize("title", ["x" * 121, "bell\x07", "left\u202eright"])
def test_a_name_that_cannot_be_shown_is_refused(ada: Person, world: World, title: str) -> None:
    job = builders.pending(world, ada)
    path = f"/annotations/{job.job_id}"
    assert ada.post(f"{path}/describe", path, title=title, note="").status_code == 400


def test_the_list_finds_jobs_by_name_note_status_and_batch(ada: Person, world: World) -> None:
    first = builders.pending(world, ada, "first.vcf")
    second = builders.pending(world, ada, "second.vcf")
    world.jobs.describe(first.job_id, title="Patient 7", note="from Lund")
    world.jobs.cancel(second.job_id)

    def shown(query: str) -> tuple[bool, bool]:
        text = ada.get(f"/annotations?{query}").text
        return first.job_id in text, second.job_id in text

    assert shown("q=patient") == (True, False)
    assert shown("q=LUND+7") == (True, False)
    assert shown("q=second") == (False, True)
    assert shown("status=CANCELLED") == (False, True)
    assert shown("order=name") == (True, True)
    assert shown("batch=none") == (False, False)
    assert "No job matches" in ada.get("/annotations?q=nowhere").text


def test_an_ended_job_is_deleted_with_its_bytes_after_confirmation(
    ada: Person, world: World
) -> None:
    job = builders.mailed(world, ada)
    stored = [s for s in job.stored if isinstance(s, S3Object)]
    path = f"/annotations/deleting?job={job.job_id}"
    assert "Nothing brings them back" in ada.get(path).text
    assert ada.post("/annotations/delete", path, job=job.job_id).status_code == 303
    after = world.jobs.get(job.job_id)
    assert after.job_status is Status.DELETED
    assert not after.garbage
    assert [s for s in stored if invariants.is_stored(world, s.bucket, s.key)] == []
    assert ada.get(f"/annotations/{job.job_id}").status_code == 404
    assert job.job_id not in ada.get("/annotations").text
    assert job.input_file_name not in str(world.jobs.table.get(job.job_id))


def test_an_archived_result_is_deleted_from_the_archive(ada: Person, world: World) -> None:
    job = builders.archived(world, ada)
    world.jobs.mark_mailed(job.job_id)
    path = f"/annotations/deleting?job={job.job_id}"
    assert ada.post("/annotations/delete", path, job=job.job_id).status_code == 303
    assert job.archive_id not in set(invariants.archive_ids(world))


def test_a_job_that_runs_is_not_deleted(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    path = f"/annotations/deleting?job={job.job_id}"
    reply = ada.post("/annotations/delete", path, job=job.job_id)
    assert (reply.status_code, "cannot be deleted just now" in reply.text) == (409, True)


def test_where_one_cannot_be_deleted_none_is(ada: Person, world: World) -> None:
    ended, waiting = builders.mailed(world, ada), builders.pending(world, ada)
    ids = [ended.job_id, waiting.job_id]
    path = f"/annotations/deleting?job={ids[0]}&job={ids[1]}"
    assert ada.post("/annotations/delete", path, job=ids).status_code == 409
    assert world.jobs.get(ended.job_id).job_status is Status.COMPLETED
    assert ada.get(path).status_code == 200


def test_nobody_deletes_names_or_fetches_what_is_anothers(
    ada: Person, grace: Person, world: World
) -> None:
    job = builders.mailed(world, ada)
    for path in ("deleting", "download"):
        assert grace.get(f"/annotations/{path}?job={job.job_id}").status_code == 404
    assert grace.post("/annotations/delete", "/annotate", job=job.job_id).status_code == 404
    path = f"/annotations/{job.job_id}"
    assert grace.post(f"{path}/describe", "/annotate", title="mine", note="").status_code == 404
    assert grace.post(f"{path}/again", "/annotate").status_code == 404
    assert world.jobs.get(job.job_id).job_status is Status.COMPLETED


def test_a_file_is_run_again_as_a_new_job(ada: Person, world: World) -> None:
    job = builders.mailed(world, ada)
    path = f"/annotations/{job.job_id}"
    reply = ada.post(f"{path}/again", path, mode="local")
    new = world.jobs.get(reply.headers["Location"].rpartition("/")[2])
    assert (new.mode, new.job_status) == ("local", Status.PENDING)
    assert new.job_id != job.job_id
    assert world.files.read(*_input(new)) == world.files.read(*_input(job))


def test_a_file_larger_than_the_plan_allows_now_is_not_run_again(ada: Person, world: World) -> None:
    job = builders.mailed(world, ada)
    world.jobs.change(job.job_id, lambda j: replace(j, input_bytes=10**11))
    path = f"/annotations/{job.job_id}"
    assert ada.post(f"{path}/again", path).status_code == 413


def _input(job: Job) -> tuple[str, str]:
    return job.input.bucket, job.input.key


def test_a_file_that_is_gone_is_asked_for_anew(ada: Person, world: World) -> None:
    job = builders.mailed(world, ada)
    world.files.delete(*_input(job))
    path = f"/annotations/{job.job_id}"
    reply = ada.post(f"{path}/again", path)
    assert (reply.status_code, "upload it again" in reply.text) == (410, True)


def test_several_results_come_as_one_archive(grace: Person, world: World) -> None:
    jobs = [builders.mailed(world, grace, body=b"%d" % n) for n in range(3)]
    query = "&".join(f"job={job.job_id}" for job in jobs)
    reply = grace.get(f"/annotations/download?{query}")
    assert reply.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(set(names)) == 6
        bodies = {archive.read(name) for name in names if name.endswith(".gz")}
    assert bodies == {b"0", b"1", b"2"}


def test_an_archive_names_the_jobs_whose_results_are_not_in_it(ada: Person, world: World) -> None:
    here, gone = builders.completed(world, ada), builders.completed(world, ada, name="gone.vcf")
    failed = builders.failed(world, ada, "no VCF")
    world.files.delete(gone.result.bucket, gone.result.key)
    query = "&".join(f"job={job.job_id}" for job in (gone, failed, here))
    with zipfile.ZipFile(io.BytesIO(ada.get(f"/annotations/download?{query}").data)) as archive:
        assert archive.testzip() is None
        *results, last = archive.namelist()
        text = archive.read(last).decode()
    assert (results, last) == ([here.result_name, f"{here.result_name}.tbi"], manage.LEFT_OUT)
    assert [job.job_id in text for job in (gone, failed, here)] == [True, True, False]
    assert "gone.vcf" in text


def test_nothing_selected_is_said_so(ada: Person) -> None:
    reply = ada.post("/annotations/selected", "/annotate", act="delete")
    assert (reply.status_code, "Nothing is selected" in reply.text) == (400, True)


def test_the_address_of_all_that_can_be_selected_is_one_that_the_server_takes(ada: Person) -> None:
    ids = [str(uuid.uuid4()) for _ in range(manage.MOST_SELECTED + 1)]
    path = "/annotations/selected"
    assert ada.post(path, "/annotations", job=ids).status_code == 400
    reply = ada.post(path, "/annotations", job=ids[1:])
    line = f"GET {urlsplit(reply.location)._replace(scheme='', netloc='').geturl()} HTTP/1.1\r\n"
    assert len(line) <= gunicorn.config.Config().limit_request_line


def test_a_note_may_have_as_much_as_its_field_takes(ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    path, lines = f"/annotations/{job.job_id}", ["x" * 99] * 20
    reply = ada.post(f"{path}/describe", path, title="", note="\r\n".join(lines))
    assert reply.status_code == 303
    assert world.jobs.get(job.job_id).note == "\n".join(lines)


def test_nobody_is_mailed_about_a_deleted_job_whose_mail_had_been_given_up(
    ada: Person, world: World
) -> None:
    job = builders.completed(world, ada)
    world.jobs.give_up_mail(job.job_id, fault="ada@example.org is refused")
    path = f"/annotations/deleting?job={job.job_id}"
    assert ada.post("/annotations/delete", path, job=job.job_id).status_code == 303
    after = world.jobs.get(job.job_id)
    assert not after.is_given_up
    assert after.mail_fault is None
