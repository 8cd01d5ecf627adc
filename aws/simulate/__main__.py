"""`./gas simulate`: the scaling policies of the template against recorded and synthetic loads."""

import argparse
import json
import sys
from pathlib import Path

from aws.simulate import loadfile, observed, plot, reports
from aws.simulate.metrics import DELAY_S, LONGEST_DELAY_S
from aws.simulate.template import TEMPLATE

ABOUT = """\
Simulates CloudWatch alarms and EC2 Auto Scaling, without AWS, in about half a minute.

First it reproduces recorded runs of two groups on AWS, so that you can trust it; then it runs
the policies of the template and those of the origin project on the same loads: 4,000 jobs at
once, steady work, days with peaks, web traffic. The numbers are read from the template, so what is
simulated is what is deployed. Change a copy, simulate it, then deploy it."""
EXAMPLES = """\
examples:
  ./gas simulate                              all tables, as in docs/simulation.md
  ./gas simulate --json | jq .burst           the figures behind them
  ./gas simulate --plot trace.svg             also draw observed against simulated
  ./gas simulate --policy mine.yaml           a template of your own
  ./gas simulate --load jobs.csv --job-seconds 90 --plot mine.svg
                                              your own load, with ours and the origin's policies

A load is a CSV file that begins with the line "minute,jobs" (for the annotators) or
"minute,requests" (for the web), then one line a minute, the first being 0; a minute that is left
out has none. Ratios: drain and wait above 1 mean faster and shorter with the template's policies;
instance-minutes below 1 mean cheaper."""


def main(argv: list[str] | None = None) -> None:
    """Parse, simulate, print; exits with one line where a file cannot be used."""
    args = _parser().parse_args(argv)
    try:
        _simulate(args)
    except (OSError, ValueError) as fault:
        sys.exit(f"gas: {fault}")


def _simulate(args: argparse.Namespace) -> None:
    if args.load is None:
        results = reports.everything(args.policy, args.seed, args.metric_delay)
        panels = observed.panels()
        shown = reports.text(results, args.policy)
        drawn = plot.REPRODUCED
    else:
        file = loadfile.LoadFile(args.load)
        results, panel = loadfile.simulate(
            file, args.policy, args.job_seconds, args.seed, args.metric_delay
        )
        panels, shown = [panel], json.dumps(results, indent=2) + "\n"
        drawn = (panel.title, "The template's policies and the origin's, minute by minute.")
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if args.json else shown)
    if args.plot is not None:
        args.plot.write_text(plot.chart(*drawn, panels))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./gas simulate",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--policy",
        type=Path,
        default=TEMPLATE,
        metavar="FILE",
        help="a CloudFormation template with WebGroup and AnnotatorGroup (aws/stack/template.yaml)",
    )
    add("--load", type=Path, metavar="FILE", help="a load of your own, a CSV file; see below")
    add(
        "--job-seconds",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="mean time of the jobs of --load (60); sets JobSeconds and what goes with it",
    )
    add(
        "--metric-delay",
        type=_delay,
        default=DELAY_S,
        metavar="S",
        help="seconds until the metrics of SQS and of the load balancer can be read (60), to 180",
    )
    add("--seed", type=int, default=1, metavar="N", help="the same seed, the same results (1)")
    add("--json", action="store_true", help="the results as JSON instead of tables")
    add("--plot", type=Path, metavar="FILE.svg", help="also draw the instance counts")
    return parser


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("must lie above 0 and not above a day")
    return seconds


def _delay(value: str) -> float:
    delay_s = float(value)
    if not 0 <= delay_s <= LONGEST_DELAY_S:
        raise argparse.ArgumentTypeError(f"must lie between 0 and {LONGEST_DELAY_S:.0f}")
    return delay_s


if __name__ == "__main__":
    main()
