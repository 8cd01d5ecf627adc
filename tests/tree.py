"""The project's modules as data: rooms, files, parsed sources and what they import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("web", "ann", "util", "vcf", "aws", "local", "smoke")
"""The product's packages."""


def modules(rooms: tuple[str, ...] = ROOMS) -> Iterator[tuple[str, Path]]:
    """Each module with its room."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield room, path


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Full names of all imports in a module; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(path: Path) -> str:
    """The name by which a module is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
