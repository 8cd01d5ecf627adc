"""The artefact: the same sources give the same bytes, and all that an instance needs is in it."""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from aws.stack import release
from aws.stack.release import FILES, FOLDERS, ROOT, ReleaseError, packed, sources

WHEEL = "pip-1-py3-none-any.whl"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the registry: one small wheel stands for them all."""

    def download(to: Path, machine: str, root: Path) -> None:
        (to / WHEEL).write_bytes(b"a wheel")

    monkeypatch.setattr(release, "download", download)


@pytest.mark.usefixtures("offline")
def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    one = release.build(tmp_path / "one", "x86_64")
    os.utime(ROOT / "config.ini")
    two = release.build(tmp_path / "two", "x86_64")
    assert one.path.name == two.path.name
    assert one.path.read_bytes() == two.path.read_bytes()


@pytest.mark.usefixtures("offline")
def test_the_checksum_beside_it_is_what_sha256sum_checks(tmp_path: Path) -> None:
    artefact = release.build(tmp_path, "x86_64")
    assert hashlib.sha256(artefact.path.read_bytes()).hexdigest() == artefact.sha256
    told = f"{artefact.path.name}.sha256"
    subprocess.run(["sha256sum", "--check", "--quiet", told], cwd=tmp_path, check=True)


@pytest.mark.usefixtures("offline")
def test_it_has_what_an_instance_runs_and_nothing_else(tmp_path: Path) -> None:
    agent = tmp_path / "agent.deb"
    agent.write_bytes(b"an agent")
    artefact = release.build(tmp_path / "build", "x86_64", agent)
    with tarfile.open(artefact.path) as archive:
        modes = {member.name: member.mode for member in archive.getmembers()}
        owners = {(m.uid, m.gid, m.uname) for m in archive.getmembers()}
    assert owners == {(0, 0, "")}
    assert {name.partition("/")[0] for name in modes} <= {*FOLDERS, *FILES, "wheels", "agent"}
    assert modes["gas"] == modes["aws/stack/install.sh"] == 0o755
    assert modes["config.ini"] == 0o644
    assert {f"wheels/{WHEEL}", "agent/agent.deb", "aws/stack/units/gas@.service"} <= modes.keys()
    assert any(name.startswith("ann/references/") for name in modes)
    assert not [name for name in modes if "__pycache__" in name or name.endswith(".pyc")]


def test_every_file_of_the_tree_that_runs_is_a_source() -> None:
    assert {"web/app.py", "aws/consumer.py", "util/sweep.py", "ann/worker.py"} <= sources(
        ROOT
    ).keys()


def test_who_may_execute_is_kept(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    plain = packed({"tool": tool})
    tool.chmod(0o755)
    assert packed({"tool": tool}) != plain


def test_a_wheel_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-thing-of-ours==1 --hash=sha256:00\n")
    with pytest.raises(ReleaseError, match=r"requirements\.txt"):
        release.download(tmp_path, "x86_64", tmp_path)


def test_help_teaches_with_an_example() -> None:
    argv = [sys.executable, "-m", "aws.stack.release", "--help"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "example: ./gas release" in told
