"""Puts the records of an unsorted file in order, in bounded memory."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ann.sorting import in_order

ROW_TABS = 14
"""In records.tsv; behind the next one is put, for the sorting, the record's own line."""
CONTIG, POS, REF, ALTS, STATUS, GT = 3, 4, 6, 7, 10, 14
LINES_AT_A_TIME = 20_000


class Sites(NamedTuple):
    """Clean sites in order, on one contig of the file; `with_gt` with their genotypes."""

    contig: bytes
    bare: bytes
    with_gt: bytes


def put_in_order(
    lines: Path, rows: Path, ranks: dict[bytes, int], with_gt: bool
) -> Iterator[Sites]:
    """Sort both files by contig, as it is ranked, and position; number the records anew.

    Yields the sites as the files are written. Records of one position keep their order.
    """

    def key(pair: bytes) -> tuple[int, int]:
        columns = pair.split(b"\t", ROW_TABS + 3)
        return ranks[columns[ROW_TABS + 1]], int(columns[POS])

    with lines.open("rb") as given, rows.open("rb") as described:
        pairs = (
            b"%s\t%s" % (row.rstrip(b"\n"), line)
            for row, line in zip(described, given, strict=True)
        )
        ordered = in_order(pairs, key, lines.parent)
        numbered = enumerate(ordered)
        new_lines, new_rows = lines.with_suffix(".sorted"), rows.with_suffix(".sorted")
        with new_lines.open("wb") as out, new_rows.open("wb") as row_out:
            while chunk := list(itertools.islice(numbered, LINES_AT_A_TIME)):
                split = [(n, pair.split(b"\t", ROW_TABS + 1)) for n, pair in chunk]
                out.writelines(columns[-1] for _, columns in split)
                row_out.writelines(
                    b"%d\t%s\n" % (n, b"\t".join(columns[1:-1])) for n, columns in split
                )
                yield from _sites(split, with_gt)
    new_lines.replace(lines)
    new_rows.replace(rows)


def _sites(split: list[tuple[int, list[bytes]]], with_gt: bool) -> Iterator[Sites]:
    for contig, group in itertools.groupby(split, lambda one: one[1][-1].partition(b"\t")[0]):
        bare, full = [], []
        for n, columns in group:
            if columns[STATUS]:
                continue
            place, pos, ref, alts = (columns[k] for k in (CONTIG, POS, REF, ALTS))
            site = b"%s\t%s\t%d\t%s\t%s\t.\t.\t." % (place, pos, n, ref, alts)
            bare.append(site + b"\n")
            if with_gt:
                full.append(b"%s\tGT\t%s\n" % (site, columns[GT].replace(b",", b"\t")))
        yield Sites(contig, b"".join(bare), b"".join(full))
