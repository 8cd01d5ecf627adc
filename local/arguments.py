"""Command lines whose mistakes are answered in one line."""

import argparse
from typing import NoReturn

from local.addresses import LAST_PORT, PORTS


class OneLineParser(argparse.ArgumentParser):
    """Exits with code 2 and one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gas: {message}; {self.prog} --help lists the options\n")


def first_port(text: str) -> int:
    """The first of a world's neighbouring ports."""
    last = LAST_PORT - PORTS + 1
    if not text.isdecimal() or not 0 < int(text) <= last:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1 to {last}")
    return int(text)


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)
