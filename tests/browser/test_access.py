"""For everybody: axe finds nothing, focus is seen, and the keyboard alone goes all the way."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from local.service import LocalService
from tests.browser.actions import JOB_MS, new_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

STANDARD = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
PATHS = (
    "/", "/help", "/about", "/privacy", "/contact", "/nope", "/annotate", "/annotations",
    "/annotations?q=nothing", "/subscribe", "/unsubscribe", "/profile",
)  # fmt: skip
OF_A_JOB = ("", "/log", "/variants", "/variants?consequence=none&q=x", "/variants/0")
SEEN = 3.0
"""The least contrast of a focus ring against what is around it. WCAG 2.2, 1.4.11 and 2.4.13."""
RING = """
(element) => {
    element.focus();
    const style = getComputedStyle(element);
    const colour = (e) => getComputedStyle(e).backgroundColor;
    const isClear = (e) => e.parentElement && colour(e) === "rgba(0, 0, 0, 0)";
    let around = element.parentElement;
    while (isClear(around)) around = around.parentElement;
    const ring = [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor];
    return [...ring, colour(around), element.outerHTML.slice(0, 120)];
}
"""

FOCUSED = """
() => {
    const element = document.activeElement;
    if (element === document.body) return { text: "" };
    return { text: element.textContent, name: element.name };
}
"""


def paths(job: str) -> list[str]:
    return [*PATHS, *(job + rest for rest in OF_A_JOB), f"/annotations/deleting?job={job[-36:]}"]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    chromium: Browser, service: LocalService, job: tuple[str, Any], scheme: Any, width: int
) -> None:
    context = new_context(
        chromium,
        base_url=service.url,
        storage_state=job[1],
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
    )
    page, axe, found = context.new_page(), Axe(), []
    for path in paths(job[0]):
        page.goto(path)
        page.locator("details").evaluate_all("all => all.forEach((e) => (e.open = true))")
        for violation in axe.run(page, options=STANDARD).response["violations"]:
            targets = [node["target"] for node in violation["nodes"]]
            found.append(f"{path}: {violation['id']}: {targets[:3]}")
    context.close()
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_focus_is_seen_on_every_control(
    chromium: Browser, service: LocalService, job: tuple[str, Any], scheme: Any
) -> None:
    context = new_context(chromium, base_url=service.url, storage_state=job[1], color_scheme=scheme)
    page, faint = context.new_page(), []
    for path in paths(job[0]):
        page.goto(path)
        page.keyboard.press("Tab")
        for control in page.locator("a[href], button, input, select, textarea, summary").all()[:30]:
            if not control.is_visible():
                continue
            style, width, ring, around, what = control.evaluate(RING)
            if style == "none" or width < 2 or contrast(ring, around) < SEEN:
                faint.append(f"{path}: {what}: {style} {width} {ring} on {around}")
    context.close()
    assert faint == []


def contrast(one: str, other: str) -> float:
    """The ratio of two CSS colours. WCAG 2.2, definition of contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_keyboard_alone_goes_from_the_front_page_to_a_filtered_download(
    chromium: Browser, service: LocalService, tmp_path: Path
) -> None:
    context = new_context(chromium, base_url=service.url)
    page = context.new_page()
    page.goto("/")
    press_to(page, "Sign in with Globus")
    page.wait_for_url("**/authorize?*")
    press_to(page, "Priya Raman")
    page.wait_for_url("**/annotations")
    press_to(page, "Annotate a file")
    page.wait_for_url("**/annotate")
    press_to(page, "Annotate an example")
    page.wait_for_url("**/annotations/*")
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    press_to(page, "Explore the variants")
    page.wait_for_url("**/variants")
    tab_to(page, lambda focused: focused.get("name") == "gene")
    page.keyboard.type("MT-ND1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("gene=MT-ND1"))
    expect(page.locator("#found")).to_contain_text("match")
    with page.expect_download() as download:
        press_to(page, "Download what I see")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[1:]
    assert all("MT-ND1" in line for line in lines[1:])
    context.close()


def press_to(page: Page, words: str) -> None:
    """Tab to what has these words and press Enter."""
    tab_to(page, lambda focused: words in focused["text"])
    page.keyboard.press("Enter")


def tab_to(page: Page, is_there: Any) -> None:
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if is_there(focused):
            return
    raise AssertionError(f"not reached by 120 tabs on {page.url}")
