"""Several files, contigs, the list that follows: the upload page and what comes after it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    Request,
    Route,
    expect,
)

from aws.storage.parts import PART_BYTES
from local.demo import EXAMPLE
from tests.browser.actions import JOB_MS, new_context, signed_in
from vcf.contig_check import Genome, judge, seen

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
RCRS = Genome(
    "rCRS",
    "Human mitochondrial genome, revised Cambridge Reference Sequence",
    dict.fromkeys(("MT", "chrM", "M"), 16569),
)
HEADERS = {
    "none": "##contig=<ID=chr1,length=5>\n##contig=<ID=chr2>\n",
    "other": "##contig=<ID=chrM,length=16571>\n",
    "part": "##contig=<ID=MT,length=16569>\n##contig=<ID=chr1>\n",
    "whole": "##contig=<assembly=b37,length=16569,ID=M>\n",
    "many": "".join(f"##contig=<ID=HLA_{n}>\n" for n in range(9)),
}


def payload(name: str, text: str) -> FilePayload:
    return FilePayload(name=f"{name}.vcf", mimeType="text/plain", buffer=text.encode())


@pytest.mark.parametrize("name", HEADERS)
def test_the_browser_judges_contigs_in_the_words_of_the_site(page: Page, name: str) -> None:
    text = f"##fileformat=VCFv4.2\n{HEADERS[name]}{COLUMNS}"
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(payload(name, text))
    verdict = judge(seen(text), [RCRS])
    assert verdict.problem or verdict.note
    if verdict.problem:
        expect(page.locator("#problem")).to_have_text(verdict.problem)
    else:
        expect(page.locator("#about")).to_contain_text(verdict.note)
        expect(page.locator("#problem")).to_be_hidden()


def test_several_files_become_a_batch_whose_list_follows_without_a_reload(page: Page) -> None:
    page.goto("/annotate")
    files = [payload(f"s{n}", EXAMPLE.read_text(encoding="utf-8")) for n in range(3)]
    page.get_by_label("Choose a file").set_input_files(files)
    page.get_by_label("A name for these files together").fill("Lund 7")
    page.get_by_role("button", name="Upload and annotate").click()
    page.wait_for_url("**/annotations?batch=Lund*")
    page.evaluate("() => { window.isStill = true; }")
    expect(page.locator(".badge-status.is-completed")).to_have_count(3, timeout=JOB_MS)
    assert page.evaluate("() => window.isStill")
    expect(page.get_by_role("heading", level=1)).to_have_text("Batch Lund 7")


def test_one_bad_file_among_several_is_named_and_nothing_is_sent(page: Page) -> None:
    posts: list[str] = []
    page.on("request", lambda r: posts.append(r.url) if r.method == "POST" else None)
    page.goto("/annotate")
    good = payload("good", EXAMPLE.read_text(encoding="utf-8"))
    page.get_by_label("Choose a file").set_input_files([good, payload("bad", "dear diary\n")])
    page.get_by_role("button", name="Upload and annotate").click()
    expect(page.locator("#problem")).to_contain_text("bad.vcf: This is text, but not a VCF")
    assert posts == []


def test_a_file_that_has_changed_since_it_was_chosen_is_said_to_be_unreadable(
    page: Page, tmp_path: Path
) -> None:
    """A browser reads no file that is another by now, or gone."""
    chosen = tmp_path / "moved.vcf"
    chosen.write_bytes(EXAMPLE.read_bytes())
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(chosen)
    expect(page.locator("#about")).to_contain_text("moved.vcf")
    chosen.unlink()
    page.get_by_role("button", name="Upload and annotate").click()
    expect(page.locator("#problem")).to_contain_text("cannot be read any more")
    expect(page.get_by_role("button", name="Upload and annotate")).to_be_visible()


def test_a_connection_that_breaks_is_tried_again(page: Page) -> None:
    broken: list[Request] = []

    def break_once(route: Route, request: Request) -> None:
        if request.method != "POST" or broken:
            route.continue_()
            return
        broken.append(request)
        route.abort("connectionreset")

    page.goto("/annotate")
    action = page.locator("#upload").get_attribute("action") or ""
    page.route(f"{action}**", break_once)
    page.get_by_label("Choose a file").set_input_files(EXAMPLE)
    page.get_by_role("button", name="Upload and annotate").click()
    page.wait_for_url("**/annotations/*")
    assert len(broken) == 1


def test_an_upload_that_waits_for_another_try_can_be_cancelled(page: Page) -> None:
    page.goto("/annotate")
    store = page.locator("#upload").get_attribute("action") or ""
    page.route(f"{store}**", lambda route: route.abort("connectionreset"))
    page.get_by_label("Choose a file").set_input_files(EXAMPLE)
    page.get_by_role("button", name="Upload and annotate").click()
    expect(page.locator("#progress-words")).to_contain_text("trying example.vcf again")
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.locator("#problem")).to_have_text("The upload was cancelled.")


def test_a_list_that_outlives_its_session_asks_no_more(page: Page) -> None:
    page.clock.install()
    page.goto("/annotations")
    page.context.clear_cookies()
    polls: list[str] = []
    page.on("request", lambda r: polls.append(r.url) if "/annotations/rows" in r.url else None)
    page.evaluate("() => { document.getElementById('jobs').dataset.live = ''; }")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    for _ in range(3):
        page.clock.run_for(5000)
        page.evaluate("() => fetch('/healthz').then((reply) => reply.text())")
    assert len([url for url in polls if "/login" not in url]) == 1


def test_jobs_are_selected_and_deleted_after_confirmation(page: Page, tmp_path: Path) -> None:
    page.goto("/annotate")
    page.get_by_role("button", name="Annotate an example").click()
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    job = page.url.rpartition("/")[2]
    page.goto("/annotations")
    page.locator(f"input[value='{job}']").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the results selected").click()
    assert download.value.suggested_filename == "gas-results.zip"
    page.get_by_role("button", name="Delete those selected").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/annotations")
    assert page.locator(f"input[value='{job}']").count() == 0


def test_a_page_that_was_open_while_the_job_ran_offers_what_can_be_done_now(page: Page) -> None:
    page.goto("/annotate")
    page.locator(".paste > summary").click()
    page.get_by_label("One a line").fill("m.3243A>G\nrs267606617")
    page.get_by_role("button", name="Annotate these").click()
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    page.get_by_text("Run this file again").click()
    page.get_by_role("button", name="Run it as a new job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("pasted.vcf")


def test_a_shared_link_opens_in_a_browser_that_is_not_signed_in(
    page: Page, chromium: Browser
) -> None:
    page.goto("/annotate")
    page.get_by_role("button", name="Annotate an example").click()
    expect(page.locator("h1 + .badge-status")).to_have_text("completed", timeout=JOB_MS)
    page.get_by_text("Share this result").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("For whoever has the link").input_value()
    context = new_context(chromium)
    other = context.new_page()
    other.goto(link)
    other.get_by_role("link", name="Explore the variants").click()
    expect(other.locator("#explorer tbody tr")).to_have_count(50)
    assert other.get_by_text("My annotations").count() == 0
    context.close()


def test_a_large_upload_that_broke_off_goes_on_where_it_stopped(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.vcf"
    record = "MT\t73\t.\tA\tG\t.\t.\t" + "X" * 2000 + "\n"
    count = PART_BYTES // len(record) + 10
    path.write_text("##fileformat=VCFv4.2\n" + COLUMNS + record * count, encoding="utf-8")
    sent: list[str] = []

    def hold_second(route: Route, request: Request) -> None:
        number = request.url.partition("partNumber=")[2].partition("&")[0]
        sent.append(number)
        if sent != ["1", "2"]:
            route.continue_()

    def choose() -> None:
        page.goto("/annotate")
        page.evaluate("() => { document.getElementById('upload').dataset.partsAbove = 1000; }")
        page.get_by_label("Choose a file").set_input_files(path)
        page.get_by_role("button", name="Upload and annotate").click()

    page.route("**/*partNumber=*", hold_second)
    with page.expect_request("**/*partNumber=2*"):
        choose()
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.locator("#problem")).to_contain_text("Choose the file again to go on")
    choose()
    page.wait_for_url("**/annotations/*")
    assert sent == ["1", "2", "2"]


def test_a_batch_that_broke_off_goes_on_with_the_files_that_have_no_job(
    page: Page, tmp_path: Path
) -> None:
    """At once, or after a reload."""
    made: list[str] = []
    posts: list[str] = []
    page.on("request", lambda r: posts.append(r.url) if r.method == "POST" else None)

    def refuse_second(route: Route, request: Request) -> None:
        made.append(request.url)
        if len(made) in (2, 5):
            route.fulfill(status=429, json={"error": "You have too many jobs."})
        else:
            route.continue_()

    page.goto("/annotate")
    page.route("**/annotate/job?*", refuse_second)
    files = [tmp_path / f"b{n}.vcf" for n in range(3)]
    for file in files:
        file.write_bytes(EXAMPLE.read_bytes())
    page.get_by_label("Choose a file").set_input_files(files)
    send = page.get_by_role("button", name="Upload and annotate")
    send.click()
    expect(page.locator("#problem")).to_contain_text("b1.vcf: You have too many jobs.")
    expect(page.locator("#problem")).to_contain_text("1 of the 3 files has its job")
    send.click()
    expect(page.locator("#problem")).to_contain_text("2 of the 3 files have their jobs")
    page.reload()
    page.get_by_label("Choose a file").set_input_files(files)
    with page.expect_navigation(url="**/annotations?batch=*"):
        send.click()
    expect(page.locator("tr[data-job]")).to_have_count(3)
    assert len(posts) == len(set(made)) == 3


def test_a_file_dropped_beside_the_zone_is_taken_as_well(page: Page) -> None:
    page.goto("/annotate")
    dropped = page.evaluate_handle(
        """(text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], "beside.vcf"));
            return data;
        }""",
        EXAMPLE.read_text(encoding="utf-8"),
    )
    page.dispatch_event("h1", "drop", {"dataTransfer": dropped})
    expect(page.locator("#about")).to_contain_text("beside.vcf: VCFv4")


def test_who_was_signed_out_elsewhere_is_led_to_the_login(page: Page) -> None:
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(EXAMPLE)
    page.context.clear_cookies()
    page.get_by_role("button", name="Upload and annotate").click()
    link = page.locator("#problem").get_by_role("link", name="Sign in")
    assert "/login" in (link.get_attribute("href") or "")


def test_who_is_too_large_for_the_free_plan_is_led_to_the_plans(
    context: BrowserContext, tmp_path: Path
) -> None:
    large = tmp_path / "large.vcf"
    large.write_bytes(EXAMPLE.read_bytes() + b"#" * 200_000)
    free = signed_in(context, "free")
    free.goto("/annotate")
    free.get_by_label("Choose a file").set_input_files(large)
    free.locator("#problem").get_by_role("link", name="See the plans").click()
    free.wait_for_url("**/subscribe")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda route: route.abort("internetdisconnected"), "does not answer. Please try again"),
        (
            lambda route: route.fulfill(status=429, body="<h1>Too many</h1>"),
            "A machine in front of the site answered with code 429. Please try again",
        ),
        (
            lambda route: route.fulfill(
                status=431, content_type="text/plain", body="Fewer cookies."
            ),
            "Fewer cookies.",
        ),
    ],
    ids=["a network that is down", "an answer of the load balancer", "a refusal of nginx"],
)
def test_what_comes_between_is_said_in_words(
    page: Page, answer: Callable[[Route], None], words: str
) -> None:
    page.clock.install()
    page.goto("/annotate")
    page.get_by_label("Choose a file").set_input_files(EXAMPLE)
    page.route("**/annotate/form*", answer)
    page.get_by_role("button", name="Upload and annotate").click()
    while page.locator("#problem").is_hidden():
        page.clock.run_for(1000)
    expect(page.locator("#problem")).to_contain_text(words)
