"""Cuts the records of a job, and what csq found in them, into files that fit into memory."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

HASH = ord("#")
BLOCK_BYTES = 1 << 22
CHUNK_BYTES = 14 << 20
"""So much text of records makes one chunk."""
PREFIX = b"BCSQ="


class GapError(RuntimeError):
    """csq gave back another site than those that it was given."""


class CsqLines:
    """The sites that one run of csq gave back, in the order of their record numbers (ID)."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lines = stream
        self.ahead = _behind_header(stream)

    def found(self, first: int, records: Sequence[bytes]) -> dict[int, bytes] | list[bytes]:
        """The findings of csq for `records`, whose numbers go up by one from `first`.

        A list where every record was shown to csq, else a dictionary by number.
        """
        self._read(len(records))
        whole = self.ahead[: len(records)]
        if len(whole) == len(records) and _number(whole[-1]) == first + len(records) - 1:
            self.ahead = self.ahead[len(records) :]
            return list(map(_consequences, whole))
        taken = list(itertools.takewhile(lambda n: n < first + len(records), map(_number, whole)))
        self.ahead = self.ahead[len(taken) :]
        return dict(zip(taken, map(_consequences, whole), strict=False))

    def is_used_up(self) -> bool:
        self._read(1)
        return not self.ahead

    def _read(self, size: int) -> None:
        missing = size - len(self.ahead)
        if missing > 0:
            self.ahead += itertools.islice(self.lines, missing)


def _behind_header(stream: BinaryIO) -> list[bytes]:
    """The first line that is not the header's."""
    for line in stream:
        if line[0] != HASH:
            return [line]
    return []


def _number(line: bytes) -> int:
    try:
        return int(line.split(b"\t", 3)[2])
    except (ValueError, IndexError):
        raise GapError("bcftools gave back a line that is none of the sites") from None


def _consequences(line: bytes) -> bytes:
    """The value of BCSQ, which is all that such a line has in INFO; empty where there is none."""
    return line[:-1].rpartition(b"\t")[2][len(PREFIX) :]


def chunks(records: Path, csq: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write one chunk after the other to the same file: a record's line, and its BCSQ behind it.

    Raises GapError where csq gave back a site that is none of the records', or twice the same.
    """
    path = folder / "chunk.tsv"
    with records.open("rb") as lines:
        streams = [file.open("rb") for file in csq]
        try:
            runs = [CsqLines(stream) for stream in streams]
            first = 0
            while written := _write(path, lines, runs, first):
                first += written
                yield path
            if not all(run.is_used_up() for run in runs):
                raise GapError("bcftools gave back a site behind the last record")
        finally:
            for stream in streams:
                stream.close()
    path.unlink(missing_ok=True)


def _write(path: Path, lines: BinaryIO, runs: list[CsqLines], first: int) -> int:
    """Write one chunk; how many records it has."""
    written = size = 0
    with path.open("wb") as out:
        while size < CHUNK_BYTES and (block := lines.readlines(BLOCK_BYTES)):
            size += out.write(b"\n".join(_joined(block, runs, first + written)) + b"\n")
            written += len(block)
    return written


def _joined(block: list[bytes], runs: list[CsqLines], first: int) -> list[bytes]:
    found: dict[int, bytes] = {}
    for run in runs:
        of_run = run.found(first, block)
        if isinstance(of_run, list):
            return [a[:-1] + b"\t" + b for a, b in zip(block, of_run, strict=True)]
        if found.keys() & of_run.keys():
            raise GapError("bcftools gave back the same site twice")
        found |= of_run
    return [a[:-1] + b"\t" + found.get(n, b"") for n, a in enumerate(block, first)]
