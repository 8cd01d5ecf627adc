"""Makes a picture of every page, in a private world with the example: `./gas screenshots`."""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from local.demo import EXAMPLE, private_world
from tests.browser.actions import JOB_MS, signed_in, upload
from tests.browser.conftest import CHROMIUM

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "screenshots"
SIZE: ViewportSize = {"width": 1200, "height": 800}
BEFORE = {"home": "/", "help": "/help", "about": "/about", "privacy": "/privacy"}
"""The pages that need no login, by the names of their pictures."""
AFTER = {
    "annotate": "/annotate",
    "annotations": "/annotations",
    "plan": "/subscribe",
    "profile": "/profile",
}
OF_A_JOB = {"job": "", "variants": "/variants?region=MT:7500-16000", "variant": "/variants/60"}


def main() -> None:
    """The command line: `./gas screenshots`."""
    parser = argparse.ArgumentParser(
        prog="./gas screenshots",
        description=f"{__doc__} The README and the docs show some of them.",
        epilog="example: ./gas screenshots --folder /tmp/pages --scheme dark",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: docs/screenshots")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with private_world() as world, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            executable_path=CHROMIUM if CHROMIUM.exists() else None,
        )
        context = browser.new_context(
            base_url=world.url, viewport=SIZE, color_scheme=args.scheme, timezone_id="UTC"
        )
        page = context.new_page()
        take(page, BEFORE, args.folder)
        page = signed_in(context, "premium")
        upload(page, EXAMPLE)
        expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
        job = page.url.removeprefix(world.url)
        take(page, {**AFTER, **{name: job + rest for name, rest in OF_A_JOB.items()}}, args.folder)
        browser.close()
    sys.stdout.write(f"{len(BEFORE) + len(AFTER) + len(OF_A_JOB)} pictures in {args.folder}\n")


def take(page: Page, paths: dict[str, str], folder: Path) -> None:
    """Open each path and keep what a window of SIZE shows of it."""
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main()
