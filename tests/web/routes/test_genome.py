"""The genome around a variant: a job's own sequence, genes and variants, for who may see it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ann import annotator
from aws.config import GlobusSettings
from aws.resources import World
from aws.rows.job import Job
from tests import builders
from tests.web.browser import Person, signed_in, visitor
from tests.web.conftest import NOWHERE, SECRETS, body_of
from tests.web.parquet import variant
from tests.web.routes.test_shares import shared
from tests.web.routes.test_variants import explored
from web.app import create_app
from web.context import KEY, Site
from web.routes import genome as routes
from web.services import bundled
from web.services.parquet_engine import ParquetEngine

ROWS = [
    variant(0, pos=100, ref="ACGT", alt="A", impact="HIGH"),
    variant(1, pos=3243, chrom="chrM"),
    variant(2, pos=3300, chrom="elsewhere"),
]
OTHER = "otherRCRS"
ALL = ("sequence", "sequence.fai", "genes", "variants")


@pytest.fixture
def job(world: World, grace: Person, tmp_path: Path) -> Job:
    annotator.publish_references(world)
    return explored(world, grace, tmp_path, ROWS)


def genome(job: Job, rest: str) -> str:
    return f"/annotations/{job.job_id}/genome/{rest}"


def features(person: Person, job: Job, what: str, start: int, stop: int) -> list[dict[str, Any]]:
    reply = person.get(genome(job, f"{what}?contig=MT&start={start}&stop={stop}"))
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = body_of(reply)["features"]
    return found


def part(person: Person, job: Job, span: str) -> tuple[int, str, str]:
    reply = person.get(genome(job, "sequence"), headers={"Range": span})
    return reply.status_code, reply.headers.get("Content-Range", ""), reply.text


def test_the_sequence_comes_by_ranges_of_its_file(grace: Person, job: Job) -> None:
    text = (bundled.FOLDER / "rCRS.fa").read_text()
    assert part(grace, job, "bytes=0-9") == (206, "bytes 0-9/*", text[:10])
    end = len(text)
    last = f"bytes {end - 5}-{end - 1}/*"
    assert part(grace, job, f"bytes={end - 5}-{end + 100_000}") == (206, last, text[-5:])
    index = grace.get(genome(job, "sequence.fai"))
    assert index.text == (bundled.FOLDER / "rCRS.fa.fai").read_text()


def test_no_other_range_is_read(grace: Person, job: Job) -> None:
    beyond = [f"bytes={first}-{first + 9}" for first in (99999, 2**40, 2**63 - 5, 10**20)]
    spans = ("", "bytes=0-", "bytes=-5", "bytes=0-9,20-29", "bytes=0-9999999", "bytes=99999-")
    for span in (*spans, *beyond):
        status, _, text = part(grace, job, span)
        assert status == 416, span
        assert "GATCACAGGT" not in text


def test_genes_of_a_stretch_come_with_the_part_that_is_translated(grace: Person, job: Job) -> None:
    (gene,) = features(grace, job, "genes", 3400, 3500)
    assert (gene["name"], gene["chr"], gene["strand"]) == ("MT-ND1", "MT", "+")
    assert (gene["start"], gene["end"]) == (3306, 4262)
    assert gene["exons"][0]["cdStart"] == 3306
    (rna,) = features(grace, job, "genes", 3240, 3250)
    assert rna["name"] == "MT-TL1"
    assert "cdStart" not in rna["exons"][0]


def test_variants_of_a_stretch_come_by_any_name_of_the_contig(grace: Person, job: Job) -> None:
    (found,) = features(grace, job, "variants", 3200, 3400)
    assert (found["chr"], found["start"], found["end"]) == ("MT", 3242, 3243)
    assert found["place"] == "chrM:3243 A>G"
    assert grace.get(found["address"]).status_code == 200


def test_a_deletion_is_on_every_stretch_that_it_reaches_into(grace: Person, job: Job) -> None:
    assert [f["name"] for f in features(grace, job, "variants", 103, 110)] == ["ACGT>A"]
    assert features(grace, job, "variants", 104, 110) == []


def test_a_stretch_may_reach_beyond_the_end_of_its_contig(grace: Person, job: Job) -> None:
    assert [f["name"] for f in features(grace, job, "genes", 16_000, 16_700)] == ["MT-TP"]
    assert features(grace, job, "genes", 16_569, 16_700) == []


def test_a_stretch_that_is_none_is_refused(grace: Person, job: Job) -> None:
    for stretch in ("", "chrM&start=1&stop=2", "MT&start=0&stop=2", "MT&start=3&stop=2",
                    "MT&start=1&stop=200001", "MT&start=x&stop=2", "MT&start=16570&stop=16570",
                    f"MT&start={10**40}&stop={10**40}"):  # fmt: skip
        for what in ("genes", "variants"):
            assert grace.get(genome(job, f"{what}?contig={stretch}")).status_code == 400, stretch


def test_nobody_else_gets_any_of_it(app: Flask, ada: Person, job: Job) -> None:
    stranger = app.test_client()
    for rest in ALL:
        assert ada.get(genome(job, rest)).status_code == 404
        assert "/login" in stranger.get(genome(job, rest)).location
        scripted = stranger.get(genome(job, rest), headers={"Accept": "application/json"})
        assert scripted.status_code == 401


def test_a_shared_result_shows_its_genome_to_who_has_the_link(
    app: Flask, grace: Person, job: Job
) -> None:
    guest = app.test_client()
    guest.get(shared(grace, job))
    for rest in (
        "sequence.fai",
        "genes?contig=MT&start=1&stop=9",
        "variants?contig=MT&start=1&stop=9",
    ):
        assert guest.get(genome(job, rest)).status_code == 200
    assert guest.get(genome(job, "sequence"), headers={"Range": "bytes=0-9"}).status_code == 206


def test_an_archived_result_of_a_free_user_shows_none_of_it(ada: Person, world: World) -> None:
    annotator.publish_references(world)
    job = builders.archived(world, ada)
    for rest in ALL:
        assert ada.get(genome(job, rest)).status_code == 403
        reply = ada.get(genome(job, rest), headers={"Accept": "application/json"})
        assert (reply.status_code, "reload this page" in body_of(reply)["error"]) == (403, True)


def test_the_page_says_what_the_picture_is_and_leads_to_the_table(grace: Person, job: Job) -> None:
    page = grace.get(f"/annotations/{job.job_id}/variants/1").text
    assert 'data-locus="MT:3183-3303"' in page
    assert "region=chrM:3183-3303" in page
    assert "your browser runs none here" in page
    elsewhere = grace.get(f"/annotations/{job.job_id}/variants/2").text
    assert "In the genome" not in elsewhere


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("busy", 503, "Zoom in"),
        ("unreadable", 500, "broke on our side"),
        ("large", 413, "no room"),
        ("gone", 404, "not here any more"),
    ],
)
def test_genes_that_cannot_be_had_are_told_apart(
    app: Flask, grace: Person, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    fault: str, status: int, words: str,
) -> None:  # fmt: skip
    opened: Site = app.extensions[KEY]
    files, stored = opened.world.files, "rCRS/genes.parquet"
    if fault in ("busy", "unreadable"):
        engine = ParquetEngine(tmp_path, timeout_s=0.01 if fault == "busy" else 10)
        monkeypatch.setattr(opened.explorer, "engine", engine)
    while fault == "busy" and engine._places.acquire(blocking=False):
        pass
    if fault in ("large", "gone"):
        monkeypatch.setattr(opened.reference_files, "folders", [])
        monkeypatch.setattr(opened.explorer.copies, "max_bytes", 1)
    if fault == "large":
        files.write(files.references, stored, b"long")
    reply = grace.get(genome(job, "genes?contig=MT&start=1&stop=9"))
    files.delete(files.references, stored)
    assert (reply.status_code, words in reply.text) == (status, True), reply.text


def test_an_index_that_is_too_long_is_refused_whole(
    grace: Person, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (bundled.FOLDER / "rCRS.fa.fai").stat().st_size
    for most, status in ((size, 200), (size - 1, 413)):
        monkeypatch.setattr(routes, "INDEX_BYTES", most)
        assert grace.get(genome(job, "sequence.fai")).status_code == status


@pytest.fixture
def added(tmp_path: Path) -> Path:
    """A reference as `./gas reference add` leaves it, in a folder of its own."""
    folder = tmp_path / "added" / OTHER
    shutil.copytree(bundled.FOLDER, folder)
    described = json.loads((folder / "reference.json").read_text()) | {"name": OTHER}
    (folder / "reference.json").write_text(json.dumps(described))
    return folder


def test_a_reference_of_operators_comes_from_their_folder_or_from_the_bucket(
    world: World, added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", NOWHERE)
    config = replace(world.config, globus=GlobusSettings(NOWHERE))
    here = replace(config, annotator=replace(config.annotator, references=str(added.parent)))
    annotator.publish_references(replace(world, config=here))
    near = create_app(replace(world, config=here), SECRETS)
    person = visitor(near, world, premium=True)
    job = explored(world, person, tmp_path, ROWS)
    job = world.jobs.change(job.job_id, lambda job: replace(job, reference=OTHER))
    seen = [features(person, job, "genes", 3400, 3500), part(person, job, "bytes=0-99")]
    assert seen[0]
    far = create_app(replace(world, config=config), SECRETS)
    person = Person(person.user_id, signed_in(far, world, person.user_id))
    assert part(person, job, "bytes=0-99")[0] == 404
    for name in ("rCRS.fa", "genes.parquet"):
        world.files.write(world.files.references, f"{OTHER}/{name}", (added / name).read_bytes())
    assert [features(person, job, "genes", 3400, 3500), part(person, job, "bytes=0-99")] == seen
    world.files.delete(world.files.references, f"{OTHER}/reference.json")
