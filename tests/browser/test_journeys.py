"""The site in a real browser, against the whole service on this machine."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    expect,
)

from local.demo import EXAMPLE
from local.service import LocalService
from tests.browser.actions import JOB_MS, explorer, new_context, signed_in, upload
from tests.vcf.samples import KINDS, POSSIBLE
from vcf.upload_check import refusal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

LOOK_MS = 300
HOSTILE = '"><img src=x onerror="document.title=\'owned\'">.vcf'


def test_sign_in_upload_completed_download(page: Page, tmp_path: Path) -> None:
    upload(page, EXAMPLE)
    page.wait_for_url("**/annotations/*")
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    expect(page.get_by_role("table", name="Consequences, by")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "result.vcf.gz")
    assert b"BCSQ=" in gzip.decompress((tmp_path / "result.vcf.gz").read_bytes())


def test_the_list_leads_to_the_log(page: Page) -> None:
    upload(page, EXAMPLE)
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Annotations").click()
    page.get_by_role("link", name=EXAMPLE.name).first.click()
    page.get_by_role("link", name="View the log").click()
    expect(page.locator("pre")).to_contain_text("Consequences")


def test_all_of_it_works_without_scripts(chromium: Browser, service: LocalService) -> None:
    context = new_context(chromium, base_url=service.url, java_script_enabled=False)
    page = signed_in(context, "premium")
    upload(page, EXAMPLE)
    page.wait_for_url("**/annotations/*")
    refresh = page.get_by_role("link", name="Refresh")
    for _ in range(JOB_MS // LOOK_MS):
        if not refresh.count():
            break
        page.wait_for_timeout(LOOK_MS)
        refresh.click()
    expect(page.locator("h1 + .badge-status")).to_have_text("completed")
    context.close()


def test_variants_are_filtered_sorted_paged_and_the_back_button_goes_back(page: Page) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    explorer(page)
    page.evaluate("() => { window.isStill = true; }")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#explorer tbody tr")).to_have_count(28)
    page.locator("#more-filters > summary").click()
    page.get_by_label("MODERATE").check()
    expect(page.locator("#found")).to_have_text("25 variants match")
    expect(page.get_by_label("MODERATE")).to_be_focused()
    expect(page.locator("#announcement")).to_have_text("25 variants match")
    expect(page.locator(".count[data-facet=impact][data-value=HIGH]")).to_have_text("1")
    page.get_by_role("columnheader", name="Frequency").get_by_role("link").click()
    expect(page.locator("[aria-sort=ascending]")).to_contain_text("Frequency")
    page.get_by_role("columnheader", name="Frequency").get_by_role("link").click()
    expect(page.locator("tbody th").first).to_contain_text("MT:8860 A>G")
    assert page.url.endswith("?impact=MODERATE&sort=-af")
    page.go_back()
    page.go_back()
    expect(page.locator("[aria-sort]")).to_contain_text("Variant")
    expect(page.get_by_label("MODERATE")).to_be_checked()
    page.go_back()
    expect(page.locator("#explorer tbody tr")).to_have_count(28)
    assert page.evaluate("() => window.isStill")
    assert faults == []


def test_the_keyboard_filters_and_downloads_what_is_seen(page: Page, tmp_path: Path) -> None:
    explorer(page)
    page.get_by_role("textbox", name="Gene").focus()
    page.keyboard.type("MT-ND4")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("5 variants match")
    page.get_by_role("link", name="Download what I see").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "seen.tsv")
    lines = (tmp_path / "seen.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("chrom\tpos\tref\talt")


def test_a_bar_leads_to_its_variants_and_one_of_them_to_all_that_is_known(page: Page) -> None:
    upload(page, EXAMPLE)
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    page.get_by_role("link", name="missense_variant").click()
    expect(page.locator("#found")).to_have_text("25 variants match")
    page.get_by_role("link", name="MT:11778 G>A").click()
    words = "Codon 340 changes from CGC to CAC: arginine becomes histidine."
    expect(page.locator("main")).to_contain_text(words)
    expect(page.locator(".known")).to_contain_text("ClinVar")
    expect(page.get_by_role("link", name="MITOMAP")).to_be_visible()


def test_a_view_that_does_not_come_is_told_or_led_to_the_login_and_back(
    chromium: Browser, service: LocalService, job: tuple[str, dict[str, Any]]
) -> None:
    path, cookies = job
    context = new_context(chromium, base_url=service.url, storage_state=cookies)
    page = context.new_page()
    page.goto(f"{path}/variants")
    page.locator("#more-filters > summary").click()
    context.set_offline(True)
    page.get_by_label("MODERATE").click()
    expect(page.locator("#found")).to_contain_text("could not be loaded")
    context.set_offline(False)
    context.clear_cookies()
    page.get_by_role("button", name="Show").click()
    page.locator("button[name=identity][value=premium]").click()
    expect(page.locator("#found")).to_have_text("25 variants match")
    assert page.url.endswith("/variants?impact=MODERATE")
    context.close()


def test_counts_that_do_not_come_are_missed_in_words(
    owner: Page, job: tuple[str, dict[str, Any]]
) -> None:
    owner.route("**/variants/counts?*", lambda route: route.fulfill(status=503, json={}))
    owner.goto(f"{job[0]}/variants?impact=MODERATE")
    words = "25 variants on this page; how many match in all could not be counted."
    expect(owner.locator("#found")).to_have_text(words)
    owner.unroute_all()
    owner.route("**/variants/counts?*", lambda route: route.abort())
    owner.locator("#explorer th a[data-view]").nth(1).click()
    owner.wait_for_url("**sort=*")
    expect(owner.locator("#found")).to_have_text(words)


@pytest.mark.parametrize("width", [360, 1400])
def test_the_explorer_is_no_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    explorer(page)
    page.locator("#more-filters > summary").click()
    page.locator("#columns > summary").click()
    for path in (page.url, f"{page.url}/1", f"{page.url}?gene=NONE"):
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        page.goto(path)
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


def test_what_is_no_vcf_is_refused_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "picture.vcf"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    upload(page, picture)
    expect(page.locator("#problem")).to_contain_text("not a VCF")
    assert "POST" not in sent


def test_the_browser_refuses_each_kind_of_file_in_the_words_of_the_site(page: Page) -> None:
    page.goto("/annotate")
    for name, (body, _) in KINDS.items():
        file = FilePayload(name=f"{name}.vcf", mimeType="text/plain", buffer=body)
        page.get_by_label("Choose a file").set_input_files(file)
        expect(page.locator("#problem")).to_have_text(refusal(body, len(body)) or "none")


def test_the_browser_lets_through_what_may_be_a_vcf(page: Page) -> None:
    page.goto("/annotate")
    for name, body in POSSIBLE.items():
        file = FilePayload(name=f"{name}.vcf", mimeType="text/plain", buffer=body)
        page.get_by_label("Choose a file").set_input_files(file)
        expect(page.locator("#about")).to_contain_text(f"{name}.vcf: ")
        expect(page.locator("#problem")).to_be_hidden()


def test_what_is_too_large_is_refused_before_it_is_sent(
    context: BrowserContext, tmp_path: Path
) -> None:
    large = tmp_path / "large.vcf"
    large.write_bytes(EXAMPLE.read_bytes() + b"#" * 200_000)
    upload(signed_in(context, "free"), large)
    expect(context.pages[0].locator("#problem")).to_contain_text("the free plan allows 150 kB")


def test_facts_of_the_chosen_file_are_shown(page: Page) -> None:
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(EXAMPLE)
    expect(page.locator("#about")).to_contain_text("VCFv4")


def test_a_hostile_vcf_under_a_hostile_name_runs_no_script(page: Page, tmp_path: Path) -> None:
    hostile = tmp_path / HOSTILE.replace("/", "")
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    script = "##source=a<script>document.title='owned'</script>\n"
    hostile.write_text("".join([lines[0], script, *lines[1:]]), encoding="utf-8")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    upload(page, hostile)
    page.wait_for_url("**/annotations/*")
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    for path in (
        page.url,
        f"{page.url}/log",
        f"{page.url}/variants?counts=1",
        f"{page.url}/variants/0",
        "/annotations",
    ):
        page.goto(path)
        assert page.title() != "owned"
        assert page.locator("main img").count() == 0
    assert dialogs == []


def test_nothing_is_refused_by_the_content_security_policy(page: Page) -> None:
    texts: list[str] = []
    page.on("console", lambda message: texts.append(message.text))
    for path in ("/", "/annotate", "/annotations", "/subscribe", "/unsubscribe", "/profile"):
        page.goto(path)
    assert [text for text in texts if "Content Security" in text] == []


@pytest.mark.parametrize("width", [360, 1400])
def test_no_page_is_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/annotate", "/annotations", "/subscribe", "/profile", "/nope"):
        page.goto(path)
        over = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, path


def test_signing_out_ends_the_session(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.goto("/annotations")
    assert "/authorize" in page.url
