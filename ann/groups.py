"""The entries of each allele together, the most severe first."""

from typing import NamedTuple

import numpy as np

from ann.entries import Entries, Kind
from ann.findings import ChunkFindings
from ann.table import Ints

NONE = -1


class KindGroup(NamedTuple):
    """The common part of alleles with entries of the same kinds."""

    genes: list[str | None]
    terms: list[str]


class Groups(NamedTuple):
    """`order` are the entries by allele and severity, `best` is the first of each allele, or NONE.

    `codes` says which of the `groups` each allele has, or NONE.
    """

    order: Ints
    best: Ints
    codes: Ints
    groups: list[KindGroup]


def grouped(findings: ChunkFindings) -> Groups:
    """KindGroup a chunk's entries by allele."""
    entries, spans = findings.entries, findings.spans
    counts = np.diff(spans)
    order = _order(entries, findings.kinds) if (counts > 1).any() else np.arange(spans[-1])
    best = (
        np.where(counts > 0, order[np.minimum(spans[:-1], len(order) - 1)], NONE)
        if len(order)
        else np.full(len(counts), NONE)
    )
    codes = np.where(counts == 1, entries.kinds[best], NONE) if len(order) else best.copy()
    groups = [KindGroup([kind.gene], kind.meaning.terms) for kind in findings.kinds]
    several: dict[tuple[int, ...], int] = {}
    in_order = entries.kinds[order].tolist()
    for allele in np.flatnonzero(counts > 1).tolist():
        key = tuple(in_order[spans[allele] : spans[allele + 1]])
        code = several.get(key)
        if code is None:
            code = several[key] = len(groups)
            groups.append(_group([findings.kinds[kind] for kind in key]))
        codes[allele] = code
    return Groups(order, best, codes, groups)


def _order(entries: Entries, kinds: list[Kind]) -> Ints:
    ranks = np.array([kind.meaning.rank for kind in kinds], np.int64)
    return np.lexsort((entries.numbers, ranks[entries.kinds], entries.alleles))


def _group(kinds: list[Kind]) -> KindGroup:
    """Genes and terms, each once, where they come first."""
    terms = [term for kind in kinds for term in kind.meaning.terms]
    return KindGroup(list(dict.fromkeys(k.gene for k in kinds)), list(dict.fromkeys(terms)))
