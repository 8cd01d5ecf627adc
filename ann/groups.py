"""The entries of each allele together, the most severe first."""

from typing import NamedTuple

import numpy as np

from ann.findings import ChunkFindings
from ann.table import Ints

NONE = -1


class Lists(NamedTuple):
    """A list of words for each allele: `codes` says which of the `lists`; NONE: no list."""

    codes: Ints
    lists: list[list[str | None]]


class Groups(NamedTuple):
    """`order` are the entries by allele and severity, `best` is the first of each allele, or NONE.

    `genes` and `terms` are those of an allele's entries, each once, where they come first.
    """

    order: Ints
    best: Ints
    genes: Lists
    terms: Lists


def grouped(findings: ChunkFindings) -> Groups:
    """Group a chunk's entries by allele."""
    entries, spans, kinds = findings.entries, findings.spans, findings.kinds
    counts = np.diff(spans)
    if not len(entries.kinds):
        nothing = np.full(len(counts), NONE)
        return Groups(entries.kinds, nothing, Lists(nothing, []), Lists(nothing, []))
    consequences, loci = kinds.parts()
    ranks = np.array([meaning.rank for meaning in kinds.meanings()], np.int64)[consequences]
    order = np.arange(spans[-1])
    if (counts > 1).any():
        order = np.lexsort((entries.numbers, ranks[entries.kinds], entries.alleles))
    best = np.where(counts > 0, order[np.minimum(spans[:-1], len(order) - 1)], NONE)
    kind = entries.kinds[best]
    genes = Lists(np.where(counts == 1, loci[kind], NONE), [[locus.gene] for locus in kinds.loci])
    terms = Lists(
        np.where(counts == 1, consequences[kind], NONE),
        [list(meaning.terms) for meaning in kinds.meanings()],
    )
    _add_several(genes, terms, findings, order)
    return Groups(order, best, genes, terms)


def _add_several(genes: Lists, terms: Lists, findings: ChunkFindings, order: Ints) -> None:
    """Put in the lists of alleles with several entries."""
    spans, kinds = findings.spans, findings.kinds
    codes: dict[tuple[int, ...], tuple[int, int]] = {}
    in_order = findings.entries.kinds[order].tolist()
    for allele in np.flatnonzero(np.diff(spans) > 1).tolist():
        key = tuple(in_order[spans[allele] : spans[allele + 1]])
        if key not in codes:
            codes[key] = (len(genes.lists), len(terms.lists))
            of_key = [kinds[code] for code in key]
            genes.lists.append(list(dict.fromkeys(kind.gene for kind in of_key)))
            words = [term for kind in of_key for term in kind.meaning.terms]
            terms.lists.append(list(dict.fromkeys(words)))
        genes.codes[allele], terms.codes[allele] = codes[key]
