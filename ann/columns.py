"""The columns of variants.parquet (docs/output.md), made of what was found of a chunk."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ann import arrow, known_hits
from ann.alleles import TYPES, Alleles
from ann.arrow import ArrowColumn
from ann.findings import ChunkFindings
from ann.groups import NONE, Groups, Lists
from ann.kinds import Kinds
from ann.known_hits import Hits
from ann.screening import REASONS
from ann.table import FILTER, ID, QUAL, Ints, Mask, Segments, TextArray, ragged
from ann.texts import Texts, offsets_of, taken

NO_CONSEQUENCE = "outside the reach of any transcript"
ANNOTATED = "annotated"
NO_TEXT = np.zeros(1, np.uint8)
CASTS = {
    "id": "nullif(id, '.')",
    "qual": "try_cast(qual AS DOUBLE)",
    "filter": "nullif(filter, '.')",
    "gt": "string_split(gt, ',')",
}
"""Columns that the engine makes of the record's text."""


def statuses(findings: ChunkFindings, groups: Groups) -> tuple[Ints, list[str]]:
    """Each allele's status, as a code and the words."""
    alleles = findings.alleles
    words = [*(reason or NO_CONSEQUENCE for reason in REASONS), ANNOTATED]
    codes = alleles.chunk.checked.status[alleles.records].astype(np.int64)
    is_annotated = alleles.is_clean & (groups.best != NONE)
    return np.where(is_annotated, len(words) - 1, codes), words


def rows(
    findings: ChunkFindings, groups: Groups, hits: Hits, kinds: dict[str, str], first: int
) -> ArrowColumn:
    """The table of a chunk whose first allele is the `first` of the job; `kinds` are those of the
    known columns."""
    alleles, size = findings.alleles, len(findings.alleles)
    codes, words = statuses(findings, groups)
    kind_words = KindWords(findings.kinds)
    known = {
        column: known_hits.column(kind, hits.values[column], size) for column, kind in kinds.items()
    }
    return arrow.struct(
        {
            "row": arrow.numbers(np.arange(first, first + size)),
            "record": arrow.numbers(alleles.records + alleles.chunk.first),
            "chrom": arrow.coded(alleles.names.codes[alleles.records], alleles.names.texts),
            "pos": arrow.numbers(alleles.pos),
            **_given(alleles),
            "status": arrow.coded(codes, words),
            **_best(findings, groups, kind_words),
            "genes": _lists(groups.genes),
            "terms": _lists(groups.terms),
            "consequences": _consequences(findings, groups, kind_words),
            "regions": _regions(findings),
            **known,
            **_genotypes(alleles),
        }
    )


def select(columns: Sequence[str]) -> str:
    """The SQL that makes the table's columns of those of `rows`."""
    return ", ".join(f'{CASTS[c]} AS "{c}"' if c in CASTS else f'"{c}"' for c in columns)


def _given(alleles: Alleles) -> dict[str, ArrowColumn]:
    """The columns of the records themselves."""
    filters = alleles.runs(FILTER)
    return {
        "id": _cells(alleles, ID),
        "ref": _texts(taken(alleles.rows, alleles.refs)),
        "alt": _texts(taken(alleles.rows, alleles.alts)),
        "type": arrow.coded(alleles.types, TYPES),
        "qual": _cells(alleles, QUAL),
        "filter": arrow.coded(filters.codes[alleles.records], filters.texts),
    }


def _cells(alleles: Alleles, column: int) -> ArrowColumn:
    """A column of the records', for each allele."""
    starts, lengths = alleles.rows.segments(column)
    places = Segments(starts[alleles.records], lengths[alleles.records])
    return _texts(taken(alleles.rows, places))


def _texts(texts: Texts) -> ArrowColumn:
    """Texts, of which those without length are NULL."""
    return arrow.texts(texts.data, texts.offsets, np.diff(texts.offsets) > 0)


def _genotypes(alleles: Alleles) -> dict[str, ArrowColumn]:
    """The columns of the samples; NULL where there are none, and where a record has no GT."""
    found, records = alleles.chunk.checked.genotypes, alleles.records
    if found is None:
        none = np.zeros(len(records), np.int64)
        nulls = arrow.numbers(none.astype(np.int32), none > 0)
        gt = _texts(Texts(NO_TEXT, offsets_of(none)))
        return {**dict.fromkeys(("n_called", "n_het", "n_hom"), nulls), "gt": gt}
    counts = {"n_called": found.called, "n_het": found.het, "n_hom": found.hom}
    valid = found.has_gt[records]
    starts, lengths = found.segments
    places = Segments(starts[records], lengths[records])
    return {
        **{name: arrow.numbers(n.astype(np.int32)[records], valid) for name, n in counts.items()},
        "gt": _texts(taken(TextArray(found.text.tobytes()), places)),
    }


