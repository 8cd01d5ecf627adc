"""Some of the records of a compressed VCF, as they stand in it, with its header."""

import gzip
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import BinaryIO

LINES = 2000
"""Lines sent at a time."""


def some_records(stream_of: Callable[[], BinaryIO], wanted: Iterable[int]) -> Generator[bytes]:
    """The header's lines, then the records with these numbers from 0, which rise or come again.

    `stream_of` opens the VCF once somebody reads; it is closed with this generator. It is read to
    the last of the records, and no further; in bounded memory.
    """
    with closing(stream_of()) as stream, gzip.GzipFile(fileobj=stream) as lines:
        chosen = _chosen(lines, iter(wanted))
        while batch := list(itertools.islice(chosen, LINES)):
            yield b"".join(batch)


def _chosen(lines: Iterable[bytes], wanted: Iterator[int]) -> Iterator[bytes]:
    upcoming, number = next(wanted, None), 0
    for line in lines:
        if line.startswith(b"#"):
            yield line
            continue
        if upcoming is None:
            return
        if number == upcoming:
            yield line
            upcoming = next((later for later in wanted if later > number), None)
        number += 1
