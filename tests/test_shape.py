"""The shape of the house: who may import whom, every queue served, every route guarded."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from aws.resources import DAEMONS, TOPICS, World
from tests.web.conftest import site
from web.security import PUBLIC

ROOT = Path(__file__).parent.parent
ROOMS = ("web", "ann", "util", "aws", "local")
MAY_IMPORT = {
    "web": {"web", "aws"},
    "ann": {"ann", "aws"},
    "util": {"util", "aws"},
    "aws": {"aws"},
    "local": {"local", "aws"},
}
MAY_USE_BOTO = ("aws", "local")
MODULES = {"annotator": "ann/annotator.py"}
"""Where a daemon's code is, unless it is util/<daemon>.py."""


def modules() -> Iterator[tuple[str, Path]]:
    """Each room's modules."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield room, path


def imported(path: Path) -> Iterator[str]:
    """The top package of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_arrows_point_at_aws_only() -> None:
    against = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in modules()
        for name in imported(path)
        if name in (*ROOMS, "tests") and name not in MAY_IMPORT[room]
    ]
    assert against == []


def test_boto3_is_imported_in_aws_and_local_only() -> None:
    against = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in modules()
        for name in imported(path)
        if name in ("boto3", "botocore") and room not in MAY_USE_BOTO
    ]
    assert against == []


def test_aws_knows_nothing_of_flask() -> None:
    assert [p for room, p in modules() if room == "aws" and "flask" in imported(p)] == []


@pytest.mark.parametrize("queue", TOPICS)
def test_every_queue_has_a_daemon_that_serves_it(queue: str) -> None:
    daemon = DAEMONS[queue]
    path = ROOT / MODULES.get(daemon, f"util/{daemon}.py")
    assert f'"{queue}"' in path.read_text(encoding="utf-8")


def test_every_command_that_gas_lists_is_one_that_it_runs() -> None:
    text = (ROOT / "gas").read_text(encoding="utf-8")
    listed = {
        line.split()[0]
        for line in text.split("TEXT")[1].splitlines()
        if line.startswith("  ") and line.split()
    }
    known = set(text.split("*) die")[0].replace("|", " ").replace("\\", " ").split())
    assert listed <= known


def test_every_route_asks_for_a_login_unless_it_is_listed_as_public(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = site(world, monkeypatch)
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC or "GET" not in (rule.methods or set()):
            continue
        path = rule.build({name: "x" for name in rule.arguments})[1]  # type: ignore[index]
        reply = client.get(path)
        assert reply.status_code == 302, rule
        assert "/login" in reply.headers["Location"], rule