class WordCodes(NamedTuple):
    """Words, and which of them each kind of entry has; `missing` is the code of those without."""

    words: list[str]
    table: Ints
    missing: int

    @classmethod
    def of(cls, values: Iterable[str | None], kinds: Ints | None = None) -> "WordCodes":
        """The words of kinds; or of what each of the `kinds` has one of."""
        codes: dict[str | None, int] = {}
        table = np.array([codes.setdefault(value, len(codes)) for value in values] or [0])
        words = [word or "" for word in codes]
        if kinds is not None and len(kinds):
            table = table[kinds]
        return cls(words, table, codes.get(None, NONE))

    def column(self, kinds: Ints, is_there: Mask | None = None) -> ArrowColumn:
        found = self.table[kinds]
        valid = found != self.missing
        return arrow.coded(found, self.words, valid if is_there is None else valid & is_there)


class KindWords:
    """The words of a chunk's kinds of entries."""

    def __init__(self, kinds: Kinds) -> None:
        (consequences, loci), meanings = kinds.parts(), kinds.meanings()
        self.gene = WordCodes.of((locus.gene for locus in kinds.loci), loci)
        self.transcript = WordCodes.of((locus.transcript for locus in kinds.loci), loci)
        self.biotype = WordCodes.of((locus.biotype for locus in kinds.loci), loci)
        self.strand = WordCodes.of((locus.strand for locus in kinds.loci), loci)
        self.term = WordCodes.of((m.terms[0] for m in meanings), consequences)
        self.terms = WordCodes.of(("&".join(m.terms) for m in meanings), consequences)
        self.impact = WordCodes.of((m.impact for m in meanings), consequences)


def _best(findings: ChunkFindings, groups: Groups, words: KindWords) -> dict[str, ArrowColumn]:
    """The columns of the most severe consequence."""
    best, names = groups.best, findings.names
    is_there = best != NONE
    codes = np.zeros(len(best), np.int64)
    codes[is_there] = findings.entries.kinds[best[is_there]]
    return {
        "consequence": words.term.column(codes, is_there),
        "impact": words.impact.column(codes, is_there),
        "gene": words.gene.column(codes, is_there),
        "transcript": words.transcript.column(codes, is_there),
        "biotype": words.biotype.column(codes, is_there),
        "hgvs_g": _texts(findings.genome.plain),
        "hgvs_c": _texts(_picked(names.coding.plain, best)),
        "hgvs_p": _texts(_picked(names.protein.plain, best)),
    }


def _picked(texts: Texts, which: Ints) -> Texts:
    """The texts of some rows in their order; none where the row is NONE."""
    if len(texts.offsets) == 1:
        return Texts(texts.data, np.zeros(len(which) + 1, np.int64))
    starts, lengths = texts.segments()
    lengths = np.where(which == NONE, 0, lengths[which])
    if lengths.sum() == texts.offsets[-1] and (np.diff(which[lengths > 0]) > 0).all():
        return Texts(texts.data, offsets_of(lengths))
    return taken(texts, Segments(starts[which], lengths))


def _lists(found: Lists) -> ArrowColumn:
    """The list that each allele has."""
    words = WordCodes.of(itertools.chain.from_iterable(found.lists))
    sizes = np.array([len(of_one) for of_one in found.lists] or [0])
    starts, has_list = np.cumsum(sizes) - sizes, found.codes != NONE
    lengths = np.where(has_list, sizes[found.codes], 0)
    places = ragged(Segments(starts[found.codes], lengths))
    return arrow.lists(lengths, words.column(places), has_list)


def _consequences(findings: ChunkFindings, groups: Groups, words: KindWords) -> ArrowColumn:
    order, names = groups.order, findings.names
    codes, codons = findings.entries.kinds[order], names.codons.codes[order]
    counts = np.diff(findings.spans)
    items = {
        "gene": words.gene.column(codes),
        "transcript": words.transcript.column(codes),
        "biotype": words.biotype.column(codes),
        "strand": words.strand.column(codes),
        "consequence": words.terms.column(codes),
        "impact": words.impact.column(codes),
        "hgvs_c": _texts(_picked(names.coding.plain, order)),
        "hgvs_p": _texts(_picked(names.protein.plain, order)),
        "codons": arrow.coded(codons, names.codons.words, codons > 0),
    }
    return arrow.lists(counts, arrow.struct(items), counts > 0)


def _regions(findings: ChunkFindings) -> ArrowColumn:
    words: dict[str, int] = {}
    lengths = np.zeros(len(findings.alleles), np.int64)
    codes = []
    for allele, names in sorted(findings.regions.items()):
        lengths[allele] = len(names)
        codes += [words.setdefault(name, len(words)) for name in names]
    items = arrow.coded(np.array(codes, np.int64), list(words))
    return arrow.lists(lengths, items, lengths > 0)
