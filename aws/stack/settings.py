"""The settings of a deployed stack, for an operator's commands on another machine."""

import argparse
import os
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import Config, ConfigError, load
from aws.resources import clients

PARAMETERS = {
    "Prefix": "GAS_GAS_PREFIX",
    "MailSender": "GAS_MAIL_SENDER",
    "ArchiveBackend": "GAS_ARCHIVE_BACKEND",
    "ArchiveVault": "GAS_ARCHIVE_VAULT",
    "ArchiveAfterSeconds": "GAS_ARCHIVE_AFTER_S",
    "RestoreTier": "GAS_RESTORE_TIER",
}
"""The template's parameters whose settings a command reads, as its instances' tags set them."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add `--stack NAME`."""
    parser.add_argument(
        "--stack",
        metavar="NAME",
        help="the stack on AWS, as ./gas deploy named it; its region is GAS_AWS_REGION's",
    )


def load_of(stack: str | None, env: Mapping[str, str] = os.environ) -> Config:
    """The settings of a stack; those of config.ini where none is named. Raises ConfigError."""
    here = load(env=env)
    if not stack:
        return here
    found = _parameters(clients(here).client("cloudformation"), stack, here.aws.region)
    own = {name: found[parameter] for parameter, name in PARAMETERS.items() if parameter in found}
    return load(env={**env, "GAS_GAS_BASE_URL": f"https://{found['Domain']}", **own})


def _parameters(cloudformation: Any, stack: str, region: str) -> dict[str, str]:
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        if "does not exist" not in str(error):
            raise ConfigError(f"the stack {stack} cannot be read: {error}") from None
        raise ConfigError(
            f"there is no stack {stack} in {region}; GAS_AWS_REGION sets another region"
        ) from None
    return {p["ParameterKey"]: p["ParameterValue"] for p in described.get("Parameters", [])}
