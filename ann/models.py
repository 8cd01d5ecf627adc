"""The gene models near some alleles: how coding bases are numbered, and where RNA genes are."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

from typing import Any, NamedTuple

import duckdb
import numpy as np

from ann.described import Model
from ann.intervals import Intervals, Stretch
from ann.references import Reference
from ann.sql import text
from ann.table import Ints, Mask

KEY_BITS = 33
WINDOW_BASES = 1 << 23
"""Models are read for so much of a contig at a time."""
MOST_SPANS = 20
"""Of more contigs at a time, models are read whole."""
FEW_MODELS = 10_000
"""So many are read all at once."""
QUERY = """
SELECT contig, transcript, name, biotype, strand, genetic_code, coalesce(phase, 0),
    list_transform(exons, lambda e: (e.start, e.stop)),
    list_transform(cds, lambda c: (c.start, c.stop, c."offset"))
FROM read_parquet({genes}) WHERE {near}
"""
Span = tuple[int, int]
WHOLE: Span = (0, 1 << KEY_BITS)
Row = tuple[Any, ...]


class RnaGene(NamedTuple):
    """A gene whose RNA is not translated."""

    name: str
    biotype: str


class CodingParts(NamedTuple):
    """Parts of coding sequences: their ends, and what numbers their bases.

    `keys` are sorted: transcript in the high bits, first base in the low ones. On the forward
    strand the number of a base is `base` + its position, on the reverse `base` - it.
    """

    keys: Ints
    stops: Ints
    bases: Ints


class NearbyModels:
    """Reads the models of one reference, contig by contig, as far as they are needed."""

    def __init__(self, db: duckdb.DuckDBPyConnection, reference: Reference) -> None:
        self.db, self.genes = db, text(str(reference.path(reference.genes)))
        self.contigs = [contig.name for contig in reference.contigs]
        number = db.execute(f"SELECT count(*) FROM read_parquet({self.genes})").fetchall()[0][0]
        self.are_few = number <= FEW_MODELS
        self.spans: dict[str, Span] = {}
        self.coding: dict[str, Model] = {}
        self.numbers: dict[str, int] = {}
        """The transcripts' numbers in the keys of `parts`."""
        self.is_reverse: Mask = np.zeros(0, np.bool_)
        self.parts = CodingParts(*(np.zeros(0, np.int64) for _ in range(3)))
        self.rna: dict[str, Intervals[RnaGene]] = {}

    def cover(self, spans: dict[str, Span]) -> bool:
        """See that the models of these stretches are there; whether they are others than before."""
        if all(_is_within(span, self.spans.get(contig)) for contig, span in spans.items()):
            return False
        if self.are_few:
            self.spans, near = dict.fromkeys(self.contigs, WHOLE), "true"
        elif len(spans) > MOST_SPANS:
            self.spans = dict.fromkeys(spans, WHOLE)
            near = f"contig IN ({', '.join(map(text, spans))})"
        else:
            self.spans = {
                c: (low, max(high, low + WINDOW_BASES)) for c, (low, high) in spans.items()
            }
            near = " OR ".join(
                f"(contig = {text(contig)} AND start <= {high} AND stop >= {low})"
                for contig, (low, high) in self.spans.items()
            )
        rows = self.db.execute(QUERY.format(genes=self.genes, near=near)).fetchall()
        self._coding([row for row in rows if row[8]])
        self._rna([row for row in rows if not row[8]])
        return True

    def _coding(self, rows: list[Row]) -> None:
        self.coding = {row[1]: (row[0], *row[4:]) for row in rows}
        self.numbers = {name: number for number, name in enumerate(self.coding)}
        models = self.coding.values()
        self.is_reverse = np.array([model[1] == "-" for model in models], np.bool_)
        parts = [
            (number << KEY_BITS | start, stop, _base(model, start, stop, offset))
            for number, model in enumerate(models)
            for start, stop, offset in model[5]
        ]
        columns = np.array(parts, np.int64).reshape(-1, 3).T
        self.parts = CodingParts(*(np.ascontiguousarray(column) for column in columns))

    def _rna(self, rows: list[Row]) -> None:
        exons: dict[str, list[Stretch[RnaGene]]] = {}
        for contig, _, name, biotype, *_, spans, _ in rows:
            gene = RnaGene(name, biotype)
            exons.setdefault(contig, []).extend(Stretch(first, last, gene) for first, last in spans)
        self.rna = {contig: Intervals(found) for contig, found in exons.items()}

    def coding_numbers(self, transcripts: Ints, pos: Ints) -> tuple[Ints, Ints]:
        """The number of each base in its transcript's coding sequence, from 1, and its part.

        -1 stands for a base that is in no part.
        """
        keys = (transcripts << KEY_BITS) | pos
        found = np.maximum(np.searchsorted(self.parts.keys, keys, "right") - 1, 0)
        turned = np.where(self.is_reverse[transcripts], -pos, pos)
        begins = self.parts.keys[found]
        is_in = (begins <= keys) & (begins >> KEY_BITS == transcripts)
        is_in &= pos <= self.parts.stops[found]
        return np.where(is_in, self.parts.bases[found] + turned, -1), np.where(is_in, found, -1)

    def touched(self, transcripts: Ints, lows: Ints, highs: Ints) -> Mask:
        """Those of the transcripts whose CDS has a base from one place on the contig to another.

        Where `lows` are one more than `highs`: whose CDS has both bases in one part.
        """
        keys = (transcripts << KEY_BITS) | highs
        found = np.searchsorted(self.parts.keys, keys, "right") - 1
        begins = self.parts.keys[found]
        is_of_it = (found >= 0) & (begins >> KEY_BITS == transcripts)
        touched: Mask = is_of_it & (lows <= self.parts.stops[found])
        return touched

    def holds(self, parts: Ints, lows: Ints, highs: Ints) -> Mask:
        """Those of the parts that have all bases from one place on the contig to another."""
        starts = self.parts.keys[parts] & (1 << KEY_BITS) - 1
        found: Mask = (lows >= starts) & (highs <= self.parts.stops[parts])
        return found

    def places(self, parts: Ints, numbers: Ints) -> Ints:
        """The place on the contig of each coding base, by its number; 0 where its part lacks it."""
        keys, turned = self.parts.keys[parts], numbers - self.parts.bases[parts]
        places = np.where(self.is_reverse[keys >> KEY_BITS], -turned, turned)
        starts = keys & (1 << KEY_BITS) - 1
        is_in = (places >= starts) & (places <= self.parts.stops[parts])
        return np.where(is_in, places, 0)

    def parts_beside(self, parts: Ints, away: int) -> tuple[Ints, Mask]:
        """The parts so many places behind these on the contig; those of the same transcript."""
        keys = self.parts.keys
        others = np.clip(parts + away, 0, len(keys) - 1)
        is_same = (others == parts + away) & (keys[others] >> KEY_BITS == keys[parts] >> KEY_BITS)
        return others, is_same


def _base(model: Model, start: int, stop: int, offset: int) -> int:
    return offset - model[3] + 1 + (stop if model[1] == "-" else -start)


def _is_within(span: Span, other: Span | None) -> bool:
    return other is not None and other[0] <= span[0] and span[1] <= other[1]
