import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests
from flask import Flask

from ann import annotator
from aws.events import Events
from aws.resources import World
from aws.rows.job import Status
from tests import builders
from tests.conftest import PATIENCE_S
from tests.web.browser import VCF, Person, form_of, submit, upload, visitor
from tests.web.conftest import body_of
from web import rate_limits
from web.routes import uploads


def with_query(path: str, **changes: str) -> str:
    parts = urlsplit(path)
    return f"{parts.path}?{urlencode({**dict(parse_qsl(parts.query)), **changes})}"


def without(path: str, name: str) -> str:
    parts = urlsplit(path)
    return f"{parts.path}?{urlencode([p for p in parse_qsl(parts.query) if p[0] != name])}"


def key_in(path: str) -> str:
    return dict(parse_qsl(urlsplit(path).query))["key"]


def test_an_upload_becomes_a_job_that_is_asked_for(ada: Person, world: World) -> None:
    job = world.jobs.get(submit(ada, "sample.vcf"))
    assert (job.user_id, job.job_status) == (ada.user_id, Status.PENDING)
    assert (job.input_file_name, job.input_bytes) == ("sample.vcf", len(VCF))
    assert job.outbox == ()


def test_reloading_the_redirect_shows_the_same_job(ada: Person, world: World) -> None:
    path = upload(ada)
    first, second = ada.get(path), ada.get(path)
    assert first.location == second.location
    job_id = first.location.rpartition("/")[2]
    world.jobs.cancel(job_id)
    assert ada.get(path).location == first.location
    assert world.jobs.get(job_id).job_status is Status.CANCELLED


