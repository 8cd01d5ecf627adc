"""`./gas up`: the whole service on this machine, until Ctrl-C."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from aws.config import ConfigError
from aws.machine.stop_request import StopRequest
from local.addresses import LOCALHOST, demand_free, is_loopback, url_of
from local.arguments import OneLineParser, at_least_one, first_port
from local.data_lock import data_lock
from local.errors import Interrupted, UpError
from local.people import PEOPLE
from local.service import LocalService

ROOT = Path(__file__).resolve().parent.parent
WARNING = """gas: warning: whoever reaches {host} can read and change everything in this GAS:
gas: warning: the stand-ins for AWS and Globus ask nobody for a password. Keep it to a trusted
gas: warning: network, and real people's genomes out of it.
"""


def ready_words(service: LocalService) -> str:
    """The ready line, with the people to log in as, the mail page, and how to stop."""
    people = "".join(f"    {p.name:<14}{p.role}\n" for p in PEOPLE.values())
    return (
        f"GAS is ready at {service.url}\n"
        f"  log in as one of these, without a password:\n{people}"
        f"  read the mail that was sent: {service.aws_url}/mail\n"
        "  stop: Ctrl-C\n"
    )


def _run(args: argparse.Namespace, stopping: StopRequest) -> str | None:
    """Serve until a stop is requested; return what went wrong, in one line."""
    try:
        with data_lock(args.data, url_of(args.host, args.port)) as data_fd:
            service = LocalService(
                args.port,
                args.data,
                args.workers,
                sys.stdout,
                host=args.host,
                stopping=stopping,
                data_fd=data_fd,
            )
            with _stopped(service):
                _warn(args.host, args.port)
                service.start()
                service.out.write(ready_words(service))
                service.supervise()
    except Interrupted:
        return None
    except (UpError, ConfigError) as fault:
        return f"gas: {fault}"
    return None


@contextlib.contextmanager
def _stopped(service: LocalService) -> Iterator[None]:
    """Leave no process behind, however the block ends."""
    try:
        yield
    finally:
        if service.stopping.is_set():
            service.out.write("stopping …\n")
        service.stop()


def _warn(host: str, port: int) -> None:
    demand_free(host, port)
    if not is_loopback(host):
        sys.stderr.write(WARNING.format(host=host))


def _arguments() -> argparse.Namespace:
    parser = OneLineParser(
        prog="./gas up",
        description="Run the whole service on this machine, with no account anywhere. "
        "The local AWS is on port+1 (mail sent is at /mail there), the local Globus on port+2.",
        epilog="example: ./gas up --port 6000 --data /tmp/gas --workers 2",
    )
    parser.add_argument("--port", type=first_port, default=5000, help="of the site (default 5000)")
    parser.add_argument(
        "--host",
        default=LOCALHOST,
        metavar="ADDRESS",
        help="serve other machines too, under this name or address of this one (default: "
        "localhost, for this machine only); the stand-ins protect nothing, so keep to a trusted "
        "network",
    )
    parser.add_argument(
        "--data", type=Path, default=ROOT / "var" / "local", help="where state is kept between runs"
    )
    parser.add_argument("--workers", type=at_least_one, help="jobs annotated at once (default 2)")
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas up`."""
    stopping = StopRequest().on_signals()
    sys.exit(_run(_arguments(), stopping))


if __name__ == "__main__":
    main()
