"""The plan of a deployment, complete and checked before anything is changed."""

import argparse
import configparser
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aws.config import ArchiveSettings
from aws.resources import Clients
from aws.stack import template
from aws.stack.changes import Stack
from aws.stack.release import ROOT, Artefact


@dataclass(frozen=True)
class GlobusClient:
    """The site's client at Globus, to be stored in the secret."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Plan:
    """The stack, the release and the parameter values of one deployment."""

    stack: Stack
    artefact: Artefact
    template: str
    bucket: str
    values: dict[str, str]
    globus_client: GlobusClient | None

    @property
    def effective(self) -> dict[str, str]:
        """Every parameter's value after the change."""
        known = template.parameters(self.template)
        defaults = {p.name: p.default for p in known.values() if p.default is not None}
        return {**defaults, **self.stack.parameters, **self.values}

    @property
    def release_key(self) -> str:
        return f"releases/{self.artefact.path.name}"

    @property
    def template_key(self) -> str:
        return f"templates/{hashlib.sha256(self.template.encode()).hexdigest()}.yaml"


class DeployError(ValueError):
    """The deployment cannot be planned; the message names what is wrong or missing."""


def plan(made: Clients, args: argparse.Namespace) -> Plan:
    """Check everything that can be checked without a change. Raises DeployError."""
    text = template.rendered(args.template)
    stack = Stack(made.client("cloudformation"), args.stack)
    account = made.client("sts").get_caller_identity()["Account"]
    bucket = args.bucket or f"{args.stack}-releases-{account}"
    artefact = chosen(args.artefact)
    values = {**given(args.parameters, args.set), "ReleaseBucket": bucket}
    values["ReleaseSha256"] = artefact.sha256
    built = Plan(stack, artefact, text, bucket, values, globus_client(args))
    values["ReleaseKey"] = built.release_key
    values["ArchiveQueueDelaySeconds"] = str(archive(built.effective).delay_s)
    _demand(built)
    return built


def archive(parameters: dict[str, str]) -> ArchiveSettings:
    """The [archive] settings that instances will have by the template's `parameters`."""
    after_s = int(parameters["ArchiveAfterSeconds"])
    return ArchiveSettings(parameters["ArchiveBackend"], after_s, parameters["ArchiveVault"])


def _demand(built: Plan) -> None:
    known = template.parameters(built.template)
    unknown = built.values.keys() - known.keys()
    if unknown:
        raise DeployError(f"the template has no parameter {', '.join(sorted(unknown))}")
    missing = [known[name] for name in known if name not in built.effective]
    if missing:
        lines = [f"  {p.name}: {p.description}" for p in missing]
        raise DeployError("\n".join(["these parameters need a value (--set NAME=VALUE):", *lines]))


def given(file: Path | None, settings: list[str]) -> dict[str, str]:
    """The parameters of a file of NAME = VALUE lines, and those of the command line over them."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    if file:
        parser.read_string("[parameters]\n" + file.read_text(encoding="utf-8"), str(file))
    values = dict(parser["parameters"]) if file else {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise DeployError(f"{setting!r} is not NAME=VALUE")
        values[name] = value
    return values


def chosen(path: Path | None) -> Artefact:
    """The artefact named, or the newest in build/, checked against its `.sha256`."""
    built = sorted((ROOT / "build").glob("gas-*.tar.gz"), key=lambda p: p.stat().st_mtime)
    if not path and not built:
        raise DeployError("there is no artefact in build/: run ./gas release first")
    file = path or built[-1]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    expected = file.with_name(f"{file.name}.sha256").read_text(encoding="ascii").split()[0]
    if sha256 != expected:
        raise DeployError(
            f"{file} has changed since ./gas release built it: its checksum differs; build it again"
        )
    return Artefact(file, sha256)


def globus_client(args: argparse.Namespace) -> GlobusClient | None:
    """The Globus client of the command line, None where it names none. Raises DeployError."""
    if not args.globus_client:
        return None
    if not args.globus_secret_file:
        raise DeployError("--globus-client needs --globus-secret-file FILE")
    return GlobusClient(args.globus_client, args.globus_secret_file.read_text("utf-8").strip())
