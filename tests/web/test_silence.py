"""A service that takes connections and never answers: every page answers all the same."""

import time
from collections.abc import Callable, Iterator

import pytest

from aws.limits import PAGE
from aws.resources import World, connect
from tests import builders
from tests.black_hole import black_hole
from tests.web.browser import VCF, Person, signed_in, upload, visitor
from tests.web.conftest import site

PAGE_S = 10
Visit = Callable[[Person], int]
pytestmark = pytest.mark.slow


@pytest.fixture
def silence() -> Iterator[str]:
    with black_hole() as url:
        yield url


def status_of(path: str) -> Visit:
    return lambda person: person.get(path).status_code


def change_of_role(person: Person) -> int:
    return person.post("/subscribe", "/subscribe").status_code


@pytest.mark.parametrize(
    ("service", "visit"),
    [
        ("DYNAMODB", status_of("/annotations")),
        ("DYNAMODB", status_of("/healthz")),
        ("S3", status_of("/annotate")),
        ("SNS", change_of_role),
        ("STS", change_of_role),
    ],
    ids=["list", "health", "form", "subscribe", "subscribe_first"],
)
def test_a_page_answers_whatever_is_silent(
    service: str, visit: Visit, world: World, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = visitor(site(world, monkeypatch), world).user_id
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", silence)
    app = site(connect(world.config, limits=PAGE), monkeypatch)
    person = Person(user_id, signed_in(app, world, user_id))
    began = time.monotonic()
    assert visit(person)
    assert time.monotonic() - began < PAGE_S


def test_a_jobs_pages_answer_while_s3_is_silent(
    world: World, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visitor(site(world, monkeypatch), world)
    job = builders.completed(world, person)
    path = upload(person, body=VCF)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", silence)
    person.client = signed_in(
        site(connect(world.config, limits=PAGE), monkeypatch), world, person.user_id
    )
    for page in ("", "/log", "/summary", "/variants"):
        began = time.monotonic()
        assert person.get(f"/annotations/{job.job_id}{page}").status_code
        assert time.monotonic() - began < PAGE_S, page
    began = time.monotonic()
    assert person.get(path).status_code >= 500
    assert time.monotonic() - began < PAGE_S


def test_a_login_answers_while_globus_is_silent(
    world: World, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = site(world, monkeypatch)
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", silence)
    client = app.test_client()
    client.get("/login")
    with client.session_transaction() as session:
        state = session["login"]["state"] if "login" in session else ""
    began = time.monotonic()
    assert client.get(f"/authcallback?code=a&state={state}").status_code
    assert time.monotonic() - began < PAGE_S
