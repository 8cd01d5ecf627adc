"""The CloudFormation template as it is deployed: with the instances' user data written into it."""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TEMPLATE = HERE / "template.yaml"
SOURCE = '. "$(dirname "$0")/boot.sh"\n'
SLOT = re.compile(r"^(?P<indent> *)Fn::Base64: file://(?P<file>[a-z_]+\.sh)$", re.MULTILINE)
ENTRY = re.compile(r"^  (\w+):\n", re.MULTILINE)
FIELD = re.compile(r"^    (\w+): (.+)$", re.MULTILINE)
MAX_USER_DATA_BYTES = 16384
"""EC2's limit, before base64."""


def user_data(kind: str) -> str:
    """One self-contained script for a `web`, `annotator` or `util` instance."""
    script = (HERE / f"user_data_{kind}.sh").read_text(encoding="utf-8")
    first, found, last = script.partition(SOURCE)
    if not found:
        raise ValueError(f"user_data_{kind}.sh does not source boot.sh")
    text = first + (HERE / "boot.sh").read_text(encoding="utf-8") + last
    if len(text.encode()) > MAX_USER_DATA_BYTES:
        raise ValueError(f"the user data of {kind} is larger than {MAX_USER_DATA_BYTES} bytes")
    return text


def rendered(path: Path = TEMPLATE) -> str:
    """The template's text with each `file://user_data_<kind>.sh` replaced by that user data."""
    return SLOT.sub(_filled, path.read_text(encoding="utf-8"))


def _filled(slot: re.Match[str]) -> str:
    kind = slot["file"].removeprefix("user_data_").removesuffix(".sh")
    indent = slot["indent"]
    lines = [f"{indent}  {line}".rstrip() for line in user_data(kind).splitlines()]
    return "\n".join([f"{indent}Fn::Base64: |", *lines])


@dataclass(frozen=True)
class Parameter:
    """A parameter of the template; `default` is None where a value must be given."""

    name: str
    default: str | None
    description: str


def parameters(text: str) -> dict[str, Parameter]:
    """The template's parameters by name; relies on its layout of two spaces a level."""
    found = {}
    for name, body in _entries(text, "Parameters"):
        fields = dict(FIELD.findall(body))
        default = fields.get("Default")
        value = None if default is None else default.strip('"')
        found[name] = Parameter(name, value, fields.get("Description", ""))
    return found


def resources(text: str) -> dict[str, str]:
    """The type of each resource by its logical id."""
    return {name: dict(FIELD.findall(body))["Type"] for name, body in _entries(text, "Resources")}


def _entries(text: str, section: str) -> list[tuple[str, str]]:
    body = re.split(r"^\S", text.partition(f"\n{section}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    parts = ENTRY.split(body)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))
