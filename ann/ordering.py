"""Puts the records of an unsorted file in order, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

from ann.checked import CheckedFile
from ann.reader import BLOCK_BYTES, Block
from ann.sorting import in_order
from ann.table import table_of


def in_order_of_contigs(records: Path, ranks: dict[bytes, int], width: int) -> Iterator[Block]:
    """The records of a file of `ann.checked` by contig, as it is ranked, and position.

    Records of one position keep their order. Blocks tell no line of the file any more.
    """

    def key(line: bytes) -> tuple[int, int]:
        name, pos, _ = line.split(b"\t", 2)
        return ranks[name], int(pos)

    held, size = list[bytes](), 0
    for line in in_order(_lines(records), key, records.parent):
        held.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield _block(held, width)
            held, size = [], 0
    if held:
        yield _block(held, width)


def _lines(records: Path) -> Iterator[bytes]:
    with CheckedFile(records) as file:
        while found := file.read():
            yield from (line + b"\n" for line in found.text.split(b"\n")[:-1])


def _block(lines: list[bytes], width: int) -> Block:
    table = table_of(b"".join(lines), width)
    if table is None:
        raise ValueError("lines that were records are none any more")
    return Block(table, 0, 1.0)
