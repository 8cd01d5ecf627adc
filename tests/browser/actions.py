"""What people do on the site, by a browser."""

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from local.demo import EXAMPLE

JOB_MS = 60_000


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
