"""Puts what bcftools found into the records that it belongs to, counting as they pass."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pysam

from ann.counts import Counting, Counts
from ann.csq import GateError
from ann.prepare import ASIDE, Prepared

HASH, ASIDE_MARK = ord("#"), ord(ASIDE)
LINES_AT_A_TIME = 500
NO_SITE = b"\t" * 7
NOTHING = (b".", b"")


def join(prepared: Prepared, annotated: Iterator[bytes], result: Path) -> Counts:
    """Write the result, a BGZF VCF, and count what is in it.

    `annotated` are the sites as csq gives them back: a header, then a line for each clean record,
    in their order; further headers may follow. Raises GateError where they do not match.
    """
    counting = Counting(prepared.reference)
    found, sites = _parted(annotated, prepared)
    with pysam.BGZFile(str(result), "wb", None) as out:
        out.write(b"\n".join([prepared.version, *found, *prepared.meta, prepared.columns, b""]))
        lines = _joined(prepared, sites, counting)
        while block := b"".join(itertools.islice(lines, LINES_AT_A_TIME)):
            out.write(block)
    if next(sites, None) is not None:
        raise GateError("bcftools gave back more sites than it was given")
    return counting.done()


def _parted(annotated: Iterator[bytes], prepared: Prepared) -> tuple[list[bytes], Iterator[bytes]]:
    """The header lines that the annotation brings, and the sites behind them."""
    header, first = [], []
    for line in annotated:
        if line[0] != HASH:
            first = [line]
            break
        header.append(line.rstrip(b"\n"))
    given = {prepared.columns, *prepared.meta}
    found = [h for h in header[1:] if h.startswith(b"##") and h not in given]
    sites = (line for line in itertools.chain(first, annotated) if line[0] != HASH)
    return [h for h in found if not h.startswith(b"##FILTER=<ID=PASS")], sites


def _joined(prepared: Prepared, sites: Iterator[bytes], counting: Counting) -> Iterator[bytes]:
    with prepared.lines.open("rb") as lines:
        for line in lines:
            if line[0] == ASIDE_MARK:
                contig, pos, _, ref, alts, _ = line[1:].split(b"\t", 5)
                counting.count(contig, pos, ref, alts, b"")
                yield line[1:]
            else:
                yield _annotated(line[1:], next(sites, NO_SITE), counting)


def _annotated(line: bytes, site: bytes, counting: Counting) -> bytes:
    """A record with its site's identifier, if it has none itself, and INFO."""
    columns = line.split(b"\t", 8)
    contig, pos, name, ref, alts, _, _, info = columns[:8]
    place, at, known_as, site_ref, site_alts, _, _, added = site.split(b"\t")
    if at != pos or place != contig or site_ref != ref or site_alts != alts:
        raise GateError("bcftools gave back another site than the record's, or none")
    added = added.rstrip(b"\n")
    counting.count(contig, pos, ref, alts, added)
    if name in NOTHING:
        columns[2] = known_as
    if added not in NOTHING:
        told, end = info.rstrip(b"\n"), b"\n" if len(columns) == 8 else b""
        columns[7] = (added if told in NOTHING else told + b";" + added) + end
    return b"\t".join(columns)
