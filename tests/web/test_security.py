import re
from urllib.parse import quote

import pytest
from flask import Flask

from aws.resources import World
from tests import builders
from tests.web.browser import Person, visitor
from tests.web.conftest import body_of
from web.app import MAX_BODY_BYTES
from web.security import PUBLIC, local_path

STATIC = {"assets.send"}


def rules(app: Flask, method: str) -> list[str]:
    return [r.rule for r in app.url_map.iter_rules() if method in (r.methods or ())]


def test_every_route_asks_for_a_login_unless_listed(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        path = rule.rule.replace("<job_id>", "00000000-0000-4000-8000-000000000000")
        path = path.replace("<int:number>", "1")
        reply = client.open(path, method=method)
        assert reply.status_code == 302, rule
        assert reply.location.startswith("/login"), rule


def test_a_script_without_a_login_is_told_so_in_json(app: Flask) -> None:
    reply = app.test_client().get("/annotate/form", headers={"Accept": "application/json"})
    assert (reply.status_code, "sign in" in body_of(reply)["error"]) == (401, True)


def test_anothers_job_does_not_exist_on_any_route(app: Flask, ada: Person, world: World) -> None:
    mallory, job = visitor(app, world), builders.completed(world, ada)
    walked = 0
    for rule in app.url_map.iter_rules():
        if "<job_id>" not in rule.rule:
            continue
        path, walked = rule.rule.replace("<job_id>", job.job_id), walked + 1
        if "POST" in (rule.methods or ()):
            assert mallory.post(path, "/annotations").status_code == 404, path
        else:
            assert mallory.get(path).status_code == 404, path
    assert walked >= 7
    assert job.input_file_name not in mallory.get("/annotations").text


@pytest.mark.parametrize("job_id", ["nonsense", "00000000-0000-4000-8000-000000000000", "%2e%2e"])
def test_unknown_ids_are_404(ada: Person, job_id: str) -> None:
    assert ada.get(f"/annotations/{job_id}").status_code == 404


def test_every_post_without_a_token_is_400(app: Flask, ada: Person, world: World) -> None:
    job = builders.pending(world, ada)
    exempt = {"/payments/notice"}
    posts = set(rules(app, "POST")) - exempt
    assert {"/logout", "/subscribe", "/unsubscribe", "/annotations/<job_id>/cancel"} <= posts
    for rule in posts:
        reply = ada.client.post(rule.replace("<job_id>", job.job_id))
        assert reply.status_code == 400, rule
        assert "no longer valid" in reply.text
    assert not world.accounts.get(ada.user_id).is_premium
    assert world.jobs.get(job.job_id).job_status == "PENDING"


def test_no_get_changes_a_plan(ada: Person, world: World) -> None:
    before = world.accounts.get(ada.user_id)
    for path in ("/subscribe", "/unsubscribe", "/subscribe?paid=1"):
        ada.get(path)
    assert world.accounts.get(ada.user_id) == before


@pytest.mark.parametrize("path", ["/", "/annotate", "/nope", "/healthz"])
def test_every_answer_has_the_headers(ada: Person, path: str) -> None:
    headers = ada.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_the_policy_lets_uploads_through_to_s3(ada: Person) -> None:
    page = ada.get("/annotate")
    action = re.search(r'id="upload" method="post" action="(http://[^/"]+)', page.text)
    assert action
    policy = page.headers["Content-Security-Policy"]
    assert f"connect-src 'self' {action[1]}" in policy
    assert f"form-action 'self' {action[1]}" in policy


@pytest.mark.parametrize("part", ["", "/status", "/log", "/variants"])
def test_nothing_about_a_job_is_kept_by_a_browser(ada: Person, world: World, part: str) -> None:
    reply = ada.get(f"/annotations/{builders.pending(world, ada).job_id}{part}")
    assert reply.headers["Cache-Control"] == "no-store"


def test_signing_out_has_the_browser_forget_the_pages(ada: Person) -> None:
    reply = ada.post("/logout", "/profile")
    assert reply.headers["Clear-Site-Data"] == '"cache", "storage"'


@pytest.mark.parametrize("host", ["evil.example", "rebind.evil.example:5000", "[", "a@b", "::", ""])
def test_another_sites_name_is_refused(ada: Person, host: str) -> None:
    for path in ("/", "/annotations", "/static//x", "/nope", "/login"):
        reply = ada.client.get(path, headers={"Host": host})
        assert reply.status_code in (400, 421), path
        assert "evil" not in reply.headers.get("Location", "")


@pytest.mark.parametrize("host", ["10.0.3.7:8080", "evil.example"])
def test_a_health_check_comes_to_an_address(app: Flask, host: str) -> None:
    assert app.test_client().get("/healthz", headers={"Host": host}).status_code == 200


JUNK = ["[", "//[", "%00", "\x00", "\ud83d", "\u202e", "a" * 9000, "-1", "1e999", "\r\nX: y", "[]"]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_no_junk_of_a_stranger_is_a_fault(app: Flask, junk: str) -> None:
    client, text = app.test_client(), junk.encode("utf-8", "replace").decode()
    query = {name: text for name in ("next", "state", "code", "error", "bucket", "key", "job_id")}
    paths = ("/", "/login", "/authcallback", "/healthz", "/annotate", "/help", "/payments/notice")
    for path in (*paths, f"/{quote(text)}", f"/annotations/{quote(text)}"):
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            headers = {"Accept": text.encode("ascii", "replace").decode().replace("\r\n", " ")}
            reply = client.open(path, method=method, query_string=query, headers=headers)
            assert reply.status_code < 500, (path, method)


@pytest.mark.parametrize("path", ["/annotations", "/annotations/x?a=b", "/"])
def test_paths_of_this_site_may_follow_a_login(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "//[",
        "http://[",
        "",
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "/\n/evil",
        "/\t/x",
    ],
)
def test_no_other_place_may_follow_a_login(path: str) -> None:
    assert local_path(path) is None


def test_the_health_check_asks_nobody(app: Flask) -> None:
    reply = app.test_client().get("/healthz")
    assert (reply.status_code, reply.text) == (200, "ok\n")


@pytest.mark.parametrize("code", [404, 405])
def test_errors_are_pages_with_words(app: Flask, code: int) -> None:
    client = app.test_client()
    reply = client.get("/nope") if code == 404 else client.delete("/")
    assert reply.status_code == code
    assert 'role="alert"' in reply.text


def test_a_form_that_is_too_large_is_no_matter_of_the_plan(ada: Person) -> None:
    reply = ada.post("/annotate/paste", "/annotate", variants="A" * MAX_BODY_BYTES)
    assert (reply.status_code, "upload a VCF" in reply.text) == (413, True)
    assert "plan allows" not in reply.text
    assert "See the plans" not in reply.text


def test_a_fault_is_a_500_that_tells_nothing_inside(
    ada: Person, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> None:
        raise RuntimeError("the secret is 42")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "profile.index", break_down)
    reply = ada.get("/profile")
    assert (reply.status_code, "the secret" in reply.text) == (500, False)
    assert "broke on our side" in reply.text
