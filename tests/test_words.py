"""The words of the code: the field's terms, and docstrings that are sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.tree import ROOMS, ROOT, modules, parsed

DIALECT = re.compile(r"\b(told|asked|till|nudges?|strikes?)\b", re.IGNORECASE)
"""Words that stood for a body, a header, arguments, a provider, a reminder, a crash."""
ALLOWED: dict[tuple[str, str], str] = {}
"""Where such a word is the right one, by file and line's text, and why."""
BARE_CLAUSE = re.compile(r"(What|Where|Whether|Who|Whom|How|Why)\b")
DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)


def test_no_private_word_stands_for_what_has_a_name() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for _, path in modules(ROOMS)
        for number, line in lines_of(path)
        if DIALECT.search(line) and (str(path.relative_to(ROOT)), line.strip()) not in ALLOWED
    ]
    assert found == []


def test_every_exception_is_still_needed() -> None:
    gone = [
        (file, line)
        for file, line in ALLOWED
        if line not in {text.strip() for _, text in lines_of(ROOT / file)}
    ]
    assert gone == []


def test_docstrings_are_sentences_and_not_bare_clauses() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for _, path in modules(ROOMS)
        for node in ast.walk(parsed(path))
        if isinstance(node, DOCUMENTED)
        if BARE_CLAUSE.match(text := ast.get_docstring(node) or "")
    ]
    assert found == []