def test_a_job_whose_event_could_not_be_published_is_kept_for_the_sweeper(
    ada: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("SNS is away")

    monkeypatch.setattr(Events, "publish", refuse)
    job = world.jobs.get(submit(ada))
    assert [entry.partition("@")[0] for entry in job.outbox] == ["job_requests"]


def test_the_form_is_bound_to_user_job_size_and_encryption(ada: Person) -> None:
    action, fields = form_of(ada.get("/annotate").text)
    assert f"/{ada.user_id}/" in fields["key"]
    for change in ({"key": "gas/somebody/else~x.vcf"}, {"x-amz-server-side-encryption": "none"}):
        reply = requests.post(
            action, data={**fields, **change}, files={"file": ("x.vcf", VCF)}, timeout=PATIENCE_S
        )
        assert reply.status_code == 403, change
    big = requests.post(
        action, data=fields, files={"file": ("x.vcf", b"#" * 150_001)}, timeout=PATIENCE_S
    )
    assert "EntityTooLarge" in big.text


@pytest.mark.parametrize("page", ["/annotate", "/annotate/form"])
def test_every_form_has_a_job_id_of_its_own(ada: Person, page: str) -> None:
    assert ada.get(page).text != ada.get(page).text


def test_a_script_gets_a_form_that_answers_201_and_where_to_go_then(ada: Person) -> None:
    form = body_of(ada.get("/annotate/form"))
    reply = requests.post(
        form["url"], data=form["fields"], files={"file": ("x.vcf", VCF)}, timeout=PATIENCE_S
    )
    assert reply.status_code == 201
    parts = urlsplit(form["then"])
    key = form["fields"]["key"].replace("${filename}", "x.vcf")
    path = with_query(f"{parts.path}?{parts.query}", bucket=form["bucket"], key=key)
    assert ada.get(path).status_code == 302


def test_anothers_upload_is_not_there_for_me(app: Flask, ada: Person, world: World) -> None:
    mallory = visitor(app, world)
    path = upload(ada)
    assert mallory.get(path).status_code == 404
    assert ada.get(path).status_code == 302
    assert mallory.get(path).status_code == 404


def test_my_ticket_does_not_admit_anothers_key(app: Flask, ada: Person, world: World) -> None:
    mallory = visitor(app, world)
    hers, mine = upload(ada), upload(mallory)
    assert mallory.get(with_query(mine, key=key_in(hers))).status_code == 404


def test_a_job_id_that_was_not_issued_is_refused(ada: Person, world: World) -> None:
    made_up = "00000000-0000-4000-8000-000000000000"
    key = world.files.keys.upload(ada.user_id, made_up, "x.vcf")
    world.files.write(world.files.inputs, key, VCF)
    path = upload(ada)
    assert ada.get(with_query(path, key=key)).status_code == 404
    assert ada.get(without(path, "ticket")).status_code == 404
    assert ada.get(with_query(path, ticket="bm8.x.y")).status_code == 404
    with pytest.raises(KeyError):
        world.jobs.get(made_up)


def post_again(person: Person, files: list[tuple[str, bytes]]) -> str:
    """Send several files by one form; return the path that S3 redirects to after the last."""
    action, fields = form_of(person.get("/annotate").text)
    for name, body in files:
        reply = requests.post(
            action,
            data=fields,
            files={"file": (name, body)},
            allow_redirects=False,
            timeout=PATIENCE_S,
        )
        assert reply.status_code == 303
    parts = urlsplit(reply.headers["Location"])
    return f"{parts.path}?{parts.query}"


def test_of_what_one_form_sends_one_file_is_kept(ada: Person, world: World) -> None:
    path = post_again(ada, [(f"{n}.vcf", VCF) for n in range(4)])
    job = world.jobs.get(ada.get(path).location.rpartition("/")[2])
    under = world.files.keys.upload(ada.user_id, "", "").rpartition("~")[0]
    stored = [each.key for each in world.files.listing(world.files.inputs, under)]
    assert stored == [job.s3_key_input_file]
    assert job.input_file_name == "3.vcf"


def test_a_file_that_is_sent_again_after_the_check_is_not_annotated(
    ada: Person, world: World, tmp_path: Path
) -> None:
    path = post_again(ada, [("a.vcf", VCF)])
    job = world.jobs.get(ada.get(path).location.rpartition("/")[2])
    world.files.download(
        job.s3_inputs_bucket, job.s3_key_input_file, tmp_path / "a", job.input_etag
    )
    world.files.write(job.s3_inputs_bucket, job.s3_key_input_file, b"something else")
    with pytest.raises(FileNotFoundError):
        world.files.download(
            job.s3_inputs_bucket, job.s3_key_input_file, tmp_path / "b", job.input_etag
        )


def test_another_bucket_is_refused(ada: Person, world: World) -> None:
    path = upload(ada)
    world.files.write(world.files.results, key_in(path), VCF)
    assert ada.get(with_query(path, bucket=world.files.results)).status_code == 404
    assert ada.get(with_query(path, bucket="somebody-elses")).status_code == 404


@pytest.mark.parametrize(
    "bend",
    [
        lambda key: key.replace("~", "~../"),
        lambda key: key.replace("/", "/../", 1),
        lambda key: quote(key, safe=""),
        lambda key: key.replace("~", "~..%2f"),
        lambda key: key.replace("~", ""),
        lambda key: key + "/../x.vcf",
        lambda key: key.partition("~")[0] + "~",
        lambda key: "/" + key,
        lambda key: key.replace("~", "~a\\"),
        lambda _: "",
        lambda _: "~",
    ],
)
def test_bent_keys_are_refused(ada: Person, bend: Callable[[str], str]) -> None:
    path = upload(ada)
    assert ada.get(with_query(path, key=bend(key_in(path)))).status_code == 404


def test_a_missing_object_is_told_of(ada: Person, world: World) -> None:
    path = upload(ada)
    world.files.delete(world.files.inputs, key_in(path))
    reply = ada.get(path)
    assert (reply.status_code, "upload it again" in reply.text) == (404, True)


def test_the_name_is_cut_at_the_first_tilde_only(ada: Person, world: World) -> None:
    assert world.jobs.get(submit(ada, "a~b~c.vcf")).input_file_name == "a~b~c.vcf"


def test_the_size_is_checked_against_the_tier_of_now(
    app: Flask, grace: Person, world: World
) -> None:
    path = upload(grace, body=VCF + b"#" * 160_000)
    world.accounts.unsubscribe(grace.user_id)
    reply = grace.get(path)
    assert reply.status_code == 413
    assert "the free plan allows 150 kB" in reply.text
    with pytest.raises(FileNotFoundError):
        world.files.size(world.files.inputs, key_in(path))


def test_a_premium_file_may_be_larger(grace: Person) -> None:
    assert submit(grace, body=VCF + b"#" * 160_000)


def test_what_is_no_vcf_is_refused_in_words_deleted_and_leaves_no_job(
    ada: Person, world: World
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("xl/workbook.xml", "x")
    path = upload(ada, "sheet.xlsx", archive.getvalue())
    reply = ada.get(path)
    assert reply.status_code == 400
    assert "Excel" in reply.text
    assert 'role="alert"' in reply.text
    with pytest.raises(FileNotFoundError):
        world.files.size(world.files.inputs, key_in(path))
    assert ada.get(path).status_code == 404
    assert world.jobs.page_of(ada.user_id, 5).jobs == []


def test_the_chosen_reference_goes_with_the_upload(ada: Person, world: World) -> None:
    body = b'{"name": "rCRS", "title": "The human mitochondrion"}'
    world.files.write(world.files.references, "rCRS/reference.json", body)
    assert "The human mitochondrion" in ada.get("/annotate").text
    job_id = ada.get(upload(ada, page="/annotate?reference=rCRS")).location.rpartition("/")[2]
    assert world.jobs.get(job_id).reference == "rCRS"
    assert ada.get("/annotate?reference=Klingon").status_code == 400


def test_the_chosen_way_of_calling_consequences_goes_with_the_upload(
    ada: Person, world: World
) -> None:
    job_id = ada.get(upload(ada, page="/annotate?mode=haplotype")).location.rpartition("/")[2]
    assert world.jobs.get(job_id).mode == "haplotype"
    assert ada.get("/annotate?mode=psychic").status_code == 400


@pytest.fixture
def narrow(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that allows three open jobs and four an hour."""
    monkeypatch.setattr(rate_limits, "PAGE_SIZE", 2)
    site = app.extensions["gas"]
    web = replace(site.config.web, max_open_jobs=3, max_jobs_hour=4)
    world = replace(site.world, config=replace(site.config, web=web))
    app.extensions["gas"] = replace(site, world=world)


@pytest.mark.usefixtures("narrow")
def test_too_many_open_jobs_are_a_clear_429_and_the_upload_waits(ada: Person, world: World) -> None:
    path = upload(ada)
    jobs = [builders.pending(world, ada) for _ in range(3)]
    refused = ada.get(path)
    assert refused.status_code == 429
    assert "3 jobs waiting or running" in refused.text
    assert ada.get("/annotate").status_code == 429
    reply = ada.get("/annotate/form", headers={"Accept": "application/json"})
    assert "3 jobs" in body_of(reply)["error"]
    world.jobs.cancel(jobs[0].job_id)
    assert ada.get(path).status_code == 302


@pytest.mark.usefixtures("narrow")
def test_too_many_jobs_an_hour_are_a_clear_429(ada: Person, world: World) -> None:
    for _ in range(4):
        world.jobs.cancel(builders.pending(world, ada).job_id)
    refused = ada.get("/annotate")
    assert refused.status_code == 429
    assert "4 jobs within an hour" in refused.text


@pytest.fixture
def rcrs(world: World) -> Iterator[None]:
    """An annotator has listed the bundled genome."""
    annotator.publish_references(world)
    yield
    world.files.delete(world.files.references, "rCRS/reference.json")


@pytest.mark.usefixtures("rcrs")
def test_the_example_is_annotated_at_a_click(ada: Person, world: World) -> None:
    assert "Annotate an example" in ada.get("/annotate").text
    reply = ada.post("/annotate/example", "/annotate")
    job = world.jobs.get(reply.headers["Location"].rpartition("/")[2])
    assert (job.input_file_name, job.reference) == ("example.vcf", "rCRS")
    assert world.files.read(job.input.bucket, job.input.key).startswith(b"##fileformat=VCF")


@pytest.mark.usefixtures("rcrs")
def test_the_front_page_and_the_form_say_which_genomes_are_here(ada: Person) -> None:
    for path in ("/", "/annotate"):
        assert "Human mitochondrial genome" in ada.get(path).text.partition("Genomes here:")[2]


@pytest.mark.usefixtures("rcrs")
def test_a_file_of_a_genome_that_is_not_here_is_refused_with_a_way_out(ada: Person) -> None:
    header = b"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=248956422>\n"
    body = header + b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t1\t.\tA\tC\t.\t.\t.\n"
    reply = ada.get(upload(ada, "foreign.vcf", body))
    assert reply.status_code == 400
    assert "None of the contigs of this file (chr1)" in reply.text
    assert "ask the operators" in reply.text
    assert "foreign.vcf" not in ada.get("/annotations").text


@pytest.mark.usefixtures("rcrs")
def test_a_file_with_a_part_that_can_be_annotated_is_taken(ada: Person, world: World) -> None:
    header = b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chrM,length=16569>\n"
    body = header + b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    assert world.jobs.get(submit(ada, "mixed.vcf", body)).job_status is Status.PENDING


def test_files_that_were_sent_together_share_the_name_of_their_batch(
    ada: Person, world: World
) -> None:
    path = upload(ada, page="/annotate?batch=Lund+%07+7")
    job = world.jobs.get(ada.get(path).location.rpartition("/")[2])
    assert job.batch == "Lund 7"
    assert job.job_id in ada.get("/annotations?batch=Lund+7").text


@pytest.mark.usefixtures("rcrs")
def test_pasted_variants_become_a_job(ada: Person, world: World) -> None:
    lines = "m.11778G>A\nMT 3243 A G\nrs267606617"
    reply = ada.post("/annotate/paste", "/annotate", variants=lines)
    job = world.jobs.get(reply.headers["Location"].rpartition("/")[2])
    text = world.files.read(job.input.bucket, job.input.key).decode()
    assert "MT\t11778\t.\tG\tA" in text
    assert "MT\t1555\trs267606617\tA\tG" in text


@pytest.mark.usefixtures("rcrs")
def test_variants_are_pasted_for_an_installed_genome_alone(ada: Person) -> None:
    fields = {"variants": "m.73A>G", "reference": "../../rCRS"}
    reply = ada.post("/annotate/paste", "/annotate", **fields)
    assert (reply.status_code, "not installed here" in reply.text) == (400, True)


@pytest.mark.usefixtures("rcrs")
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("BRCA1", "Line 1 is no variant"),
        ("rs1", "in no source"),
        ("", "no variant in this"),
        ("chr99 1 A G", "None of the contigs of this file (chr99)"),
    ],
)
def test_a_line_that_is_no_variant_is_named(ada: Person, lines: str, words: str) -> None:
    reply = ada.post("/annotate/paste", "/annotate", variants=lines)
    assert (reply.status_code, words in reply.text) == (400, True)


def test_a_second_tab_that_comes_while_the_job_is_made_publishes_nothing(
    app: Flask, ada: Person, world: World
) -> None:
    job = builders.uploaded(world, ada)
    first = world.jobs.submit(job)
    with app.app_context():
        assert uploads.store(job) == first
    assert world.jobs.get(job.job_id).outbox == first.outbox
