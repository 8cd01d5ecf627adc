"""A person in a browser of their own: signed in, sending forms, uploading files."""

import html
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aws.resources import World
from tests.conftest import PATIENCE_S

COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
VCF = b"##fileformat=VCFv4.2\n" + COLUMNS + b"chrM\t73\t.\tA\tG\t.\t.\t.\n"


@dataclass
class Person:
    """A signed-in person with a browser."""

    user_id: str
    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **options)

    def post(self, path: str, from_page: str, **fields: str | list[str]) -> TestResponse:
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
    return Person(user_id, signed_in(app, world, user_id))


def signed_in(app: Flask, world: World, user_id: str) -> FlaskClient:
    """One more browser of a user who has an account, signed in."""
    session_id = uuid.uuid4().hex
    world.accounts.begin_session(user_id, session_id, "a browser of the tests")
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(sub=user_id, id=session_id)
    return client


def form_of(page: str, form_id: str = "upload") -> tuple[str, dict[str, str]]:
    """The address and the fields of the upload form on a page, or of another form for S3."""
    form = page[page.index(f'<form id="{form_id}"') :]
    form = form[: form.index("</form>")]
    action = re.search(r'action="([^"]+)"', form)
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    assert action
    return html.unescape(action[1]), {n: html.unescape(v) for n, v in fields}


def upload(
    person: Person,
    name: str = "sample.vcf",
    body: bytes = VCF,
    page: str = "/annotate",
    form_id: str = "upload",
) -> str:
    """Post a file to S3 by the page's form; return the path that S3 redirects to."""
    action, fields = form_of(person.get(page).text, form_id)
    reply = requests.post(
        action, data=fields, files={"file": (name, body)}, allow_redirects=False, timeout=PATIENCE_S
    )
    assert reply.status_code == 303, reply.text
    parts = urlsplit(reply.headers["Location"])
    return f"{parts.path}?{parts.query}"


def submit(person: Person, name: str = "sample.vcf", body: bytes = VCF) -> str:
    """Upload a file and follow S3's redirect; return the job's id."""
    reply = person.get(upload(person, name, body))
    assert reply.status_code == 302, reply.text
    return str(reply.location.rpartition("/")[2])
