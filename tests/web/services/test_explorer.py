"""Tables opened, evicted, too large, and queries that take too long, as their readers see it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from aws.resources import World
from aws.storage.stored import S3Object
from tests import builders
from tests.web import parquet
from tests.web.browser import Person
from tests.web.parquet import variant
from web import context
from web.services import bundled
from web.services.explorer import REMEMBERED, Explorer
from web.services.parquet_engine import ParquetEngine, Row
from web.services.reference_files import ReferenceFiles
from web.services.references import OfferedReference
from web.services.view import View

MB = 1_000_000


def put(world: World, stored: S3Object, folder: Path, rows: int = 3) -> None:
    """Store a table of so many variants as this object."""
    path = parquet.write(folder / "made.parquet", [variant(n, pos=n + 1) for n in range(rows)])
    world.files.write(stored.bucket, stored.key, path.read_bytes())


def test_a_table_whose_copy_has_just_been_deleted_is_fetched_again(
    world: World, tmp_path: Path
) -> None:
    stored = S3Object(world.files.results, "web/u/evicted~1/v.parquet")
    put(world, stored, tmp_path)
    table = Explorer(world.files, tmp_path / "copies", MB).open(stored)
    view = View.parse(MultiDict(), table.schema)
    for rows in (
        lambda: table.page(view).rows,
        lambda: table.records(view),
        lambda: "".join(table.tsv(view)).splitlines()[1:],
    ):
        table.path.unlink()
        assert len(rows()) == 3
        assert table.path.exists()


class Evicting(ParquetEngine):
    """An engine before whose first query another process deletes all copies."""

    has_queried = False

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[Row]:
        for copy in self.folders[0].iterdir():
            if not self.has_queried:
                copy.unlink()
        self.has_queried = True
        return super().rows(query, parameters)


def test_genes_whose_copy_has_just_been_deleted_are_fetched_again(
    world: World, tmp_path: Path
) -> None:
    genes = (bundled.FOLDER / "genes.parquet").read_bytes()
    world.files.write(world.files.references, "evicted/genes.parquet", genes)
    explorer = Explorer(world.files, tmp_path, MB)
    explorer.engine = Evicting(tmp_path)
    reference = OfferedReference("evicted", "", fasta="rCRS.fa", genes="genes.parquet")
    found = ReferenceFiles(world.files, [], explorer).genes(reference, "MT", 3240, 3250, 9)
    assert [row[1] for row in found] == ["MT-TL1"]


def test_facts_of_so_many_tables_are_remembered_and_no_more(world: World, tmp_path: Path) -> None:
    explorer = Explorer(world.files, tmp_path, MB)
    made: list[int] = []
    for number in (*range(REMEMBERED), 0, REMEMBERED, 0, 1):
        explorer.remembered(number, lambda number=number: made.append(number))
    assert made == [*range(REMEMBERED), REMEMBERED, 1]


def test_a_table_without_room_here_is_offered_as_a_download(
    app: Flask, ada: Person, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.completed(world, ada)
    put(world, job.outputs["variants"], tmp_path)
    copies = app.extensions[context.KEY].explorer.copies
    monkeypatch.setattr(copies, "max_bytes", 100)
    reply = ada.get(f"/annotations/{job.job_id}/variants")
    assert (reply.status_code, "Download the Parquet file" in reply.text) == (413, True)


def test_a_query_that_takes_too_long_is_a_page_with_words(
    app: Flask, ada: Person, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = builders.completed(world, ada)
    put(world, job.outputs["variants"], tmp_path)
    explorer: Explorer = app.extensions[context.KEY].explorer
    address = f"/annotations/{job.job_id}/variants"
    assert ada.get(address).status_code == 200
    busy = ParquetEngine(*explorer.engine.folders, timeout_s=0.01)
    busy._places.acquire()
    while busy._places.acquire(blocking=False):
        pass
    monkeypatch.setattr(explorer, "engine", busy)
    reply = ada.get(f"{address}?gene=A")
    assert (reply.status_code, "Narrow it down" in reply.text) == (503, True)
