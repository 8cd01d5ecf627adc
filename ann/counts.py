"""Counts what came of the annotation, record by record."""

import re
from collections import Counter
from dataclasses import dataclass, field

from ann.csq import KNOWN
from ann.references import Reference

BINS = 100
"""Bars in the density plot along each contig."""
BCSQ = re.compile(rb"(?:^|;)BCSQ=([^;]+)")
FLAGGED = re.compile(rb"(?:^|;)" + KNOWN + rb"(?:;|$)")
TRANSITIONS = {b"AG", b"GA", b"CT", b"TC"}
PLAIN = frozenset(b"ACGTNacgtn")
MOST_REMEMBERED = 20_000


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


class Counting:
    """Passes lines through and counts the records among them."""

    def __init__(self, reference: Reference) -> None:
        self.counts = Counts()
        self.lengths = {c.name.encode(): c.length for c in reference.contigs}
        self.bins = {name: [0] * BINS for name in self.lengths}
        self.terms: Counter[bytes] = Counter()
        self.genes: Counter[bytes] = Counter()
        self.alleles: Counter[tuple[bytes, bytes]] = Counter()

    def count(self, contig: bytes, pos: bytes, ref: bytes, alts: bytes, added: bytes) -> None:
        """One record; `added` is what the annotation put into its INFO."""
        counts = self.counts
        counts.records += 1
        self._place(contig, int(pos))
        self._alleles(ref, alts)
        if FLAGGED.search(added):
            counts.known += 1
        found = BCSQ.search(added)
        if found:
            counts.annotated += 1
            self._consequences(found[1])

    def _consequences(self, value: bytes) -> None:
        """Each consequence of each allele in each transcript; genes once a record."""
        if b"," not in value:
            terms, gene = value.split(b"|", 2)[:2]
            self.terms[terms] += 1
            self.genes[gene] += 1
            return
        entries = [entry.split(b"|", 2)[:2] for entry in value.split(b",")]
        self.terms.update(entry[0] for entry in entries)
        self.genes.update({entry[1] for entry in entries if len(entry) > 1})

    def _alleles(self, ref: bytes, alts: bytes) -> None:
        """Remember the alleles, which repeat, and look at them later."""
        self.alleles[ref, alts] += 1
        if len(self.alleles) > MOST_REMEMBERED:
            self._look_at_alleles()

    def _look_at_alleles(self) -> None:
        for (ref, alts), number in self.alleles.items():
            for alt in alts.split(b","):
                self._allele(ref.upper(), alt.upper(), number)
        self.alleles.clear()

    def _allele(self, ref: bytes, alt: bytes, number: int) -> None:
        kind = variant_type(ref, alt)
        self.counts.by_type[kind] += number
        if kind == "SNV" and ref + alt in TRANSITIONS:
            self.counts.transitions += number
        elif kind == "SNV":
            self.counts.transversions += number

    def _place(self, contig: bytes, pos: int) -> None:
        length = self.lengths.get(contig)
        if length:
            bin_ = min(BINS - 1, max(0, pos - 1) * BINS // length)
            self.bins[contig][bin_] += 1

    def done(self) -> Counts:
        """The counts, with the density of the contigs that have records."""
        counts = self.counts
        self._look_at_alleles()
        for terms, number in self.terms.items():
            for term in terms.decode().lstrip("*").split("&"):
                counts.consequences[term] += number
        for gene, number in self.genes.items():
            if gene:
                counts.genes[gene.decode()] += number
        counts.density = {name.decode(): bins for name, bins in self.bins.items() if any(bins)}
        return counts


def variant_type(ref: bytes, alt: bytes) -> str:
    """SNV, MNV, insertion, deletion, indel, symbolic, or reference (no alternative allele).

    The Sequence Ontology's SNV (SO:0001483), MNV (SO:0002007), insertion, deletion, indel.
    """
    if alt in (b".", b"*") or alt == ref:
        return "reference"
    if not PLAIN.issuperset(alt):
        return "symbolic"
    if len(ref) == len(alt):
        return "SNV" if len(ref) == 1 else "MNV"
    if len(ref) < len(alt) and alt.startswith(ref[:1]) and len(ref) == 1:
        return "insertion"
    if len(ref) > len(alt) and ref.startswith(alt) and len(alt) == 1:
        return "deletion"
    return "indel"
