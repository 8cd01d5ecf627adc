"""The annotators' copies of operators' references: verified, whole, fetched once."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from ann.references import BUNDLED, installed
from aws.resources import World
from aws.stack.references import fetch_all

FILES = {"g.fa": b">c1\nACGT\n", "known/clinvar.parquet": b"PAR1"}


def described(name: str = "Tiny", **changes: object) -> dict[str, object]:
    files = {
        file: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for file, body in FILES.items()
    }
    return {"name": name, "title": name, "files": files} | changes


def upload(world: World, name: str = "Tiny", **changes: object) -> None:
    """Put a reference of two files into the bucket."""
    bucket = world.files.references
    for file, body in FILES.items():
        world.files.write(bucket, f"{name}/{file}", body)
    body = json.dumps(described(name, **changes)).encode()
    world.files.write(bucket, f"{name}/reference.json", body)


def test_a_reference_is_fetched_whole(world: World, tmp_path: Path) -> None:
    upload(world)
    assert list(fetch_all(world.files, tmp_path / "refs")) == ["Tiny"]
    folder = tmp_path / "refs" / "Tiny"
    assert {f: (folder / f).read_bytes() for f in FILES} == FILES
    assert json.loads((folder / "reference.json").read_text()) == described()
    assert [p.name for p in (tmp_path / "refs").iterdir()] == ["Tiny"]


def test_what_is_here_is_not_fetched_again(world: World, tmp_path: Path) -> None:
    upload(world)
    list(fetch_all(world.files, tmp_path))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    report = json.dumps(described(), indent=1).encode()  # as an annotator publishes it
    world.files.write(world.files.references, "Tiny/reference.json", report)
    assert list(fetch_all(world.files, tmp_path)) == ["Tiny"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_a_changed_reference_replaces_the_old_one(world: World, tmp_path: Path) -> None:
    upload(world, version="1")
    list(fetch_all(world.files, tmp_path))
    (tmp_path / "Tiny" / "left over").write_bytes(b"")
    upload(world, version="2")
    assert list(fetch_all(world.files, tmp_path)) == ["Tiny"]
    assert json.loads((tmp_path / "Tiny" / "reference.json").read_text())["version"] == "2"
    assert not (tmp_path / "Tiny" / "left over").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": {}}, "lists no files"),
        ({"files": []}, "lists no files"),
        ({"files": {"g.fa": 3}}, "no size and SHA-256 for 'g.fa'"),
        ({"files": {"../evil": {"bytes": 1, "sha256": ""}}}, "no file of it"),
        ({"files": {"/evil": {"bytes": 1, "sha256": ""}}}, "no file of it"),
        ({"files": {"g.fa": {"bytes": 9, "sha256": "0"}}}, "g.fa differs"),
        ({"files": {"g.fa": {"bytes": 3, "sha256": "0"}}}, "g.fa differs"),
        ({"files": {"gone.fa": {"bytes": 3, "sha256": "0"}}}, "gone.fa"),
    ],
)
def test_a_broken_reference_is_left_out_and_stops_no_other(
    world: World,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
    words: str,
) -> None:
    upload(world, "A-broken", **changes)
    upload(world, "Tiny")
    assert list(fetch_all(world.files, tmp_path / "refs")) == ["Tiny"]
    assert words in caplog.text
    assert not (tmp_path / "refs" / "A-broken").exists()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_an_unreadable_description_stops_no_other(
    world: World, tmp_path: Path, body: bytes
) -> None:
    upload(world, "A-broken")
    world.files.write(world.files.references, "A-broken/reference.json", body)
    upload(world, "Tiny")
    assert list(fetch_all(world.files, tmp_path)) == ["Tiny"]


def test_a_broken_copy_leaves_the_one_in_use(world: World, tmp_path: Path) -> None:
    upload(world)
    list(fetch_all(world.files, tmp_path))
    world.files.write(world.files.references, "Tiny/g.fa", b">c1\nGGGG\n")
    upload_description = json.dumps(described(version="2")).encode()
    world.files.write(world.files.references, "Tiny/reference.json", upload_description)
    assert list(fetch_all(world.files, tmp_path)) == []
    assert (tmp_path / "Tiny" / "g.fa").read_bytes() == FILES["g.fa"]


def test_what_a_killed_attempt_left_is_cleared(world: World, tmp_path: Path) -> None:
    upload(world)
    (tmp_path / ".fetching-Tiny").mkdir()
    (tmp_path / ".fetching-Tiny" / "junk").write_bytes(b"x")
    list(fetch_all(world.files, tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["Tiny"]
    assert not (tmp_path / "Tiny" / "junk").exists()


def test_reports_and_strange_names_are_no_references(world: World, tmp_path: Path) -> None:
    world.files.write(world.files.references, "rCRS/reference.json", b"{}")
    upload(world, ".hidden")
    assert list(fetch_all(world.files, tmp_path)) == []


def test_a_real_reference_comes_through(world: World, tmp_path: Path) -> None:
    """Annotators fetch and load the references that the catalogue makes."""
    made = tmp_path / "made" / "copy"
    shutil.copytree(BUNDLED / "rCRS", made)
    description = json.loads((made / "reference.json").read_text()) | {"name": "copy"}
    (made / "reference.json").write_text(json.dumps(description))
    for path in made.rglob("*"):
        if path.is_file():
            key = f"copy/{path.relative_to(made).as_posix()}"
            world.files.write(world.files.references, key, path.read_bytes())
    assert list(fetch_all(world.files, tmp_path / "refs")) == ["copy"]
    assert [r.name for r in installed(tmp_path / "refs")] == ["rCRS", "copy"]
