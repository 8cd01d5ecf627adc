"""The lists of pinned packages: what pip's hash mode and pip-audit ask of them."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTS = [*sorted(ROOT.glob("requirements*.txt")), ROOT / "aws/stack/pip.txt"]
PIN = re.compile(
    r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9, -]+\])?==[\w.!+]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+"
)


def entries(path: Path) -> list[str]:
    """The entries of a list, each on one line, without comments."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_its_hashes(path: Path) -> None:
    """No ranges, URLs, files, indexes or options: `pip-audit --disable-pip` reads just this."""
    found = entries(path)
    assert found
    assert [entry for entry in found if not PIN.fullmatch(entry)] == []


def test_packages_of_npm_are_pinned_with_their_digests_and_name_no_host() -> None:
    folder = ROOT / "tests/browser"
    wanted = json.loads((folder / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
    lock = json.loads((folder / "package-lock.json").read_text())
    _, *packages = lock["packages"].values()
    assert packages
    assert [p for p in packages if not p["integrity"].startswith("sha512-")] == []
    assert [p for p in packages if "resolved" in p] == []


def test_the_audit_reads_every_list() -> None:
    script = (ROOT / ".ci/audit").read_text(encoding="utf-8")
    assert [str(p.relative_to(ROOT)) for p in LISTS if str(p.relative_to(ROOT)) not in script] == []
