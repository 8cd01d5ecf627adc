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
from aws.rows.inventories import STORES, Inventories
from aws.rows.job import Refused
from aws.stack import settings

VISIBILITY_S = 60
WAIT_S = 5
"""A long poll asks all of a queue's servers; without one SQS asks a sample of them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""
EMPTY_POLLS = 3
"""Polls in a row that find nothing, although the queue counts messages, before it is left."""
GIVEN_UP, INVENTORY = "given_up", "inventory"
"""What is redriven besides dead letters: rows, and an inventory that is held."""


def depths(queues: Queues) -> list[Depth]:
    """Every queue and its dead-letter queue, in the order of a job's life."""
    return [queues.depth(name + suffix) for name in TOPICS for suffix in ("", "_dlq")]


def waiting_for_the_operator(world: World) -> list[Depth]:
    """The rows whose work was given up, and the stores whose inventory is held, as depths."""
    rows = sum(1 for _ in world.jobs.given_up()) + sum(1 for _ in world.accounts.given_up())
    memory = Inventories(world.accounts.table)
    held = sum(memory.get(store).held for store in STORES)
    return [Depth(GIVEN_UP, rows, 0, 0), Depth(INVENTORY, held, 0, 0)]


def redrive(queues: Queues, name: str) -> tuple[int, int]:
    """Send every dead letter of `name` back to it, then delete it; return how many, and the rest.

    It ends when the queue is empty, or gives out no more: what is left is in another's hands.
    """
    moved = empty = 0
    while empty < EMPTY_POLLS:
        letters = queues.receive(f"{name}_dlq", WAIT_S, VISIBILITY_S, most=10)
        for letter in letters:
            queues.send(name, letter.body)
            queues.delete(letter)
        moved += len(letters)
        empty = 0 if letters else empty + 1
        left = queues.depth(f"{name}_dlq")
        if not letters and not left.visible:
            break
    return moved, left.visible + left.in_flight


def resume(world: World) -> int:
    """Have everything tried again that was given up; return how many rows."""
    jobs = sum(_is_resumed(world, job.job_id) for job in world.jobs.given_up())
    accounts = [world.accounts.resume(one.user_id) for one in world.accounts.given_up()]
    return jobs + len(accounts)


def _is_resumed(world: World, job_id: str) -> bool:
    """False for a row that the index shows as it was: somebody has had it tried again since."""
    try:
        world.jobs.resume(job_id)
    except Refused:
        return False
    return True


def go_on(world: World) -> int:
    """Let every inventory that is held delete what it finds; return how many."""
    memory = Inventories(world.accounts.table)
    return sum(memory.go_on(store) for store in STORES)


def table(rows: list[Depth]) -> str:
    """The depths as lines of text under one heading."""
    lines = [f"{'queue':<22}{'waiting':>9}{'in flight':>10}{'delayed':>9}  served by"]
    for row in rows:
        served_by = DAEMONS.get(row.name, f"./gas redrive {row.name.removesuffix('_dlq')}")
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
        help="send dead letters back, or go on with what was given up, after fixing the cause",
        epilog="example: ./gas redrive job_requests --stack gas",
    )
    back.add_argument(
        "queue",
        choices=(*TOPICS, GIVEN_UP, INVENTORY),
        help="a queue; given_up: rows whose work was retried in vain; inventory: one that is held",
    )
    settings.add_option(show)
    settings.add_option(back)
    return parser.parse_args()


def _shown(world: World, as_json: bool) -> str:
    rows = [*depths(world.queues), *waiting_for_the_operator(world)]
    return json.dumps([asdict(row) for row in rows]) + "\n" if as_json else table(rows)


def _redriven(world: World, name: str) -> str:
    """Redrive one of the choices; exit with what is left where that is something."""
    if name == GIVEN_UP:
        return f"{resume(world)} row(s) are tried again\n"
    if name == INVENTORY:
        return f"{go_on(world)} inventory(s) go on\n"
    moved, left = redrive(world.queues, name)
    words = f"{moved} dead letter(s) sent back to {name}"
    if left:
        sys.exit(f"{words}; {left} left, in flight or not given out: try again in a minute")
    return f"{words}; none is left\n"


def main() -> None:
    """The command line: `./gas queues` and `./gas redrive QUEUE`."""
    args = _arguments()
    try:
        world = connect(settings.load_of(args.stack))
        is_redrive = args.command == "redrive"
        sys.stdout.write(_redriven(world, args.queue) if is_redrive else _shown(world, args.json))
    except (ConfigError, FileNotFoundError, BotoCoreError, ClientError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
