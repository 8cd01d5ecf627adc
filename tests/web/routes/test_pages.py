"""Help, about, privacy, contact: there for everybody, and true of this service."""

from dataclasses import replace

import pytest
from flask import Flask
from markupsafe import escape

from aws.resources import World
from tests import builders
from tests.conftest import Handle
from tests.web.browser import visitor
from tests.web.conftest import SECRETS, site
from web.app import create_app
from web.display.sequence_ontology import PLAIN_WORDS, TERMS

PAGES = ("/help", "/about", "/privacy", "/contact")


def test_every_page_links_to_help_and_its_like_and_no_login_is_needed(app: Flask) -> None:
    client = app.test_client()
    for page in ("/", *PAGES):
        text = client.get(page).text
        assert all(f'href="{path}"' in text for path in PAGES), page


def test_help_explains_every_consequence_in_plain_words(app: Flask) -> None:
    text = app.test_client().get("/help").text
    assert set(PLAIN_WORDS) == set(TERMS)
    for name, words in PLAIN_WORDS.items():
        assert f"<td>{escape(words)}</td>" in text, name


@pytest.mark.parametrize(
    ("contact", "words"),
    [
        ("core@lab.example", 'href="mailto:core@lab.example"'),
        ("https://lab.example/help", 'href="https://lab.example/help"'),
        ("javascript:alert(1)", "reach at\n"),
        ("", "have not said how"),
    ],
)
def test_the_contact_is_the_operators_own(world: World, contact: str, words: str) -> None:
    web = replace(world.config.web, contact=contact)
    config = replace(world.config, web=web)
    text = create_app(replace(world, config=config), SECRETS).test_client().get("/contact").text
    assert words in text
    assert 'href="javascript' not in text


def test_what_is_deleted_and_logged_is_told_as_the_place_keeps_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS buckets keep versions and the front logs every request; on one machine neither."""

    def told(deleted_days: int, log_days: int) -> tuple[str, str]:
        web = replace(world.config.web, deleted_days=deleted_days, log_days=log_days)
        app = site(replace(world, config=replace(world.config, web=web)), monkeypatch)
        ada = visitor(app, world)
        job = builders.mailed(world, ada)
        asked = ada.get(f"/annotations/deleting?job={job.job_id}").text
        return asked, app.test_client().get("/privacy").text

    asked, privacy = told(0, 0)
    assert "Nothing brings them back" in asked
    assert "copies" not in privacy
    assert "Every request" not in privacy
    asked, privacy = told(35, 30)
    assert "Nothing brings them back" not in asked
    assert "for 35 days" in asked
    assert "for 35 days" in privacy
    assert "Every request" in privacy
    assert "after 30 days" in privacy


def test_a_silent_store_leaves_the_pages_up(app: Flask, local_aws: Handle) -> None:
    local_aws.fail("s3", times=20, code=500)
    try:
        assert app.test_client().get("/help").status_code == 200
    finally:
        local_aws.heal()
