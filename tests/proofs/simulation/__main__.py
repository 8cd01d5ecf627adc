"""Runs all daemons in one process, in simulated time, over an AWS in memory that fails."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator

from tests.proofs.simulation.explore import Tally, explore_all, explore_for
from tests.proofs.simulation.mends import SWITCHES, switched_off
from tests.proofs.simulation.plan import Plan
from tests.proofs.simulation.rules import MAX_SEEDS, find_all, record
from tests.proofs.simulation.run import run
from tests.proofs.simulation.shrink import shrink
from tests.proofs.simulation.story import story

ABOUT = """\
The daemons' own loops and handlers run here in simulated time, over lean models of DynamoDB, S3,
SNS, SQS, SES and Glacier. A seed decides everything: what people do, whose clock is wrong (up to
90 s), how far indexes lag behind, which of the waiting daemons goes on, and where up to three
faults happen: a process dies or is frozen at a call, a request or a reply is lost and the call
repeated, a service is away, messages are lost or come twice, bytes arrive damaged, a clock jumps.
Then the world comes to rest, and every invariant is checked; some are checked at each write.

A seed's faults are put where the seeds before it in its block of 500 have been least: steered by
the calls, by the states of the jobs at them, and by the faults that preceded. The same seed is
the same run on every machine. One that fails is made smaller, and printed as a story with its
plan. Exits 0 only when every invariant held (with --rules: when every rule was missed)."""
EXAMPLES = """\
examples:
  ./gas faults                         1,000 seeds, a few minutes
  ./gas faults --from 4000 --seeds 1   one seed once more
  ./gas faults --hours 8               as many as fit, from seed 0 on
  ./gas faults --rules                 each rule of docs/processes.md off: is it noticed?
  ./gas faults --without '4 commit before delete'
                                       one of them, told as a story"""
STORIES = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas faults",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=MAX_SEEDS, metavar="N", help="how many")
    parser.add_argument("--from", type=int, default=0, metavar="SEED", dest="first", help="first")
    parser.add_argument("--hours", type=float, metavar="H", help="for so long, instead of --seeds")
    parser.add_argument("--plan", metavar="JSON", help="run one plan, as a story ends with it")
    parser.add_argument("--processes", type=int, metavar="N", help="default: one a processor")
    parser.add_argument(
        "--rules", action="store_true", help="switch off each rule in turn, until it is noticed"
    )
    parser.add_argument(
        "--without",
        action="append",
        choices=list(SWITCHES),
        metavar="RULE",
        help="the same with this rule only, by its name in the table of docs/faults.md",
    )
    parser.add_argument(
        "--record", action="store_true", help="keep what was found for CI (found.json)"
    )
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas faults`."""
    args = _arguments()
    logging.disable(logging.CRITICAL)
    if args.plan:
        sys.exit(replay(Plan.parse(args.plan), args.without))
    if args.rules or args.without:
        sys.exit(rules(args))
    if args.hours:
        sys.exit(report(explore_for(args.first, args.hours, args.processes)))
    sys.exit(report(explore_all(args.first, args.seeds, args.processes)))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def replay(plan: Plan, without: list[str] | None) -> int:
    """Run one plan, without these rules, and tell its story; 1 where it violates an invariant."""
    outcome = run(plan, switched_off(without) if without else None)
    say(story(plan.seed, outcome))
    return int(bool(outcome.violations))


def report(tallies: Iterator[Tally]) -> int:
    """Print progress, the first failures as stories, and the figures; 1 where there were any."""
    total, began = Tally(), time.monotonic()
    for tally in tallies:
        for failure in tally.failures[: STORIES - len(total.failures)]:
            say(story(failure.seed, shrink(run(Plan.parse(failure.plan)))))
        total.add(tally)
        took = time.monotonic() - began
        say(
            f"{total.runs:,} runs in {took:.0f} s, {len(total.failures)} failed, "
            f"{len(total.covered):,} calls by state and preceding faults"
        )
    _print_figures(total)
    return int(bool(total.failures))


def _print_figures(total: Tally) -> None:
    by_faults = ", ".join(f"{number}: {runs:,}" for number, runs in sorted(total.faults.items()))
    by_kind = ", ".join(f"{kind}: {count:,}" for kind, count in total.kinds.most_common())
    say(f"jobs {total.jobs:,}, calls {total.calls:,}, days {total.simulated_s / 86_400:,.0f}")
    say(f"runs by number of faults: {by_faults}")
    say(f"faults: {by_kind}")
    if total.failures:
        say("failed: " + ", ".join(f"{f.seed} ({'/'.join(f.kinds)})" for f in total.failures))


def rules(args: argparse.Namespace) -> int:
    """Print for each rule which seed noticed that it was off; 1 where none did."""
    wanted, missed = args.without or list(SWITCHES), 0
    say("| switched off | seed that noticed | by |\n|---|---|---|")
    for rule, found in find_all(wanted, args.first, args.seeds, args.processes):
        if found is None:
            missed += 1
            say(f"| {rule} | none of {args.seeds:,} | |")
            continue
        if args.record:
            record(found)
        say(f"| {rule} | {found.seed} | {', '.join(sorted(found.outcome.kinds))} |")
        if args.without:
            say(story(found.seed, found.outcome) + f" --without '{rule}'")
    return int(bool(missed))


if __name__ == "__main__":
    main()
