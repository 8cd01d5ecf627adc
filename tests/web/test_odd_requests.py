"""Every route with odd arguments, by who is signed in: an answer in words, never a fault."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.routing import Rule

from aws.resources import World
from tests.web.browser import Person
from tests.web.conftest import site
from tests.web.routes.test_variants import explored
from web.services.view import FILTERS, OTHERS

WEB = Path(__file__).parents[2] / "web"
ARGUMENT = re.compile(r"(?:args|form|values)(?:\.get(?:list)?\(|\[)\"(\w+)\"")
NAMES = {name for path in WEB.rglob("*.py") for name in ARGUMENT.findall(path.read_text("utf-8"))}
NAMES |= {"start", "stop"}
LEAVING = {"auth.logout", "auth.logout_everywhere"}
JUNK = ["\x00", "9" * 400, "-1", "nan", "\U0001f600'\"%_[(*\\", "../\r\nX: y"]
Arguments = dict[str, str]


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A site on which nobody asks too often."""
    web = replace(world.config.web, max_calls_minute=10**6, max_queries_minute=10**6)
    return site(replace(world, config=replace(world.config, web=web)), monkeypatch)


def requests_of(rule: Rule, job_id: str, junk: str) -> Iterator[tuple[str, str, Arguments]]:
    """(method, path, arguments): all at once; of a table, which takes no others, one by one."""
    path = rule.rule.replace("<job_id>", job_id).replace("<int:number>", "1")
    path = re.sub(r"<[^>]+>", quote(junk, safe=""), path)
    for method in (rule.methods or set()) & {"GET", "POST"}:
        if rule.endpoint in ("variants.index", "variants.counts"):
            yield from ((method, path, {name: junk}) for name in [*FILTERS, *OTHERS])
        else:
            yield method, path, dict.fromkeys(NAMES, junk)


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_no_odd_argument_of_a_signed_in_person_is_a_fault(
    app: Flask, world: World, grace: Person, tmp_path: Path, junk: str
) -> None:
    assert {"q", "size", "days", "job", "name", "trail"} <= NAMES
    job = explored(world, grace, tmp_path)
    world.files.write(job.result.bucket, job.result.key, gzip.compress(b"MT\t100\n" * 4))
    page = grace.get("/profile").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    for rule in app.url_map.iter_rules():
        if rule.endpoint in LEAVING:
            continue
        for method, path, arguments in requests_of(rule, job.job_id, junk):
            if method == "GET":
                reply = grace.get(path, query_string=arguments)
            else:
                reply = grace.client.post(path, data={"csrf_token": token, **arguments})
            assert reply.status_code < 500, (method, path, arguments)
    assert grace.get("/profile").status_code == 200
