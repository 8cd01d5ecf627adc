"""What the documents say is there: links, commands, paths, tests, dependencies, every module."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ROOMS = ("web", "ann", "vcf", "util", "aws", "local", "smoke", "benchmarks")
TOP = (*ROOMS, "docs", "tests", ".ci", ".github")
HIDDEN = {".venv", ".hypothesis", ".pytest_cache", "node_modules", "var", "build"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not HIDDEN & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\s]+)`")
COMMAND = re.compile(r"\./gas ([a-z]+)(?: ([a-z]+)\b)?")
PINNED = re.compile(r"[\w/-]+@v\d+\.\d+\.\d+")
TESTED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FOLDER = re.compile(r"^### `([\w/]+)/`", re.MULTILINE)
FILE = re.compile(r"^\| `([\w./-]+)` \|", re.MULTILINE)
MAPPED = (".py", ".js", ".sh")
"""What docs/components.md has a line for each of; templates and data it names by their folder."""


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def said(pattern: re.Pattern[str]) -> Iterator[tuple[Path, Any]]:
    """What the pages say of a kind, each with its page; the changelog tells of the past."""
    for page in PAGES:
        if page.name != "CHANGELOG.md":
            yield from ((page, found) for found in pattern.findall(page.read_text("utf-8")))


def commands() -> set[str]:
    """The commands that `gas` runs: all that stands before its refusal of the others."""
    accepted = read("gas").split('*) die "no command')[0].rsplit('case "$command" in', 1)[1]
    return set(re.findall(r"[a-z]+", accepted))


def test_every_relative_link_leads_somewhere() -> None:
    links = [(page, link) for page, link in said(LINK) if "://" not in link]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page, link in links
        if not (page.parent / link.partition("#")[0]).exists()
    ]
    assert dead == []


def test_every_command_that_a_page_names_is_one_that_gas_runs() -> None:
    unknown = [f"{page.name}: ./gas {name}" for page, (name, _) in said(COMMAND)]
    assert [line for line in unknown if line.split()[-1] not in commands()] == []


def test_every_benchmark_that_a_page_names_is_there() -> None:
    named = {what for _, (name, what) in said(COMMAND) if name == "bench" and what}
    assert [name for name in sorted(named) if not (ROOT / f"benchmarks/{name}.py").exists()] == []


def is_there(name: str) -> bool:
    """Whether a quoted name, if it is a path or a module, is in the tree."""
    path = name.partition("::")[0]
    if set(path) & set("*<>{}$=:…") or "NAME" in path:
        return True
    if "/" in path:
        return path.split("/")[0] not in TOP or (ROOT / path).exists()
    return not path.endswith(".py") or any(next((ROOT / t).rglob(path), None) for t in TOP)


def test_every_path_that_a_page_quotes_is_there() -> None:
    assert [f"{p.name}: {name}" for p, name in said(QUOTED) if not is_there(name)] == []


def test_every_test_that_a_page_names_is_there() -> None:
    named = {found for _, found in said(TESTED)}
    assert named
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in read(file)] == []


def test_every_file_has_its_line_in_the_map() -> None:
    _, *parts = FOLDER.split(read("docs/components.md"))
    sections = zip(parts[::2], parts[1::2], strict=True)
    mapped = Counter(f"{folder}/{name}" for folder, text in sections for name in FILE.findall(text))
    there = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in MAPPED and path.name != "__init__.py"
    }
    assert sorted(there - set(mapped)) == [], "files without a line in docs/components.md"
    assert sorted(p for p in mapped if not (ROOT / p).exists()) == [], "lines for files not there"
    assert [path for path, count in mapped.items() if count > 1] == [], "files with two lines"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    names = {re.split(r"[\[=<>~]", text)[0] for text in wanted}
    table = read("docs/decisions.md").split("## Choices")[0]
    reasons = set(re.findall(r"[\w-]+", table))
    assert sorted(n for n in names if n not in reasons and not n.startswith("types-")) == []


def test_the_glossary_is_in_order() -> None:
    words = re.findall(r"^\| ([\w -]+) \|", read("docs/glossary.md"), re.MULTILINE)[1:]
    assert words == sorted(words)


def test_the_changelog_begins_with_the_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[0] == version


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(read(".github/workflows/ci.yml"))
    return parsed


def test_ci_runs_the_oldest_and_the_newest_python_that_the_project_is_for(
    workflow: dict[str, Any],
) -> None:
    wanted = tomllib.loads(read("pyproject.toml"))["project"]["requires-python"]
    oldest, below = (int(minor) for minor in re.findall(r"3\.(\d+)", wanted))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == [f"3.{oldest}", f"3.{below - 1}"]


def test_ci_uses_pinned_actions_and_commands_that_are_there(workflow: dict[str, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [s["uses"] for s in steps if "uses" in s and not PINNED.fullmatch(s["uses"])] == []
    runs = [ROOT / step["run"] for step in steps if "run" in step]
    assert runs
    assert [path for path in runs if not path.stat().st_mode & 0o111] == []


def test_the_hooks_before_a_commit_are_commands_of_gas() -> None:
    repos = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    entries = [hook["entry"].split() for repo in repos for hook in repo["hooks"]]
    assert entries
    assert [e for e in entries if e[0] != "./gas" or e[1] not in commands()] == []


def test_updates_of_dependencies_cover_the_packages_and_the_actions() -> None:
    updates = yaml.safe_load(read(".github/dependabot.yml"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "npm", "github-actions"}
