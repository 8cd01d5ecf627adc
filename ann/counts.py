"""Counts what a job's variants are, chunk by chunk."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ann.alleles import SNV, TYPES, Alleles
from ann.columns import statuses
from ann.findings import ChunkFindings
from ann.groups import NONE, Groups
from ann.known_hits import Hits
from ann.references import Reference
from ann.table import Ints, Mask

BINS = 100
"""Bars in the density plot along each contig."""
TRANSITIONS = {ord("A") + ord("G"), ord("C") + ord("T")}
"""Sums of the two bases, which no other pair has."""


@dataclass
class Counts:
    """Everything that is counted over the records of a result."""

    records: int = 0
    annotated: int = 0
    known: int = 0
    transitions: int = 0
    transversions: int = 0
    consequences: Counter[str] = field(default_factory=Counter)
    by_type: Counter[str] = field(default_factory=Counter)
    genes: Counter[str] = field(default_factory=Counter)
    density: dict[str, list[int]] = field(default_factory=dict)
    contigs: dict[str, int] = field(default_factory=dict)
    """Lengths of the contigs that have records, by the file's own names, as in `density`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why records have no consequence."""
    impacts: Counter[str] = field(default_factory=Counter)
    significance: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    """Alleles that each source of known variants lists."""
    corrected: int = 0
    """Consequences that differ from csq's, or that it does not have."""

    @property
    def ts_tv(self) -> float | None:
        return round(self.transitions / self.transversions, 3) if self.transversions else None


class Tally:
    """The counts over all chunks taken in so far."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.lengths = {contig.name: contig.length for contig in reference.contigs}
        self.total = Counts()

    def take(self, findings: ChunkFindings, groups: Groups, hits: Hits) -> None:
        """Add a chunk."""
        total, alleles = self.total, findings.alleles
        records = alleles.records
        is_annotated = alleles.is_clean & (groups.best != NONE)
        total.records += len(alleles.rows)
        total.annotated += len(np.unique(records[is_annotated]))
        total.known += len({int(records[n]) for n in hits.known})
        total.corrected += len({int(findings.entries.alleles[n]) for n in findings.corrected})
        total.by_source.update(hits.listed)
        total.significance.update(hits.values["significance"].values())
        regions = {(int(records[n]), r) for n, names in findings.regions.items() for r in names}
        total.regions.update(region for _, region in regions)
        self._types(alleles)
        self._consequences(findings, groups)
        self._reasons(findings, groups, is_annotated)
        self._density(alleles)

    def _types(self, alleles: Alleles) -> None:
        total = self.total
        for code, number in _tallied(alleles.types):
            total.by_type[TYPES[code]] += number
        pair = alleles.ref_base.astype(np.int64) + alleles.alt_base
        is_snv = alleles.types == SNV
        transitions = int((is_snv & np.isin(pair, list(TRANSITIONS))).sum())
        total.transitions += transitions
        total.transversions += int(is_snv.sum()) - transitions

    def _consequences(self, findings: ChunkFindings, groups: Groups) -> None:
        """Each entry counts; a gene counts once a record; impacts are those of the best."""
        total, codes, alleles = self.total, findings.entries.kinds, findings.alleles
        consequences, meanings = findings.kinds.parts()[0][codes], findings.kinds.meanings()
        for code, number in _tallied(consequences):
            for word in meanings[code].words:
                total.consequences[word.removesuffix("_exon")] += number
        has_best = groups.best != NONE
        for code, number in _tallied(consequences[groups.best[has_best]]):
            total.impacts[meanings[code].impact] += number
        genes = groups.genes
        for code, number in _tallied(genes.codes[has_best & ~alleles.is_multi]):
            for gene in genes.lists[code]:
                total.genes[gene or ""] += number
        several = np.flatnonzero(has_best & alleles.is_multi).tolist()
        found = {
            (int(alleles.records[n]), gene) for n in several for gene in genes.lists[genes.codes[n]]
        }
        total.genes.update(gene or "" for _, gene in found)
        total.genes.pop("", None)

    def _reasons(self, findings: ChunkFindings, groups: Groups, is_annotated: Mask) -> None:
        """The status of each record none of whose alleles is annotated."""
        alleles = findings.alleles
        codes, words = statuses(findings, groups)
        found = np.bincount(alleles.records[is_annotated], minlength=len(alleles.rows))
        firsts = codes[alleles.first_of_record]
        for code, number in _tallied(firsts[found == 0]):
            self.total.reasons[words[code]] += number

    def _density(self, alleles: Alleles) -> None:
        total, firsts = self.total, alleles.first_of_record
        pos, names, contigs = alleles.pos[firsts], alleles.names, alleles.contigs
        for code in dict.fromkeys(names.codes.tolist()):
            which = np.flatnonzero(names.codes == code)
            contig = contigs.texts[contigs.codes[which[0]]]
            if contig:
                length, name = self.lengths[contig], names.texts[code]
                bins = np.minimum(BINS - 1, np.maximum(0, pos[which] - 1) * BINS // length)
                bars = total.density.setdefault(name, [0] * BINS)
                for place, number in _tallied(bins):
                    bars[place] += number
                total.contigs[name] = length

    def counts(self) -> Counts:
        return self.total


def _tallied(codes: Ints) -> list[tuple[int, int]]:
    """The codes that are there, each with its number."""
    numbers = np.bincount(codes) if len(codes) else codes
    return [(int(code), int(numbers[code])) for code in np.flatnonzero(numbers)]
