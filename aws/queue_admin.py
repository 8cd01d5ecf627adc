"""The queues, for operators: depths, dead letters, and sending dead letters back."""

import argparse
import json
import sys
from dataclasses import asdict

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import ConfigError
from aws.events import Depth, Queues
from aws.processes import DAEMONS, TOPICS
from aws.resources import World, connect
from aws.stack import settings

VISIBILITY_S = 60


def depths(queues: Queues) -> list[Depth]:
    """Every queue and its dead-letter queue, in the order of a job's life."""
    return [queues.depth(name + suffix) for name in TOPICS for suffix in ("", "_dlq")]


def redrive(queues: Queues, name: str) -> int:
    """Send every dead letter of `name` back to it, then delete it; return how many there were."""
    moved = 0
    while letters := queues.receive(f"{name}_dlq", 0, VISIBILITY_S, most=10):
        for letter in letters:
            queues.send(name, letter.body)
            queues.delete(letter)
            moved += 1
    return moved


def table(rows: list[Depth]) -> str:
    """The depths as lines of text under one heading."""
    lines = [f"{'queue':<22}{'waiting':>9}{'in flight':>10}{'delayed':>9}  served by"]
    for row in rows:
        served_by = DAEMONS.get(row.name, "./gas redrive")
        counts = f"{row.visible:>9}{row.in_flight:>10}{row.delayed:>9}"
        lines.append(f"{row.name:<22}{counts}  {served_by}")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./gas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser(
        "queues",
        help="depths and dead letters",
        epilog="example: ./gas queues --stack gas",
    )
    show.add_argument("--json", action="store_true", help="one JSON object a queue, as a list")
    back = commands.add_parser(
        "redrive",
        help="send dead letters back, after fixing the cause",
        epilog="example: ./gas redrive job_requests --stack gas",
    )
    back.add_argument("queue", choices=TOPICS)
    settings.add_option(show)
    settings.add_option(back)
    return parser.parse_args()


def _answer(world: World, args: argparse.Namespace) -> str:
    if args.command == "redrive":
        moved = redrive(world.queues, args.queue)
        return f"{moved} dead letter(s) sent back to {args.queue}\n"
    rows = depths(world.queues)
    return json.dumps([asdict(row) for row in rows]) + "\n" if args.json else table(rows)


def main() -> None:
    """The command line: `./gas queues` and `./gas redrive QUEUE`."""
    args = _arguments()
    try:
        sys.stdout.write(_answer(connect(settings.load_of(args.stack)), args))
    except (ConfigError, FileNotFoundError, BotoCoreError, ClientError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
