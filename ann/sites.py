"""Writes the sites of a block's records for csq."""

import numpy as np

from ann.genotypes import Genotypes
from ann.screening import ContigRun, Screened
from ann.table import ALT, POS, REF, Segments, Source

SITE_END = b"\t.\t.\t.\n"
SITE_WITH_GT_END = b"\t.\t.\t.\tGT\t"
TABS_FOR_COMMAS = bytes.maketrans(b",", b"\t")


def site_rows(
    screened: Screened, first: int, run: ContigRun, calls: Genotypes | None = None
) -> bytes:
    """The clean sites of a run, each under its record's number as ID; with genotypes if given."""
    clean = np.flatnonzero(screened.status[run.start : run.stop] == 0) + run.start
    table, n = screened.table, len(clean)
    source = Source(table.data)
    contig = run.placement.contig.name.encode() if run.placement.contig else b""
    pos, ref = table.starts(POS)[clean], table.starts(REF)[clean]
    parts = [
        source.constant(contig + b"\t", n),
        Segments(pos, table.seps[clean, POS] + 1 - pos),
        source.numbers(clean + first),
        Segments(ref - 1, table.seps[clean, ALT] + 1 - ref),
    ]
    if calls is None:
        parts.append(source.constant(SITE_END, n))
        return source.stitch(parts)
    texts = np.frombuffer(calls.text.tobytes().translate(TABS_FOR_COMMAS), np.uint8)
    start = source.add(texts)
    parts += [
        source.constant(SITE_WITH_GT_END, n),
        Segments(calls.segments.starts[clean] + start, calls.segments.lengths[clean]),
        source.constant(b"\n", n),
    ]
    return source.stitch(parts)
