"""A service that takes connections and never answers: every page answers all the same.

How long a page waits is reckoned by its tries and the time limit of each, not by the clock of a
machine under load.
"""

from collections.abc import Callable, Iterator

import pytest

from aws.limits import PAGE
from aws.resources import World, connect
from tests import builders
from tests.black_hole import BlackHole, black_hole
from tests.web.browser import VCF, Person, signed_in, upload, visitor
from tests.web.conftest import site
from web.services import id_tokens

PAGE_S = 10
Visit = Callable[[Person], int]
pytestmark = pytest.mark.slow


@pytest.fixture
def silence() -> Iterator[BlackHole]:
    with black_hole() as hole:
        yield hole


def waited_s(silence: BlackHole) -> float:
    """The longest that AWS was waited for since this was asked last."""
    return silence.tries() * PAGE.call_s / PAGE.tries


def status_of(path: str) -> Visit:
    return lambda person: person.get(path).status_code


def change_of_role(person: Person) -> int:
    return person.post("/subscribe", "/subscribe").status_code


@pytest.mark.parametrize(
    ("service", "visit", "asks"),
    [
        ("DYNAMODB", status_of("/annotations"), True),
        ("DYNAMODB", status_of("/healthz"), False),
        ("S3", status_of("/annotate"), True),
        ("SNS", change_of_role, True),
        ("STS", change_of_role, True),
    ],
    ids=["list", "health", "form", "subscribe", "subscribe_first"],
)
def test_a_page_answers_whatever_is_silent(
    service: str,
    visit: Visit,
    asks: bool,
    world: World,
    silence: BlackHole,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user_id = visitor(site(world, monkeypatch), world).user_id
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", silence.url)
    app = site(connect(world.config, limits=PAGE), monkeypatch)
    person = Person(user_id, signed_in(app, world, user_id))
    assert visit(person)
    waited = waited_s(silence)
    assert (waited > 0) == asks
    assert waited < PAGE_S


def test_a_jobs_pages_answer_while_s3_is_silent(
    world: World, silence: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = visitor(site(world, monkeypatch), world)
    job = builders.completed(world, person)
    path = upload(person, body=VCF)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", silence.url)
    person.client = signed_in(
        site(connect(world.config, limits=PAGE), monkeypatch), world, person.user_id
    )
    for page in ("", "/log", "/summary", "/variants"):
        assert person.get(f"/annotations/{job.job_id}{page}").status_code
        assert 0 < waited_s(silence) < PAGE_S, page
    assert person.get(path).status_code >= 500
    assert 0 < waited_s(silence) < PAGE_S


def test_jobs_are_cancelled_and_deleted_while_s3_is_silent(
    world: World, silence: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be deleted then is the sweeper's."""
    person = visitor(site(world, monkeypatch), world)
    ended = [builders.mailed(world, person).job_id for _ in range(2)]
    waits = builders.pending(world, person).job_id
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", silence.url)
    person.client = signed_in(
        site(connect(world.config, limits=PAGE), monkeypatch), world, person.user_id
    )
    for path, jobs in ((f"/annotations/{waits}/cancel", [waits]), ("/annotations/delete", ended)):
        silence.tries()
        assert person.post(path, "/annotations", job=jobs).status_code == 303
        assert 0 < waited_s(silence) < PAGE_S, path


def test_a_login_answers_while_globus_is_silent(
    world: World, silence: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = site(world, monkeypatch)
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", silence.url)
    client = app.test_client()
    client.get("/login")
    with client.session_transaction() as session:
        state = session["login"]["state"] if "login" in session else ""
    assert client.get(f"/authcallback?code=a&state={state}").status_code
    tries, pause_s = silence.tries(), id_tokens.transport()["retry_config"].max_sleep
    assert 0 < tries * id_tokens.TIMEOUT_S + (tries - 1) * pause_s < PAGE_S
