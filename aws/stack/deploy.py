"""Puts a release on AWS: uploads it, shows what the stack would change, changes it, rolls out."""

import argparse
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import Config, ConfigError, load
from aws.resources import Clients, Names, clients
from aws.stack import preflight, template
from aws.stack.changes import StackChange, StackError
from aws.stack.plan import DeployError, plan
from aws.stack.rollout import ROLL_OUT, GroupsInService, RollOut
from aws.stack.steps import delete_bucket, fill_secret, make_bucket, protect_tables, upload


class Deployment:
    """One run of `./gas deploy`: show the changes, ask, make them."""

    def __init__(self, config: Config, args: argparse.Namespace) -> None:
        self.config, self.args = config, args
        self.made: Clients = clients(config)
        self.plan = plan(self.made, args)
        self.is_update = self.plan.stack.exists

    def run(self) -> None:
        """Show the plan and its changes; make them unless this is a dry run or the answer is no.

        A dry run asks AWS all the same: CloudFormation makes a change set, and finds in it names
        that are taken and properties that cannot be. Nothing of it stays.
        """
        self._show()
        problems = self._problems()
        if problems and not self.args.dry_run:
            raise DeployError(problems)
        name, changes = self._propose()
        if changes:
            self._list(changes)
        else:
            say("The stack is up to date; instances of an earlier release are replaced.")
        if self.args.dry_run or not self._confirmed():
            self._discard(name if changes else "")
            say("Nothing was changed.")
            if problems:
                raise DeployError(problems)
            return
        if changes:
            self._execute(name)
        self._roll_out(anew=bool(changes))

    def _show(self) -> None:
        built = self.plan
        say(f"{'Update' if self.is_update else 'Create'} the stack {built.stack.name}")
        say(f"  artefact {built.artefact.path.name} -> s3://{built.bucket}/{built.release_key}")
        say(f"  template -> s3://{built.bucket}/{built.template_key}")
        for name, value in sorted(built.effective.items()):
            before = built.stack.parameters.get(name, value)
            say(f"  {name} = {value}" + (f" (was {before})" if before != value else ""))
        for note in built.notes:
            say(f"Note: {note}.")

    def _problems(self) -> str:
        """Whatever would make the change fail, as one text; empty where nothing is known to."""
        parameters, keys = self.plan.effective, self.plan.keys
        ask = preflight.look if self.is_update else preflight.look_before_creation
        if self.plan.stack.is_whole:
            ask = preflight.look_before_update
        found = ask(self.made, parameters)
        of_globus = preflight.globus_client(self.config.globus.issuer, keys)
        problems = [*found.problems, *(one.text for one in of_globus if one.is_problem)]
        for note in [*found.notes, *(one.text for one in of_globus if not one.is_problem)]:
            say(f"Note: {note}.")
        for problem in problems:
            say(f"Problem: {problem}.")
        if not problems:
            return ""
        return "\n  ".join(["this cannot be deployed as it is:", *problems])

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
        s3 = self.made.s3()
        self.made_bucket = make_bucket(s3, built.bucket, self.made.region)
        domain = self.made.client("s3").meta.endpoint_url.rstrip("/")
        url = f"{domain}/{built.bucket}/{built.template_key}"
        try:
            upload(s3, built.bucket, bodies)
            return built.stack.propose(url, built.values, template.parameters(built.template))
        except BaseException:  # an interruption too
            self._discard("")
            raise

    def _discard(self, name: str) -> None:
        """Leave nothing of what was only proposed."""
        if name:
            self.plan.stack.discard(name)
        if self.made_bucket:
            delete_bucket(self.made.s3(), self.plan.bucket)

    def _confirmed(self) -> bool:
        if self.args.yes:
            return True
        if not sys.stdin.isatty():
            say("Cannot ask, standard input is no terminal: run again with --yes to go ahead.")
            return False
        try:
            return input("Go ahead? [y/N] ").strip().lower() == "y"
        except (EOFError, KeyboardInterrupt):
            say("")
            return False

    def _execute(self, name: str) -> None:
        prefix = self.plan.effective["Prefix"]
        if self.plan.effective["ArchiveBackend"] == "vault":
            vault = self.plan.effective["ArchiveVault"]
            self.made.client("glacier").create_vault(vaultName=vault)
        self.plan.stack.execute(name, self._fill_secret, say)
        self._fill_secret()
        protect_tables(self.made.client("dynamodb"), prefix)

    def _roll_out(self, anew: bool) -> None:
        """Replace the earlier release's instances; end when everything is in service."""
        autoscaling, prefix = self.made.client("autoscaling"), self.plan.effective["Prefix"]
        self._fill_secret()
        if self.is_update:
            RollOut(autoscaling, prefix, say).run(anew)
        GroupsInService(autoscaling, self.made.client("elbv2"), prefix, say).wait()
        for output, value in self.plan.stack.outputs.items():
            say(f"  {output}: {value}")
        for note in self.plan.notes:
            say(f"Note: {note}.")
        say(f"See whether all of it works: ./gas smoke --stack {self.plan.stack.name}")
        say("Done.")

    def _fill_secret(self) -> None:
        if self.plan.keys:
            name = Names(self.plan.effective["Prefix"]).secret
            fill_secret(self.made.client("secretsmanager"), name, self.plan.keys)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _add_keys(values: Any) -> None:
    """Add the options of what goes to Secrets Manager."""
    values.add_argument("--globus-client", metavar="ID", help="the site's client at Globus")
    values.add_argument(
        "--globus-secret-file",
        type=Path,
        metavar="FILE",
        help="its secret; goes to Secrets Manager",
    )
    values.add_argument(
        "--stripe-key-file", type=Path, metavar="FILE", help="Stripe's secret key, likewise"
    )
    values.add_argument(
        "--stripe-webhook-key-file",
        type=Path,
        metavar="FILE",
        help="the signing secret of Stripe's webhook, likewise",
    )


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
    _add_keys(values)
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
        Deployment(load(), args).run()
    except (ConfigError, DeployError, StackError, ClientError, BotoCoreError, OSError) as fault:
        sys.exit(f"gas: {fault}")
    except KeyboardInterrupt:
        sys.exit("gas: interrupted; a change that AWS has begun goes on: look, then run this again")


if __name__ == "__main__":
    main()
