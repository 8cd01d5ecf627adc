"""The plan of a deployment, complete and checked before anything is changed."""

import argparse
import configparser
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws.config import ArchiveSettings
from aws.resources import Clients
from aws.stack import mail_identity, template
from aws.stack.changes import Stack
from aws.stack.release import ROOT, Artefact

FIXED = ("Prefix", "ArchiveBackend", "ArchiveVault")
"""Parameters that only a creation sets: with others, rows, results and archives are not found."""


@dataclass(frozen=True)
class Plan:
    """The stack, the release and the parameter values of one deployment."""

    stack: Stack
    artefact: Artefact
    template: str
    bucket: str
    values: dict[str, str]
    keys: dict[str, str]
    """Fields of the site's secret."""
    notes: list[str]
    """What the operator must do beside, in words."""

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
    built = Plan(stack, artefact, text, bucket, values, secret_keys(args), [])
    values["ReleaseKey"] = built.release_key
    values["ArchiveQueueDelaySeconds"] = str(archive(built.effective).delay_s)
    _demand(built)
    _demand_fixed(built)
    _demand_keys(built)
    _look_up_identity(built, made.client("sesv2"))
    return built


def _look_up_identity(built: Plan, sesv2: Any) -> None:
    sender = built.effective["MailSender"]
    try:
        found = mail_identity.setting(sesv2, built.stack, sender, built.values)
    except mail_identity.IdentityError as fault:
        raise DeployError(str(fault)) from None
    built.values["MailIdentity"] = found
    built.notes.extend(mail_identity.notes(sesv2, sender))


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


def _demand_fixed(built: Plan) -> None:
    """Refuse a change of what must stay as it was at the creation."""
    for name in FIXED:
        before, after = built.stack.parameters.get(name), built.effective[name]
        unused = name == "ArchiveVault" and built.effective["ArchiveBackend"] == "s3"
        if before is not None and before != after and not unused:
            raise DeployError(
                f"{name} is {before} since the stack was created and cannot become {after}: rows "
                "and archives would be out of reach. Set it back, or make another stack (--stack)"
            )


def _demand_keys(built: Plan) -> None:
    """Refuse to create a site that could not start for want of a key."""
    if built.stack.is_whole and built.effective["PaymentsProvider"] == (
        built.stack.parameters.get("PaymentsProvider", "none")
    ):
        return
    lacking = []
    if not built.stack.is_whole and "globus_client_id" not in built.keys:
        lacking.append("--globus-client ID and --globus-secret-file FILE")
    if built.effective["PaymentsProvider"] == "stripe" and "stripe_key" not in built.keys:
        lacking.append("--stripe-key-file FILE and --stripe-webhook-key-file FILE")
    if lacking:
        raise DeployError(f"the site cannot start without its keys: {' and '.join(lacking)}")


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


def secret_keys(args: argparse.Namespace) -> dict[str, str]:
    """The fields of the site's secret that the command line names. Raises DeployError."""
    keys = {}
    if bool(args.globus_client) != bool(args.globus_secret_file):
        raise DeployError("--globus-client ID and --globus-secret-file FILE go together")
    if bool(args.stripe_key_file) != bool(args.stripe_webhook_key_file):
        raise DeployError("--stripe-key-file and --stripe-webhook-key-file FILE go together")
    if args.globus_client:
        keys["globus_client_id"] = args.globus_client
        keys["globus_client_secret"] = _first_line(args.globus_secret_file)
    if args.stripe_key_file:
        keys["stripe_key"] = _first_line(args.stripe_key_file)
        keys["stripe_webhook_key"] = _first_line(args.stripe_webhook_key_file)
    return keys


def _first_line(file: Path) -> str:
    text = file.read_text("utf-8").strip()
    if not text or "\n" in text:
        raise DeployError(f"{file} must hold one line, the key")
    return text
