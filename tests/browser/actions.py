"""What people do on the site, by a browser."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.demo import EXAMPLE

JOB_MS = 180_000
"""The longest that anything in a page is waited for, on a machine under load."""
expect.set_options(timeout=JOB_MS)


def new_context(chromium: Browser, **options: Any) -> BrowserContext:
    """A browser of one person's own."""
    made = chromium.new_context(**options)
    made.set_default_timeout(JOB_MS)
    return made


def signed_in(context: BrowserContext, identity: str) -> Page:
    """A page whose visitor came through Globus."""
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Sign in with Globus").click()
    page.locator(f"button[name=identity][value={identity}]").click()
    page.wait_for_url("**/annotations")
    return page


def upload(page: Page, path: Path) -> None:
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(path)
    page.get_by_role("button", name="Upload and annotate").click()


def explorer(page: Page, path: Path = EXAMPLE) -> None:
    """Upload a file, wait, and follow the link to its variants."""
    upload(page, path)
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    page.get_by_role("link", name="Explore the variants").click()
    expect(page.locator("#explorer tbody tr")).to_have_count(50)
