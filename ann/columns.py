"""The columns of variants.parquet (docs/output.md), made of what was found of a chunk."""

from collections.abc import Callable, Sequence

import numpy as np

from ann import arrow, known_hits
from ann.alleles import (
    CALLED,
    FILTERS,
    GENOTYPE,
    HET,
    HOM,
    IDENTIFIER,
    QUALITY,
    REASON,
    TYPES,
    Alleles,
)
from ann.arrow import ArrowColumn
from ann.entries import Kind
from ann.findings import ChunkFindings
from ann.groups import NONE, Groups
from ann.known_hits import Hits
from ann.table import Ints, Segments, ragged, whole_numbers
from ann.texts import Texts, offsets_of, taken

NO_CONSEQUENCE = "outside the reach of any transcript"
ANNOTATED = "annotated"
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
    reasons = alleles.runs(REASON)
    words = [*(text or NO_CONSEQUENCE for text in reasons.texts), ANNOTATED]
    codes = reasons.codes[alleles.records]
    is_annotated = alleles.is_clean & (groups.codes != NONE)
    return np.where(is_annotated, len(words) - 1, codes), words


def rows(
    findings: ChunkFindings, groups: Groups, hits: Hits, kinds: dict[str, str], first: int
) -> ArrowColumn:
    """The table of a chunk whose first allele is the `first` of the job; `kinds` are those of the
    known columns."""
    alleles, size = findings.alleles, len(findings.alleles)
    codes, words = statuses(findings, groups)
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
            **_best(findings, groups),
            "genes": _lists(groups, [group.genes for group in groups.groups]),
            "terms": _lists(groups, [group.terms for group in groups.groups]),
            "consequences": _consequences(findings, groups),
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
    filters = alleles.runs(FILTERS)
    return {
        "id": _cells(alleles, IDENTIFIER),
        "ref": _texts(taken(alleles.rows, alleles.refs)),
        "alt": _texts(taken(alleles.rows, alleles.alts)),
        "type": arrow.coded(alleles.types, TYPES),
        "qual": _cells(alleles, QUALITY),
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
    columns = {}
    for name, column in (("n_called", CALLED), ("n_het", HET), ("n_hom", HOM)):
        values = whole_numbers(alleles.rows, column)[0].astype(np.int32)
        valid = alleles.rows.segments(column).lengths > 0
        columns[name] = arrow.numbers(values[alleles.records], valid[alleles.records])
    return {**columns, "gt": _cells(alleles, GENOTYPE)}


def _best(findings: ChunkFindings, groups: Groups) -> dict[str, ArrowColumn]:
    """The columns of the most severe consequence."""
    best, kinds = groups.best, findings.kinds
    is_there = best != NONE
    codes = np.where(is_there, findings.entries.kinds[best], 0) if len(kinds) else best * 0
    names = findings.names
    return {
        "consequence": _of_kinds(codes, kinds, lambda kind: kind.meaning.terms[0], is_there),
        "impact": _of_kinds(codes, kinds, lambda kind: kind.meaning.impact, is_there),
        "gene": _of_kinds(codes, kinds, lambda kind: kind.gene, is_there),
        "transcript": _of_kinds(codes, kinds, lambda kind: kind.transcript, is_there),
        "biotype": _of_kinds(codes, kinds, lambda kind: kind.biotype, is_there),
        "hgvs_g": _texts(findings.genome.plain),
        "hgvs_c": _texts(_picked(names.coding.plain, best)),
        "hgvs_p": _texts(_picked(names.protein.plain, best)),
    }


def _of_kinds(
    codes: Ints,
    kinds: list[Kind],
    value: Callable[[Kind], str | None],
    is_there: np.ndarray | None = None,
) -> ArrowColumn:
    """A value of the kind that each row has."""
    words: dict[str | None, int] = {}
    table = np.array([words.setdefault(value(kind), len(words)) for kind in kinds] or [0])
    missing = words.get(None, NONE)
    found = table[codes]
    valid = found != missing if is_there is None else is_there & (found != missing)
    return arrow.coded(found, [word or "" for word in words], valid)


def _picked(texts: Texts, which: Ints) -> Texts:
    """The texts of some rows in their order; none where the row is NONE."""
    if len(texts.offsets) == 1:
        return Texts(texts.data, np.zeros(len(which) + 1, np.int64))
    starts, lengths = texts.segments()
    lengths = np.where(which == NONE, 0, lengths[which])
    if lengths.sum() == texts.offsets[-1] and (np.diff(which[lengths > 0]) > 0).all():
        return Texts(texts.data, offsets_of(lengths))
    return taken(texts, Segments(starts[which], lengths))


def _lists(groups: Groups, items: Sequence[Sequence[str | None]]) -> ArrowColumn:
    """The list of the group that each allele has."""
    words: dict[str | None, int] = {}
    table = np.array([words.setdefault(i, len(words)) for of_one in items for i in of_one] or [0])
    sizes = np.array([len(of_one) for of_one in items] or [0])
    starts, has_group = np.cumsum(sizes) - sizes, groups.codes != NONE
    lengths = np.where(has_group, sizes[groups.codes], 0)
    codes = table[ragged(Segments(starts[groups.codes], lengths))]
    valid = codes != words.get(None, NONE)
    return arrow.lists(lengths, arrow.coded(codes, [w or "" for w in words], valid), has_group)


def _consequences(findings: ChunkFindings, groups: Groups) -> ArrowColumn:
    order, kinds, names = groups.order, findings.kinds, findings.names
    codes = findings.entries.kinds[order]
    counts = np.diff(findings.spans)
    items = {
        "gene": _of_kinds(codes, kinds, lambda kind: kind.gene),
        "transcript": _of_kinds(codes, kinds, lambda kind: kind.transcript),
        "biotype": _of_kinds(codes, kinds, lambda kind: kind.biotype),
        "strand": _of_kinds(codes, kinds, lambda kind: kind.strand),
        "consequence": _of_kinds(codes, kinds, lambda kind: "&".join(kind.meaning.terms)),
        "impact": _of_kinds(codes, kinds, lambda kind: kind.meaning.impact),
        "hgvs_c": _texts(_picked(names.coding.plain, order)),
        "hgvs_p": _texts(_picked(names.protein.plain, order)),
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
