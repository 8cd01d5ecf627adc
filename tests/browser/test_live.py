"""Pages that are open while something happens: they follow, and say so to a screen reader."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Route, expect

from local.demo import EXAMPLE
from local.service import LocalService
from tests.browser.actions import JOB_MS, signed_in, upload
from tests.browser.test_access import STANDARD

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

Job = tuple[str, dict[str, Any]]
ROWS = "/annotations/rows"
LOOKING_AGAIN = "() => dispatchEvent(new Event('online'))"
"""A page that follows something looks at once when its browser is online again."""
FOLLOWING = """() => {
    for (const followed of document.querySelectorAll("#job, #jobs")) followed.dataset.live = "";
}"""


@pytest.fixture
def free(context: BrowserContext) -> Page:
    return signed_in(context, "free")


@contextmanager
def no_annotator(service: LocalService) -> Iterator[None]:
    """Within the block no job begins."""
    annotator = next(process for process in service.processes if process.name == "annotator")
    annotator.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        annotator.signal(signal.SIGCONT)


def test_a_screen_reader_is_told_that_a_free_job_is_completed(
    free: Page, service: LocalService
) -> None:
    with no_annotator(service):
        upload(free, EXAMPLE)
        expect(free.get_by_role("heading", name="Waiting for an annotator")).to_be_visible()
    expect(free.locator("#announcement")).to_contain_text(
        "completed: The result is ready", timeout=JOB_MS
    )


def test_a_countdown_in_the_list_goes_on_and_its_end_is_seen_without_a_reload(free: Page) -> None:
    upload(free, EXAMPLE)
    expect(free.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    free.goto("/annotations")
    badge = free.locator(".badge-result").first
    before = badge.text_content() or ""
    assert before.startswith("archived in ")
    expect(badge).not_to_have_text(before)
    with free.expect_response("**/annotations/rows"):
        badge.evaluate("(element) => { element.dataset.until = 1; }")
    expect(badge).not_to_have_attribute("data-until", "1")
    listed = free.locator("#jobs").element_handle()
    late = re.sub(r'data-until="[^"]+"', 'data-until="1"', free.request.get(ROWS).text())
    free.route("**/annotations/rows", lambda route: route.fulfill(body=late))
    free.locator("[data-until]").evaluate_all(
        "(badges) => badges.forEach((badge) => { badge.dataset.until = 1; })"
    )
    for _ in range(2):
        free.wait_for_event("response", lambda reply: reply.url.endswith(ROWS))
    assert listed.evaluate("(list) => list.isConnected"), "what was selected in it would be lost"


def test_a_tab_that_was_left_on_an_archived_result_notices_what_changed(
    free: Page,
) -> None:
    upload(free, EXAMPLE)
    expect(free.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    free.clock.install()
    free.reload()
    free.evaluate(
        """() => {
            const job = document.getElementById("job");
            delete job.dataset.live;
            job.dataset.archived = "";
            job.dataset.shown = "COMPLETED archived";
        }"""
    )
    free.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(free.locator("#job")).to_have_attribute("data-shown", "COMPLETED leaving")


def test_who_is_signed_out_meanwhile_is_told_so_and_led_back(owner: Page, job: Job) -> None:
    for path in (job[0], "/annotations?order=oldest"):
        owner.goto(path)
        owner.context.clear_cookies()
        owner.evaluate(FOLLOWING)
        owner.evaluate(LOOKING_AGAIN)
        notice = owner.locator("#stale")
        expect(notice).to_contain_text("You are signed out")
        assert Axe().run(owner, options=STANDARD).response["violations"] == []
        notice.get_by_role("link", name="Sign in and come back here").click()
        owner.locator("button[name=identity][value=premium]").click()
        owner.wait_for_url(f"**{path}")
        expect(notice).to_be_empty()


def test_who_signs_in_again_in_another_tab_has_the_first_one_go_on(owner: Page, job: Job) -> None:
    owner.goto(job[0])
    cookies: Any = owner.context.cookies()
    owner.context.clear_cookies()
    owner.evaluate(FOLLOWING)
    owner.evaluate(LOOKING_AGAIN)
    expect(owner.locator("#stale")).to_contain_text("You are signed out")
    owner.context.add_cookies(cookies)
    owner.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(owner.locator("#stale .warning")).to_have_count(0)


@pytest.mark.parametrize("answer", ["none", "busy", "other"])
@pytest.mark.parametrize("listed", [False, True], ids=["job", "list"])
def test_a_page_that_cannot_follow_says_since_when_and_goes_on_trying(
    owner: Page, job: Job, listed: bool, answer: str
) -> None:
    def fail(route: Route) -> None:
        if answer == "none":
            route.abort()
        else:
            route.fulfill(status=429 if answer == "busy" else 200, body="<p>Not of the site.</p>")

    owner.goto("/annotations" if listed else job[0])
    pattern = re.compile("/annotations/[^/]+(/status)?$")
    owner.route(pattern, fail)
    owner.evaluate(FOLLOWING)
    owner.wait_for_function(
        f"() => ({LOOKING_AGAIN})() && document.querySelector('#stale .warning')"
    )
    warning = owner.locator("#stale .warning")
    expect(warning).to_contain_text("What stands here is of ")
    expect(warning).to_contain_text("goes on trying")
    owner.unroute(pattern)
    owner.wait_for_function(
        f"() => ({LOOKING_AGAIN})() && !document.querySelector('#stale .warning')"
    )
    expect(owner.locator("#stale")).to_have_text("This page is up to date again.")


def test_a_job_that_is_gone_is_said_to_be(owner: Page, job: Job) -> None:
    owner.goto(job[0])
    owner.route("**/status", lambda route: route.fulfill(status=404, json={}))
    owner.evaluate(FOLLOWING)
    owner.evaluate(LOOKING_AGAIN)
    expect(owner.locator("#stale")).to_contain_text("This job was deleted, or is no longer shown")


def test_a_change_whose_page_does_not_come_at_once_is_shown_when_it_comes(
    owner: Page, job: Job
) -> None:
    """The status that was not yet shown is not taken for one that is."""
    owner.goto(job[0])
    owner.evaluate("() => { document.getElementById('job').dataset.shown = 'RUNNING none'; }")
    owner.route(f"**{job[0]}", lambda route: route.abort(), times=1)
    owner.evaluate(FOLLOWING)
    with owner.expect_event("requestfailed"):
        owner.evaluate(LOOKING_AGAIN)
    owner.evaluate(LOOKING_AGAIN)
    expect(owner.locator("#job")).to_have_attribute("data-shown", re.compile("^COMPLETED"))
    expect(owner.locator("#announcement")).to_contain_text("completed: The result is ready")
