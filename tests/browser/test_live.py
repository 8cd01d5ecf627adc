"""Pages that are open while something happens: they follow, and say so to a screen reader."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from local.demo import EXAMPLE
from local.service import LocalService
from tests.browser.actions import JOB_MS, signed_in, upload

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


ROWS = "/annotations/rows"


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
