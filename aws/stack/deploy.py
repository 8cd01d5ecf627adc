"""Puts a release on AWS: uploads it, shows what the stack would change, changes it, rolls out."""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import ConfigError, load
from aws.resources import Clients, Names, clients
from aws.stack import template
from aws.stack.changes import StackChange, StackError
from aws.stack.plan import DeployError, plan
from aws.stack.steps import ROLL_OUT, fill_secret, roll_out, upload


class Deployment:
    """One run of `./gas deploy`: show the changes, ask, make them."""

    def __init__(self, made: Clients, args: argparse.Namespace) -> None:
        self.made, self.args = made, args
        self.plan = plan(made, args)
        self.is_update = self.plan.stack.exists

    def run(self) -> None:
        """Show the plan and its changes; make them unless this is a dry run or the answer is no."""
        self._show()
        if self.args.dry_run and not self.is_update:
            made = template.resources(self.plan.template)
            self._list([StackChange("Add", name, kind) for name, kind in made.items()])
            say("Nothing was changed: a dry run.")
            return
        name, changes = self._propose()
        if not changes:
            say("Nothing to change: the stack is up to date.")
            return
        self._list(changes)
        if self.args.dry_run or not self._confirmed():
            self.plan.stack.discard(name)
            say("Nothing was changed.")
            return
        self._execute(name)

    def _show(self) -> None:
        built = self.plan
        say(f"{'Update' if self.is_update else 'Create'} the stack {built.stack.name}")
        say(f"  artefact {built.artefact.path.name} -> s3://{built.bucket}/{built.release_key}")
        say(f"  template -> s3://{built.bucket}/{built.template_key}")
        for name, value in sorted(built.effective.items()):
            before = built.stack.parameters.get(name, value)
            say(f"  {name} = {value}" + (f" (was {before})" if before != value else ""))

    def _list(self, changes: list[StackChange]) -> None:
        say(f"{len(changes)} changes:")
        for change in changes:
            replaced = change.replacement in ("True", "Conditional")
            note = f"  REPLACED: {change.replacement}" if replaced else ""
            say(f"  {change.action:<7} {change.logical_id:<28} {change.type}{note}")

    def _propose(self) -> tuple[str, list[StackChange]]:
        """Propose the changes; a dry run uploads the template's text and nothing else."""
        built = self.plan
        bodies = {built.template_key: built.template.encode()}
        if not self.args.dry_run:
            bodies[built.release_key] = built.artefact.path.read_bytes()
        upload(self.made.s3(), built.bucket, self.made.region, bodies)
        domain = self.made.client("s3").meta.endpoint_url.rstrip("/")
        url = f"{domain}/{built.bucket}/{built.template_key}"
        return built.stack.propose(url, built.values)

    def _confirmed(self) -> bool:
        if self.args.yes:
            return True
        if not sys.stdin.isatty():
            say("Cannot ask, standard input is no terminal: run again with --yes to go ahead.")
            return False
        return input("Go ahead? [y/N] ").strip().lower() == "y"

    def _execute(self, name: str) -> None:
        prefix = self.plan.effective["Prefix"]
        if self.plan.effective["ArchiveBackend"] == "vault":
            vault = self.plan.effective["ArchiveVault"]
            self.made.client("glacier").create_vault(vaultName=vault)
        self.plan.stack.execute(name, lambda: self._fill_secret(prefix))
        if self.is_update:
            groups = roll_out(self.made.client("autoscaling"), prefix)
            say(f"Replacing the instances of {', '.join(groups)}.")
        for output, value in self.plan.stack.outputs.items():
            say(f"  {output}: {value}")
        say("Done.")

    def _fill_secret(self, prefix: str) -> None:
        if self.plan.globus_client:
            secrets = self.made.client("secretsmanager")
            fill_secret(secrets, Names(prefix).secret, self.plan.globus_client)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas deploy",
        description="Upload a release, create or update the CloudFormation stack (its changes are "
        "shown first), and replace the instances of an earlier release. docs/operating.md goes "
        "through a first deployment. The region is [aws] region of config.ini, or GAS_AWS_REGION.",
        epilog="example: ./gas release && ./gas deploy --parameters production.txt --dry-run",
    )
    release = parser.add_argument_group("the release")
    release.add_argument("--stack", default="gas", help="the stack's name (default: gas)")
    release.add_argument("--artefact", type=Path, help="default: the newest in build/")
    release.add_argument("--bucket", help="for releases (default: STACK-releases-ACCOUNT)")
    release.add_argument("--template", type=Path, default=template.TEMPLATE, help=argparse.SUPPRESS)
    values = parser.add_argument_group("parameters; those not given keep their value")
    values.add_argument("--parameters", type=Path, metavar="FILE", help="NAME = VALUE lines")
    values.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one parameter"
    )
    values.add_argument("--globus-client", metavar="ID", help="the site's client at Globus")
    values.add_argument(
        "--globus-secret-file",
        type=Path,
        metavar="FILE",
        help="its secret; goes to Secrets Manager",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="show everything, change nothing")
    how.add_argument("--yes", action="store_true", help="make the changes without asking")
    how.add_argument(
        "--user-data",
        choices=tuple(ROLL_OUT),
        help="print the user-data script of this kind of instance and exit",
    )
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas deploy`."""
    args = _arguments()
    if args.user_data:
        sys.stdout.write(template.user_data(args.user_data))
        return
    try:
        Deployment(clients(load()), args).run()
    except (ConfigError, DeployError, StackError, ClientError, BotoCoreError, OSError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
