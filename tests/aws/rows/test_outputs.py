"""The one table of outputs: whatever forgets one of them is found out, and by its name."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ann.pipeline import Outcome
from aws.events import Event
from aws.resources import World
from aws.rows import outputs
from aws.rows.job import Job, Result
from aws.rows.outputs import OUTPUTS, Output
from aws.storage.files import Files
from aws.storage.stored import S3Object
from tests import builders, daemons
from tests.proofs import invariants
from util import inventory

ROOT = Path(__file__).parents[3]
EVERY = pytest.mark.parametrize("name", OUTPUTS)
PLACES = {name: S3Object("out", f"k/{name}") for name in OUTPUTS}


def annotated(world: World) -> Job:
    """A job that an annotator has completed."""
    job = builders.submitted(world, builders.user(world))
    daemons.annotator()(world, Event(job.event))
    return world.jobs.get(job.job_id)


def lost(world: World, job: Job) -> str:
    """The findings after an inventory, in one line."""
    daemons.take_stock(world)
    there = invariants.objects(world)
    return "; ".join(invariants.lost_outputs(world, world.jobs.get(job.job_id), there))


def test_an_annotator_leaves_every_output_and_an_inventory_deletes_none(world: World) -> None:
    job = annotated(world)
    assert job.outputs.keys() == OUTPUTS.keys()
    assert lost(world, job) == ""


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_what_stays_in_s3_while_the_result_sleeps_outlives_an_inventory(world: World) -> None:
    job = builders.archived(world, builders.user(world))
    assert job.outputs.keys() == {name for name, output in OUTPUTS.items() if not output.sleeps}
    assert lost(world, job) == ""


def test_a_row_keeps_an_output_that_only_a_newer_release_knows(world: World) -> None:
    job = builders.completed(world, builders.user(world))
    later = S3Object(world.files.results, builders.output_key(world, job, "log") + ".new")
    world.files.write(later.bucket, later.key, b"new")
    row = world.jobs.table.get(job.job_id)
    assert row is not None
    world.jobs.table.swap({**row, "s3_key_newer_file": later.key})
    world.jobs.mark_mailed(job.job_id)
    daemons.take_stock(world)
    assert world.jobs.get(job.job_id).outputs["newer"] == later
    assert world.files.read(later.bucket, later.key) == b"new"


def test_an_upload_is_no_output() -> None:
    row = {**outputs.attributes(PLACES), "s3_key_input_file": "k/a.vcf"}
    assert outputs.from_row(row) == PLACES


def test_a_job_without_outputs_names_no_bucket() -> None:
    assert outputs.attributes({}) == {}
    assert outputs.from_row({"job_id": "1"}) == {}


@EVERY
def test_the_pipelines_outcome_has_the_output(name: str, tmp_path: Path) -> None:
    assert isinstance(getattr(Outcome(tmp_path), name, None), Path), f"ann/task.py: no {name}"


@EVERY
def test_a_result_without_the_output_cannot_be_built(name: str) -> None:
    rest = {other: place for other, place in PLACES.items() if other != name}
    with pytest.raises(ValueError, match=f"without its {name}"):
        Result(outputs=rest, result_bytes=1, result_sha256="", reference="rCRS", counts={})


@EVERY
def test_the_documentation_has_the_output(name: str) -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    table = {
        cells[0]: cells for cells in re.findall(r"(?m)^\| (\w+) \| `([^`]+)` \| (.+) \|$", text)
    }
    assert name in table, f"docs/data.md: the table of outputs lacks the {name}"
    output, (_, file_name, rest) = OUTPUTS[name], table[name]
    assert file_name == f"<name>{output.ending}"
    assert f"`{output.attribute}`" in rest
    assert ("archive" in rest) == output.sleeps


def forgets_upload(patch: pytest.MonkeyPatch, output: Output) -> None:
    real = Files.upload

    def upload(files: Files, path: Path, bucket: str, key: str, content_type: str) -> None:
        if not key.endswith(output.file_name("/a.vcf")):
            real(files, path, bucket, key, content_type)

    patch.setattr(Files, "upload", upload)


def forgets_row(patch: pytest.MonkeyPatch, output: Output) -> None:
    real = outputs.attributes

    def attributes(places: dict[str, S3Object]) -> dict[str, str]:
        row = real(places)
        row.pop(output.attribute, None)
        return row

    patch.setattr(outputs, "attributes", attributes)


def forgets_inventory(patch: pytest.MonkeyPatch, output: Output) -> None:
    real = inventory.is_referred_to

    def is_referred_to(job: Job, stored: Any) -> bool:
        of_this = str(stored).endswith(output.file_name("/a.vcf"))
        return real(job, stored) and not of_this

    patch.setattr(inventory, "is_referred_to", is_referred_to)


@EVERY
@pytest.mark.parametrize("forgets", [forgets_upload, forgets_row, forgets_inventory])
def test_the_invariants_name_the_output_that_was_forgotten(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    forgets: Callable[[pytest.MonkeyPatch, Output], None],
    name: str,
) -> None:
    forgets(monkeypatch, OUTPUTS[name])
    found = lost(world, annotated(world))
    assert re.search(rf"\b(its {name} is not in S3|row has no {OUTPUTS[name].attribute})", found)
    assert found.count(";") == 0
