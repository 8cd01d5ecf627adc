"""The picture of the genome around a variant: from this site alone, moved by keys, for few eyes."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.service import LocalService
from tests.browser.actions import new_context, signed_in
from tests.browser.test_access import STANDARD

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

Job = tuple[str, dict[str, Any]]
ROW = 12
PLACE = "MT, 1,378 to 1,498"
REFUSALS = """
    window.refused = [];
    addEventListener("securitypolicyviolation", (e) => window.refused.push(e.violatedDirective));
"""
INK = """
() => {
    const root = document.getElementById("around-picture").shadowRoot;
    const isInked = (canvas) => {
        const { width, height } = canvas;
        if (!width) return false;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        return data.some((red, i) => i % 4 === 0 && data[i + 3] && red < 200);
    };
    return [...root.querySelectorAll("canvas")].filter(isInked).length;
}
"""
"""How many of the canvases have something drawn on them."""


class Watched:
    """A page, with all that its browser complained of and asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        context.add_init_script(REFUSALS)
        self.page = context.new_page()
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def expect_no_complaint(self, service: LocalService) -> None:
        assert self.complaints == []
        assert self.page.evaluate("() => window.refused") == []
        assert self.asked == {urlsplit(service.url).netloc}


@pytest.fixture(params=[("light", 1280), ("dark", 360)], ids=str)
def watched(
    chromium: Browser, service: LocalService, job: Job, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    scheme, width = request.param
    context = new_context(
        chromium,
        base_url=service.url,
        storage_state=job[1],
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
    )
    yield Watched(context)
    context.close()


def drawn(page: Page, job: Job) -> None:
    """Have the picture shown, by the keyboard."""
    page.goto(f"{job[0]}/variants/{ROW}")
    page.get_by_role("button", name="Show in the genome").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#around-place")).to_have_text(PLACE)
    page.wait_for_function(f"() => ({INK})() === 4")  # ruler, sequence, genes, variants


def test_the_picture_is_of_this_site_alone_moved_by_keys_and_leads_to_variants(
    watched: Watched, service: LocalService, job: Job
) -> None:
    page = watched.page
    drawn(page, job)
    assert Axe().run(page, options=STANDARD).response["violations"] == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    place = page.locator("#around-place")
    expect(page.get_by_role("button", name="Left")).to_be_focused()
    page.keyboard.press("Enter")
    expect(place).to_have_text("MT, 1,318 to 1,438")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(place).to_have_text("MT, 1,258 to 1,499")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(place).to_have_text(PLACE)
    pick_the_variant(page, job)
    watched.expect_no_complaint(service)


def pick_the_variant(page: Page, job: Job) -> None:
    """Click on it: its address stands in the page, and no window of igv.js's opens."""
    canvas = page.locator("#around-picture canvas:not([width='0'])").last
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] / 2, "y": 20})
    link = page.locator("#around-picked").get_by_role("link", name="MT:1438 A>G")
    expect(link).to_have_attribute("href", f"{job[0]}/variants/{ROW}")
    canvas.click(button="right", position={"x": box["width"] / 2, "y": 20})


def test_what_cannot_be_loaded_of_a_picture_is_said_and_asked_for_again(
    page: Page, job: Job
) -> None:
    page.route("**/genome/sequence", lambda route: route.abort())
    page.goto("/sample")
    page.get_by_role("link", name="Explore the variants").click()
    page.locator("#explorer tbody th a").nth(ROW).click()
    button = page.get_by_role("button", name="Show in the genome")
    button.click()
    expect(page.locator("#around-place")).to_have_text(
        "The picture could not be loaded. Please try again."
    )
    page.unroute("**/genome/sequence")
    page.route("**/genome/genes?*", lambda route: route.fulfill(status=429, json={}))
    cut = {"features": [], "is_cut": True}
    page.route("**/genome/variants?*", lambda route: route.fulfill(json=cut))
    button.click()
    expect(page.locator("#around-place")).to_have_text(PLACE)
    lacks = page.locator("#around-lacks")
    genes = "Genes: not loaded. Please wait a minute, then move the picture."
    expect(lacks).to_contain_text(genes)
    expect(lacks).to_contain_text("Variants: more than can be drawn. Zoom in to see all.")
    page.unroute_all()
    page.get_by_role("button", name="Zoom in").click()
    expect(lacks).to_be_empty()


def test_a_picture_that_the_site_refuses_is_missed_in_the_words_of_the_site(
    owner: Page, job: Job
) -> None:
    owner.goto(f"{job[0]}/variants/{ROW}")
    cookies: Any = owner.context.cookies()
    owner.context.clear_cookies()
    button = owner.get_by_role("button", name="Show in the genome")
    button.click()
    signed_out = "You are signed out. Please sign in again."
    expect(owner.locator("#around-place")).to_have_text(
        f"The picture could not be loaded. {signed_out}"
    )
    owner.context.add_cookies(cookies)
    answer = {"error": signed_out}
    owner.route("**/genome/genes?*", lambda route: route.fulfill(status=401, json=answer))
    button.click()
    expect(owner.locator("#around-place")).to_have_text(PLACE)
    expect(owner.locator("#around-lacks")).to_have_text(f"Genes: not loaded. {signed_out}")


def test_a_shared_result_shows_its_genome_to_those_with_the_link_and_nobody_else(
    chromium: Browser, service: LocalService, job: Job
) -> None:
    sequence = f"{job[0]}/genome/genes?contig=MT&start=1&stop=9"
    owner = new_context(chromium, base_url=service.url, storage_state=job[1])
    other = new_context(chromium, base_url=service.url)
    stranger = signed_in(other, "free")
    assert stranger.request.get(sequence).status == 404
    page = owner.new_page()
    page.goto(job[0])
    page.get_by_text("Share this result").click()
    page.get_by_role("button", name="Make a link").click()
    shared = page.locator("input[readonly]").first.input_value()
    visitor = new_context(chromium, base_url=service.url)
    guest = visitor.new_page()
    guest.goto(shared)
    drawn(guest, job)
    assert stranger.request.get(sequence).status == 404
    for context in (owner, other, visitor):
        context.close()
