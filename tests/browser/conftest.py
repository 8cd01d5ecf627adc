"""The whole service on this machine, a real browser, and a person who is signed in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local.demo import EXAMPLE, private_world
from local.service import LocalService
from tests.browser.actions import JOB_MS, new_context, signed_in, upload

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def service() -> Iterator[LocalService]:
    with private_world() as world:
        yield world


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            executable_path=CHROMIUM if CHROMIUM.exists() else None,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def job(chromium: Browser, service: LocalService) -> tuple[str, dict[str, Any]]:
    """The path of a completed job, and the cookies of its owner."""
    context = new_context(chromium, base_url=service.url)
    page = signed_in(context, "premium")
    upload(page, EXAMPLE)
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    state = context.storage_state()
    path = page.url.removeprefix(service.url)
    context.close()
    return path, dict(state)


@pytest.fixture
def owner(chromium: Browser, service: LocalService) -> Iterator[Page]:
    """A page of the owner of `job`, signed in anew: who signs out ends the session of `job`."""
    context = new_context(chromium, base_url=service.url)
    yield signed_in(context, "premium")
    context.close()


@pytest.fixture
def context(chromium: Browser, service: LocalService) -> Iterator[BrowserContext]:
    made = new_context(chromium, base_url=service.url)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return signed_in(context, "premium")
