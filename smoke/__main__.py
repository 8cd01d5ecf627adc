"""`./gas smoke`: the check of a whole deployment, by the path of a browser."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence

from aws.config import ConfigError
from aws.resources import clients
from aws.stack import settings
from aws.stack.changes import Stack, StackError
from local.addresses import free_port
from local.errors import UpError
from local.service import LocalService, aws_of
from smoke import report
from smoke.catalogue import CHECKS, RESUMED, of_level
from smoke.checks import Check, CheckResult, Level, run_checks, with_needs
from smoke.logs import CloudWatchLog, FileLog
from smoke.target import Patience, SmokeRun, Target

LOCAL = {
    "GAS_ARCHIVE_AFTER_S": "8",
    "GAS_SWEEP_EVERY_S": "2",
    "GAS_SWEEP_GRACE_S": "2",
    "GAS_RESTORE_PATIENCE_S": "600",
}
"""Shorter times for a world that is made to be looked at; a restore must announce itself."""
LOCAL_PATIENCE = Patience(job_s=180, mail_s=180, archive_s=180, restore_s=180, sweep_s=180)
EXPLAINED = """
What is checked, in this order (needs in brackets; --only NAME runs one and what it needs):
{}

Without an option: all but the last three, about 12 minutes and 0.01 USD. --quick ends with the
mail, in about 2 minutes. --scale adds load and terminates an annotator, 20 minutes more and
0.05 USD; run it before people come. What cannot be looked at is skipped, with the reason.

The run makes an account of its own (smoke-...), by the operator's rights to the accounts table and
to the site's secret. Whatever happens, it deletes all files at the end; empty rows stay, for
messages about them may be on their way.

exit codes: 0 all passed or were skipped; 1 something failed; 2 the command line is wrong
example: ./gas smoke --local
         ./gas smoke --stack gas --quick
         ./gas smoke --stack gas --only restore
         ./gas smoke --stack gas --json > today.json
"""


@contextlib.contextmanager
def local_target() -> Iterator[Target]:
    """A private world on free ports, gone afterwards."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        service = LocalService(free_port(), None, None, log, LOCAL)
        try:
            service.start()
            with aws_of(service.env):
                yield of_service(service)
        except UpError as fault:
            log.seek(0)
            raise UpError(f"{fault}\n{log.read()[-4000:]}") from None
        finally:
            service.stop()


def of_service(service: LocalService, patience: Patience = LOCAL_PATIENCE) -> Target:
    """A local world as a target."""
    return Target(service.config(), service.url, FileLog(service.out.descriptor), patience)


def stack_target(name: str) -> Target:
    """A deployed stack as a target. Raises ConfigError or StackError."""
    config = settings.load_of(name)
    made = clients(config)
    stack = Stack(made.client("cloudformation"), name)
    log = CloudWatchLog(made.client("logs"), config.gas.prefix)
    return Target(config, config.gas.base_url, log, stack=stack)


def look(
    target: Target, checks: Sequence[Check], keep: bool, is_quiet: bool, job_id: str = ""
) -> list[CheckResult]:
    """Run the checks; afterwards delete what the run has made, unless it is to be kept."""
    run = _resumed(target, job_id) if job_id else SmokeRun(target, f"smoke-{uuid.uuid4()}")
    try:
        return run_checks(
            checks, run, lambda result: None if is_quiet else _say(report.line(result))
        )
    finally:
        _leave(run, keep or run.keeps)


def _leave(run: SmokeRun, keep: bool) -> None:
    """Clean up, and say so; what cannot be cleaned up is named, and hides no result."""
    if keep:
        _note(f"kept: account {run.user_id}, job {run.job_id}")
        return
    try:
        _note(f"cleaned up: the files of {run.clean_up()} job(s) are deleted")
    except BaseException as fault:
        _note(f"not cleaned up: {fault}\nleft: account {run.user_id}, its jobs and their files")
        if not isinstance(fault, Exception):  # a second signal
            raise


def _resumed(target: Target, job_id: str) -> SmokeRun:
    """An earlier run's account and job. Raises ConfigError for a job of anybody else."""
    run = SmokeRun(target, "")
    run.job_id = job_id
    try:
        job = run.job()
    except KeyError:
        raise ConfigError(f"there is no job {job_id}") from None
    if not job.user_id.startswith("smoke-"):
        raise ConfigError(f"the job {job_id} is none of a smoke run")
    run.user_id, run.sha256 = job.user_id, job.result_sha256 or ""
    return run


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _explained() -> str:
    lines = []
    for check in CHECKS:
        needs = f" [{', '.join(check.needs)}]" if check.needs else ""
        lines.append(f"  {check.name:<11}{check.truth}{needs}")
    return EXPLAINED.format("\n".join(lines))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./gas smoke",
        description="Look whether a whole deployment works: the path of a browser from the login "
        "to the download, a job's life to the archive and back, and what an operator relies on.",
        epilog=_explained(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--stack", metavar="NAME", help="the stack, as ./gas deploy named it")
    where.add_argument("--local", action="store_true", help="a private world on this machine")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="to the mail, no further")
    how.add_argument("--scale", action="store_true", help="with load, and a lost annotator")
    how.add_argument(
        "--only", metavar="NAME", action="append", choices=[c.name for c in CHECKS], help="a check"
    )
    how.add_argument("--resume", metavar="JOB", help="see whether an earlier run's result is back")
    parser.add_argument("--keep", action="store_true", help="do not delete what the run makes")
    parser.add_argument("--json", action="store_true", help="one JSON object, at the end")
    return parser.parse_args()


def _chosen(args: argparse.Namespace) -> list[Check]:
    if args.resume:
        return [RESUMED]
    if args.only:
        return with_needs(CHECKS, args.only)
    return of_level(Level.QUICK if args.quick else Level.SCALE if args.scale else Level.FULL)


def main() -> None:
    """The command line: `./gas smoke`; exits 0 where nothing failed."""
    args = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: sys.exit("gas: stopped"))
    began = time.monotonic()
    target = contextlib.nullcontext(None) if args.stack else local_target()
    try:
        with target as world:
            results = look(
                world or stack_target(args.stack),
                _chosen(args),
                args.keep,
                args.json,
                args.resume or "",
            )
    except (ConfigError, StackError, UpError) as fault:
        sys.exit(f"gas: {fault}")
    except KeyboardInterrupt:
        sys.exit("gas: interrupted")
    seconds = time.monotonic() - began
    _say((report.document if args.json else report.summary)(results, seconds))
    sys.exit(0 if report.is_good(results) else 1)


if __name__ == "__main__":
    main()
