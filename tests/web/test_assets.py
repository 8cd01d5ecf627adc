"""Assets: their addresses, how long browsers keep them, and how they are compressed."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask

from web import assets

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions.md"
VENDORED = re.compile(r"\| `web/static/(vendor/\S+)` .* `([0-9a-f]{64})` \|")
MOST_OWN_BYTES = 45_000
"""All scripts that are not vendored, together."""
PAGE = re.compile(r'(?:href|src)="(/assets/[^"]+)"')


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The script that the upload's script imports has changed, and nothing else."""
    (tmp_path / "vcf.js").write_text("export const changed = true;")
    paths = {**assets.paths(), "vcf.js": tmp_path / "vcf.js"}
    monkeypatch.setattr(assets, "paths", lambda: paths)
    monkeypatch.setattr(assets, "digest", assets.digest.__wrapped__)


def test_all_that_a_page_needs_may_be_kept_for_good(app: Flask) -> None:
    client = app.test_client()
    addresses = PAGE.findall(client.get("/").text)
    assert len(addresses) >= 4
    for address in addresses:
        reply = client.get(address)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["Cache-Control"]
        assert "max-age=31536000" in reply.headers["Cache-Control"]


def test_what_a_script_imports_changes_the_scripts_own_address(
    app: Flask, changed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.test_request_context():
        after = assets.asset_url("upload.js")
        monkeypatch.undo()
        assert assets.asset_url("upload.js") != after


def test_an_old_address_gives_the_asset_of_now_and_is_not_kept(app: Flask) -> None:
    reply = app.test_client().get("/assets/0123456789ab/vcf.js")
    assert reply.data == (assets.FOLDER / "vcf.js").read_bytes()
    assert reply.headers["Cache-Control"] == "no-cache"


def test_text_is_sent_compressed_to_those_who_can_read_it(app: Flask) -> None:
    client = app.test_client()
    address = f"/assets/{assets.digest()}/bootstrap.min.css"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    packed = client.get(address, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) * 5 < len(plain.data)


@pytest.mark.parametrize("name", ["nothing.js", "../app.py", "%2e%2e/app.py", "", "/etc/passwd"])
def test_nothing_but_assets_is_sent(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/assets/{assets.digest()}/{name}").status_code in (404, 308)


def test_vendored_scripts_are_as_published_and_come_with_their_licences() -> None:
    listed = dict(VENDORED.findall(DECISIONS.read_text(encoding="utf-8")))
    there = {name for name in assets.paths() if name.startswith("vendor/")}
    assert {name for name in there if name.endswith(".js")} == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((assets.FOLDER / name).read_bytes()).hexdigest() == digest
        assert f"{name.split('.')[0]}.LICENSE.txt" in there


def test_own_scripts_are_small() -> None:
    own = sum(path.stat().st_size for path in assets.FOLDER.glob("*.js"))
    assert own < MOST_OWN_BYTES
