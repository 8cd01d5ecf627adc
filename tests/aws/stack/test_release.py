"""The artefact: the same sources give the same bytes, and all that an instance needs is in it."""

import ast
import hashlib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from aws.processes import PROCESSES
from aws.stack import release
from aws.stack.release import FILES, FOLDERS, ROOT, ReleaseError, packed, sources

WHEEL = "pip-1-py3-none-any.whl"
RUN = re.compile(r'-m"?,? "?([a-z_]+(?:\.[a-z_]+)+)')
"""A module that a script or a process starts by `python -m`."""
PATH = re.compile(r"(?<![\w/.$}])(?:aws|ann|util|vcf|web|docs|tests)/[\w/@.-]*\w")
"""A path of the project, from its root."""
STACK = sorted(
    path
    for path in (ROOT / "aws" / "stack").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)


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


def test_it_has_the_packages_of_every_setting_of_the_template() -> None:
    """PaymentsProvider may be stripe: without its package no instance of the site would start."""
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert "stripe" in pinned


@pytest.mark.usefixtures("offline")
def test_the_checksum_beside_it_is_what_sha256sum_checks(tmp_path: Path) -> None:
    artefact = release.build(tmp_path, "x86_64")
    assert hashlib.sha256(artefact.path.read_bytes()).hexdigest() == artefact.sha256
    checksum = f"{artefact.path.name}.sha256"
    subprocess.run(["sha256sum", "--check", "--quiet", checksum], cwd=tmp_path, check=True)


@pytest.mark.usefixtures("offline")
def test_it_has_what_an_instance_runs_and_nothing_else(tmp_path: Path) -> None:
    agent = tmp_path / "agent.deb"
    agent.write_bytes(b"an agent")
    artefact = release.build(tmp_path / "build", "x86_64", [agent])
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
    assert not [name for name in modes if "simulate" in name or "_load" in name]


def test_what_git_does_not_track_is_not_shipped(tmp_path: Path) -> None:
    for name in ("gas", "web/page.py", "web/static/.DS_Store", "aws/.env", "ann/key.pem"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with pytest.raises(ReleaseError, match="git checkout"):
        sources(tmp_path)
    for command in (["init", "--quiet"], ["add", "gas", "web/page.py"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert sources(tmp_path).keys() == {"gas", "web/page.py"}


def test_every_module_that_an_instance_starts_is_shipped() -> None:
    shipped = sources(ROOT)
    started = {process.module for process in PROCESSES}
    for name in shipped:
        if name.endswith(".py") or name == "aws/stack/install.sh":
            started |= set(RUN.findall((ROOT / name).read_text()))
    assert started > {"web", "aws.stack.references", "ann.forkserver"}
    assert {file_of(f"{module}.__main__") or file_of(module) for module in started} <= set(shipped)


def test_all_that_a_shipped_module_imports_is_shipped() -> None:
    assert unshipped() == []


@pytest.mark.parametrize("folder", ["aws", "vcf"])
def test_a_package_that_is_not_shipped_would_be_noticed(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "FOLDERS", [name for name in FOLDERS if name != folder])
    assert f"{folder}/__init__.py" in {needed for _, needed in unshipped()}


def unshipped() -> list[tuple[str, str]]:
    """The project's files that shipped modules import and the artefact lacks: (module, file)."""
    shipped = sources(ROOT)
    modules = {name: path for name, path in shipped.items() if path.suffix == ".py"}
    return sorted(
        (name, needed)
        for name, path in modules.items()
        for needed in imported(path)
        if needed not in shipped
    )


def imported(path: Path) -> set[str]:
    """The project's files that a module imports, the packages' own `__init__.py` included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    every = {".".join(part[: end + 1]) for part in parts for end in range(len(part))}
    return {file for file in map(file_of, every) if file}


def file_of(module: str) -> str | None:
    """The path of the project's module of this name, None where the project has none."""
    path = module.replace(".", "/")
    candidates = (f"{path}.py", f"{path}/__init__.py")
    return next((name for name in candidates if (ROOT / name).is_file()), None)


@pytest.mark.parametrize("file", STACK, ids=lambda file: file.name)
def test_every_path_that_a_file_of_the_stack_names_is_there(file: Path) -> None:
    named = PATH.findall(file.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_execute_bits_are_kept(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    plain = packed({"tool": tool})
    tool.chmod(0o755)
    assert packed({"tool": tool}) != plain


def test_a_wheel_that_cannot_be_downloaded_is_an_error_that_names_its_list(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-thing-of-ours==1 --hash=sha256:00\n")
    with pytest.raises(ReleaseError, match=r"requirements\.txt"):
        release.download(tmp_path, "x86_64", tmp_path)


def test_help_teaches_with_an_example() -> None:
    argv = [sys.executable, "-m", "aws.stack.release", "--help"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "example: ./gas release" in shown
