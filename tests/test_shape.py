"""The shape of the house: who may import whom, every queue served, every route guarded."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from aws.processes import PROCESSES, GasProcess
from aws.resources import World
from tests.tree import ROOMS, ROOT, dotted, imported, modules, parsed
from tests.web.conftest import site
from web.security import PUBLIC

MAY_IMPORT = {
    "web": {"web", "aws", "vcf"},
    "ann": {"ann", "aws", "vcf"},
    "util": {"util", "aws"},
    "vcf": {"vcf"},
    "aws": {"aws"},
    "local": set(ROOMS) - {"smoke"},
    "smoke": set(ROOMS),
    "benchmarks": {*ROOMS, "benchmarks"},
}
MAY_USE_BOTO = ("aws", "local")


def against(path: Path, name: str) -> str:
    return f"{path.relative_to(ROOT)} imports {name}"


def test_arrows_point_at_aws_and_vcf_only() -> None:
    faults = [
        against(path, name)
        for room, path in modules(tuple(MAY_IMPORT))
        for name in imported(path)
        if (top := name.partition(".")[0]) in (*MAY_IMPORT, "tests") and top not in MAY_IMPORT[room]
    ]
    assert faults == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The names along the first circle of a graph; empty where there is none."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for neighbour in sorted(graph.get(name, ())):
            if found := visit(neighbour, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_a_circle_is_found_wherever_one_enters_it() -> None:
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    known = {dotted(path): path for _, path in modules()}
    graph = {name: set(imported(path)) & known.keys() - {name} for name, path in known.items()}
    assert circle(graph) == []


def test_no_module_is_imported_by_a_name_in_a_string() -> None:
    assert [against(p, "importlib") for _, p in modules() if "importlib" in imported(p)] == []


def test_boto3_is_imported_in_aws_and_local_only() -> None:
    faults = [
        against(path, name)
        for room, path in modules((*ROOMS, "benchmarks"))
        for name in imported(path)
        if name.partition(".")[0] in ("boto3", "botocore") and room not in MAY_USE_BOTO
    ]
    assert faults == []


def test_aws_knows_nothing_of_flask() -> None:
    assert [p for room, p in modules() if room == "aws" and "flask" in imported(p)] == []


def test_a_class_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for _, path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path.relative_to(ROOT)))
    doubled = {name: paths for name, paths in homes.items() if len(paths) > 1}
    done = tuple(f"{room}/" for room in ROOMS)
    assert {n: p for n, p in doubled.items() if any(path.startswith(done) for path in p)} == {}


@pytest.mark.parametrize("process", [p for p in PROCESSES if p.queue], ids=lambda p: p.name)
def test_every_queue_has_a_daemon_that_serves_it(process: GasProcess) -> None:
    path = ROOT / f"{process.module.replace('.', '/')}.py"
    assert f'"{process.queue}"' in path.read_text(encoding="utf-8")


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
        path = rule.build({name: "1" for name in rule.arguments})[1]  # type: ignore[index]
        reply = client.get(path)
        assert reply.status_code == 302, rule
        assert "/login" in reply.headers["Location"], rule
