"""Writes what is known of a block's records: as rows for the pass over them, as sites for csq.

The rows are `records.tsv`, without a header or quoting: record (counted from 0), line, contig,
the reference's name of it, pos, id, ref, alts, qual, filter, status (empty: clean), n_called,
n_het, n_hom and gt (comma separated, of up to 100 samples).
"""

import numpy as np

from ann.genotypes import Genotypes
from ann.screening import MOST_ALLELE_BYTES, REASONS, ContigRun, Screened
from ann.table import ALT, FILTER, ID, POS, QUAL, REF, Bytes, Ints, Segments, decimals, stitch

CONTROL = bytes(n for n in range(128) if (n < 32 and n not in b"\t\n") or n == 127)
PLAIN = bytes.maketrans(CONTROL, b"?" * len(CONTROL))
SITE_END = b"\t.\t.\t.\n"
SITE_WITH_GT_END = b"\t.\t.\t.\tGT\t"
TABS_FOR_COMMAS = bytes.maketrans(b",", b"\t")
ALLELE_SHOWN = 100


class Source:
    """An array of bytes that grows, so that all parts of a row can be taken from one."""

    def __init__(self, first: Bytes) -> None:
        self.parts, self.size = [first], len(first)

    def add(self, values: Bytes) -> int:
        """The offset at which the added bytes begin."""
        self.parts.append(values)
        self.size += len(values)
        return self.size - len(values)

    def constant(self, text: bytes, rows: int) -> Segments:
        """The same text for each row."""
        start = self.add(np.frombuffer(text, np.uint8))
        return Segments(np.full(rows, start), np.full(rows, len(text)))

    def choice(self, texts: list[bytes], which: Ints) -> Segments:
        """One of some texts for each row."""
        starts = np.array([self.add(np.frombuffer(text, np.uint8)) for text in texts], np.int64)
        lengths = np.array([len(text) for text in texts], np.int64)
        return Segments(starts[which], lengths[which])

    def numbers(self, values: Ints) -> Segments:
        digits, segments = decimals(values)
        return Segments(segments.starts + self.add(digits), segments.lengths)

    def stitch(self, parts: list[Segments]) -> bytes:
        return stitch(np.concatenate(self.parts), parts)


def record_rows(screened: Screened, first: int, calls: Genotypes | None) -> bytes:
    """The rows of a block whose first record is the `first` of the file, counted from 0."""
    table, n = screened.table, len(screened.table)
    source = Source(table.data)
    tab = source.constant(b"\t", n)
    status = screened.status.astype(np.int64)
    names = [b"\t%s\t%s\t" % (run.placement.name, _contig(run)) for run in screened.runs]
    runs = np.repeat(np.arange(len(names)), [run.stop - run.start for run in screened.runs])
    parts = [
        source.numbers(np.arange(first, first + n)),
        tab,
        source.numbers(np.arange(n) + screened.block.number),
        source.choice(names, runs),
        _given(screened, source),
        source.choice([b"\t%s\t" % reason.encode() for reason in REASONS], status),
    ]
    if calls is None:
        parts.append(source.constant(b"\t\t\t\n", n))
    else:
        parts += [*_counts(source, calls, tab), source.constant(b"\n", n)]
    return _plain(source.stitch(parts))


def _contig(run: ContigRun) -> bytes:
    return run.placement.contig.name.encode() if run.placement.contig else b""


def _given(screened: Screened, source: Source) -> Segments:
    """POS to FILTER as they stand; endless alleles in short."""
    table = screened.table
    starts = table.starts(POS)
    lengths = table.seps[:, FILTER] - starts
    for record in np.flatnonzero(lengths > MOST_ALLELE_BYTES).tolist():
        cells = [table.cell(record, column) for column in (POS, ID, REF, ALT, QUAL, FILTER)]
        short = b"\t".join(
            cell if len(cell) <= MOST_ALLELE_BYTES else cell[:ALLELE_SHOWN] + b"..."
            for cell in cells
        )
        lengths[record] = len(short)
        starts[record] = source.add(np.frombuffer(short, np.uint8))
    return Segments(starts, lengths)


def _counts(source: Source, calls: Genotypes, tab: Segments) -> list[Segments]:
    """n_called, n_het, n_hom and the genotypes; empty where a record has no GT."""
    there = calls.has_gt.astype(np.int64)
    parts = []
    for values in (calls.called, calls.het, calls.hom):
        starts, lengths = source.numbers(values)
        parts += [Segments(starts, lengths * there), tab]
    starts, lengths = calls.segments
    return [*parts, Segments(starts + source.add(calls.text), lengths)]


def _plain(rows: bytes) -> bytes:
    """The rows as UTF-8 without control characters, whatever the file holds."""
    if not rows.isascii():
        rows = rows.decode("utf-8", "replace").encode()
    return rows.translate(PLAIN)


def site_rows(
    screened: Screened, first: int, run: ContigRun, calls: Genotypes | None = None
) -> bytes:
    """The clean sites of a run, each under its record's number as ID; with genotypes if given."""
    clean = np.flatnonzero(screened.status[run.start : run.stop] == 0) + run.start
    table, n = screened.table, len(clean)
    source = Source(table.data)
    pos, ref = table.starts(POS)[clean], table.starts(REF)[clean]
    parts = [
        source.constant(_contig(run) + b"\t", n),
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
