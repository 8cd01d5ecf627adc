"""What the site's tests share: people who are signed in, uploads, and jobs in any state."""

import html
import re
import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlsplit

import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aws.resources import World
from aws.rows.job import Job, Result, in_s3

COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
VCF = b"##fileformat=VCFv4.2\n" + COLUMNS + b"chrM\t73\t.\tA\tG\t.\t.\t.\n"
SUMMARY = b'{"records": 3, "annotated": 2, "consequences": {"missense": 2}}'
LOG = b"records\t3\n<script>alert(1)</script>\n"
OWNER = "an annotator"


@dataclass
class Person:
    """Somebody in a browser of their own."""

    user_id: str
    client: FlaskClient

    def get(self, path: str, **options: object) -> TestResponse:
        return self.client.get(path, buffered=True, **options)

    def post(self, path: str, from_page: str, **fields: str) -> TestResponse:
        """Send a form of `from_page`, with its CSRF token."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(from_page).text)
        assert token, f"{from_page} has no token"
        return self.client.post(path, data={"csrf_token": token[1], **fields})


def visitor(app: Flask, world: World, premium: bool = False) -> Person:
    """A new person with an account, signed in."""
    user_id = str(uuid.uuid4())
    world.accounts.sign_in(user_id, "Ada Lovelace", "ada@example.org", "Analytical Institute")
    if premium:
        world.accounts.subscribe(user_id)
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(sub=user_id, name="Ada Lovelace", email="ada@example.org")
    return Person(user_id, client)


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the upload form on a page."""
    form = page[page.index('<form id="upload"') :]
    form = form[: form.index("</form>")]
    action = re.search(r'action="([^"]+)"', form)
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    assert action
    return html.unescape(action[1]), {n: html.unescape(v) for n, v in fields}


def upload(
    person: Person, name: str = "sample.vcf", body: bytes = VCF, page: str = "/annotate"
) -> str:
    """Post a file to S3 by the page's form; the path that S3 redirects to."""
    action, fields = form_of(person.get(page).text)
    reply = requests.post(
        action, data=fields, files={"file": (name, body)}, allow_redirects=False, timeout=10
    )
    assert reply.status_code == 303, reply.text
    parts = urlsplit(reply.headers["Location"])
    return f"{parts.path}?{parts.query}"


def submit(person: Person, name: str = "sample.vcf", body: bytes = VCF) -> str:
    """Upload a file and follow S3's redirect; the job's id."""
    reply = person.get(upload(person, name, body))
    assert reply.status_code == 302, reply.text
    return str(reply.location.rpartition("/")[2])


def put_job(world: World, person: Person, name: str = "sample.vcf") -> Job:
    """A job's row, without the upload."""
    job_id = str(uuid.uuid4())
    key = world.files.input_prefix(person.user_id, job_id) + name
    return world.jobs.submit(Job(job_id, person.user_id, name, world.files.inputs, key, 99))


def complete(world: World, job: Job) -> Job:
    """Take a job to COMPLETED, its files in place."""
    job = world.jobs.start(job.job_id, owner=OWNER, lease_s=60)
    bucket = world.files.results
    names = (job.result_name, "r.tbi", f"{job.stem}.vcf.count.log", f"{job.stem}.summary.json")
    keys = [world.files.result_key(job, name) for name in names]
    world.jobs.intend_outputs(
        job.job_id, owner=OWNER, names=tuple(in_s3(bucket, key) for key in keys)
    )
    for key, body in zip(keys, (b"result", b"index", LOG, SUMMARY), strict=True):
        world.files.write(bucket, key, body)
    result = Result(bucket, *keys, 6, "5" * 64, "rCRS", {"records": 3})
    return world.jobs.complete(job.job_id, owner=OWNER, result=result)


def fail(world: World, job: Job, error: str) -> Job:
    world.jobs.start(job.job_id, owner=OWNER, lease_s=60)
    return world.jobs.fail(job.job_id, owner=OWNER, error=error)


def archive(world: World, job: Job) -> Job:
    """Take a completed job's row to archived."""
    job = world.jobs.begin_archive(job.job_id, name="upload:1")
    return world.jobs.commit_archive(
        job.job_id, key=job.s3_key_result_file, name="upload:1", archive_id=f"a-{job.job_id}"
    )


def ask_back(world: World, job: Job, tier: str = "Expedited", refused: bool = False) -> Job:
    """Take an archived job's row to being restored."""
    world.jobs.begin_retrieval(job.job_id, token="t", tier="Expedited")
    asked = SimpleNamespace(id="g", tier=tier, expedited_refused=refused)
    return world.jobs.record_retrieval(job.job_id, token="t", asked=asked)


def thaw(world: World, job: Job) -> Job:
    """Take an archived job's row to thawed."""
    archive_id, bucket = job.results_file_archive_id, world.files.results
    key = world.files.thaw_key(job, 1)
    name = in_s3(bucket, key)
    world.jobs.begin_thaw(job.job_id, archive_id=archive_id, name=name, thaws=1)
    world.files.write(bucket, key, b"result")
    return world.jobs.commit_thaw(job.job_id, archive_id=archive_id, bucket=bucket, key=key)
