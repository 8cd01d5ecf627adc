"""html-validate, by npm, has nothing to say of any page: one process for all of them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from local.service import LocalService
from tests.browser.actions import JOB_MS, new_context, signed_in, upload
from tests.browser.test_access import paths

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

HERE = Path(__file__).parent
JUDGE = HERE / "node_modules/html-validate/bin/html-validate.mjs"
COMMAND = ["node", str(JUDGE), "--config", str(HERE / "htmlvalidate.mjs"), "--formatter", "text"]
MISSING = "install Node.js and npm, then run: npm ci --prefix tests/browser (./gas test does)"
PUBLIC = ("/", "/help", "/sample", "/nope")
BROKEN = (
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\tx\t.\tA\tG\t.\t.\t.\n"
)


def judged(folder: Path) -> list[str]:
    """The faults of the pages in a folder: each in a line, with its place and its rule."""
    assert JUDGE.exists(), MISSING
    ran = subprocess.run([*COMMAND, str(folder / "*.html")], capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout.splitlines()


@pytest.fixture
def failed(chromium: Browser, service: LocalService, tmp_path: Path) -> str:
    """The path of a job that has failed, of the owner of `job`."""
    broken = tmp_path / "broken.vcf"
    broken.write_text(BROKEN)
    context = new_context(chromium, base_url=service.url)
    page = signed_in(context, "premium")
    upload(page, broken)
    expect(page.locator("h1 + .badge-status")).to_have_text("failed", timeout=JOB_MS)
    path = page.url.removeprefix(service.url)
    context.close()
    return path


def test_every_page_is_valid_html(
    chromium: Browser, service: LocalService, job: tuple[str, Any], failed: str, tmp_path: Path
) -> None:
    owner = new_context(chromium, base_url=service.url, storage_state=job[1])
    guest = new_context(chromium, base_url=service.url)
    visits = [(owner, path) for path in [*paths(job[0]), failed, f"{failed}/variants"]]
    visits += [(guest, path) for path in PUBLIC]
    for number, (context, path) in enumerate(visits):
        text = context.request.get(path).text()
        name = re.sub(r"\W+", "_", f"{number}{path}")[:60]
        (tmp_path / f"{name}.html").write_text(text)
    owner.close()
    guest.close()
    assert judged(tmp_path) == []


def test_a_fault_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<!doctype html><p id="a"><div id="a"></p>\n')
    assert any("no-dup-id" in fault for fault in judged(tmp_path))
