"""Finds out all there is to say of a chunk's alleles: consequences, names, named parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ann.alleles import Alleles
from ann.chunks import Chunk
from ann.compounds import Compounds
from ann.described import Describer, Normalised
from ann.entries import ADDED, Entries, entries_of
from ann.fasta import MappedFasta
from ann.intervals import Intervals, Stretch, Thing
from ann.kinds import Kinds, of_rna
from ann.models import NearbyModels
from ann.naming import BaseChanges, NameTexts, names_of_bases
from ann.reading import SequenceReading, allele_of
from ann.references import Contig, Reference
from ann.table import Ints, Mask
from ann.texts import padded
from ann.transcript_names import TranscriptNames, names_on_transcripts

LEAD = b";GAS_HGVSG="
NEXT, NO_NAME = b",", b"."
MITOCHONDRIAL = {"mt", "m", "chrm", "chrmt", "mito", "mitochondrion"}


@dataclass
class ChunkFindings:
    """All that was found of the alleles of a chunk.

    `genome` has a name for each allele; `normalised` are alleles that are no single bases, where
    sources of known variants have them.
    `corrected` are entries that csq lacks or has wrong; `spans` is where the entries of each
    allele begin, and where the last end.
    """

    alleles: Alleles
    kinds: Kinds
    entries: Entries
    names: TranscriptNames
    genome: NameTexts
    corrected: list[int]
    normalised: dict[int, Normalised]
    regions: dict[int, list[str]]
    spans: Ints


class Finder:
    """Looks at chunk after chunk of one job."""

    def __init__(self, reference: Reference, models: NearbyModels, describer: Describer) -> None:
        self.models, self.describer = models, describer
        self.reading = SequenceReading(describer, models, MappedFasta(reference))
        self.has_known = bool(reference.known)
        self.prefixes = {contig.name: prefix(contig).encode() for contig in reference.contigs}
        self.compounds = Compounds()
        self.regions: dict[str, Intervals[tuple[int, str]]] = {}
        for contig in {region.contig for region in reference.regions}:
            self.regions[contig] = Intervals(
                Stretch(region.start, region.end, (number, region.name))
                for number, region in enumerate(reference.regions)
                if region.contig == contig
            )

    def find(self, chunk: Chunk) -> ChunkFindings:
        """The consequences and the names of all alleles of a chunk."""
        alleles, kinds = Alleles(chunk), Kinds()
        self._cover(alleles)
        entries = self.compounds.resolved(entries_of(alleles, kinds), alleles, kinds)
        entries = self._with_rna(entries, alleles, kinds)
        names = names_on_transcripts(entries, alleles, kinds, self.models, self.reading)
        added = np.flatnonzero(entries.numbers == ADDED).tolist()
        return ChunkFindings(
            alleles,
            kinds,
            entries._replace(kinds=names.kinds),
            names,
            self._on_the_genome(alleles),
            sorted([*names.corrected, *added]),
            self._normalised(alleles),
            self._regions(alleles),
            np.searchsorted(entries.alleles, np.arange(len(alleles) + 1)),
        )

    def _cover(self, alleles: Alleles) -> None:
        """See that the gene models of these alleles are at hand."""
        spans = {}
        for contig, which in _by_contig(alleles, alleles.is_clean):
            pos, lengths = alleles.pos[which], alleles.refs.lengths[which]
            spans[contig] = (int(pos.min()), int((pos + lengths).max()))
        if spans and self.models.cover(spans):
            self.describer.models = self.models.coding
            self.describer.transcript.cache_clear()

    def _with_rna(self, entries: Entries, alleles: Alleles, kinds: Kinds) -> Entries:
        """RNA genes whose bases csq masks, being another gene's as well, get their consequence.

        csq says `non_coding` of a whole RNA gene; in its exon the consequence is the exon's.
        """
        alone = ~alleles.is_snv & (alleles.ref_base == alleles.alt_base)
        owners, added, codes = [], [], entries.kinds.copy()
        for allele, genes in _hits(alleles, self.models.rna, alleles.pos + alone):
            first, stop = np.searchsorted(entries.alleles, (allele, allele + 1)).tolist()
            own = [kinds[code] for code in codes[first:stop].tolist()]
            names = {gene.name for gene in genes}
            found = [kind.in_exon() if kind.gene in names else kind for kind in own]
            codes[first:stop] = [kinds.code(kind) for kind in found]
            missing = [gene for gene in genes if gene.name not in {kind.gene for kind in own}]
            owners += [allele] * len(missing)
            added += [kinds.code(of_rna(gene.name, gene.biotype)) for gene in missing]
        entries = entries._replace(kinds=codes)
        if not added:
            return entries
        return entries.with_more(Entries.added(np.array(owners), np.array(added)))

    def _normalised(self, alleles: Alleles) -> dict[int, Normalised]:
        if not self.has_known:
            return {}
        described = np.flatnonzero(alleles.is_described).tolist()
        return {n: self.describer.normalised(allele_of(alleles, n)) for n in described}

    def _on_the_genome(self, alleles: Alleles) -> NameTexts:
        """Each allele's change of its contig; none for one that was set aside."""
        fronts = [self.prefixes.get(contig, b"") for contig in alleles.contigs.texts]
        contigs = alleles.contigs.codes[alleles.records]
        which = alleles.is_snv & alleles.is_clean & (alleles.ref_base != alleles.alt_base)
        others, texts = self.reading.changes(alleles, self.prefixes)
        names = texts.tolist()
        has_name = which.copy()
        has_name[others] = [bool(name) for name in names]
        leads = (alleles.numbers > 1).astype(np.int64)
        bases = BaseChanges(alleles.pos, alleles.ref_base, alleles.alt_base, which)
        found = names_of_bases(padded([LEAD, NEXT])[leads], padded(fronts)[contigs], bases)
        lead = [LEAD, NEXT]
        info = [
            lead[code] + name if name else b""
            for code, name in zip(leads[others].tolist(), names, strict=True)
        ]
        found = found.replaced(others, names, info)
        nameless = _nameless(alleles, has_name)
        blanks = [lead[code] + NO_NAME for code in leads[nameless].tolist()]
        return found.replaced(nameless, [b""] * len(nameless), blanks)

    def _regions(self, alleles: Alleles) -> dict[int, list[str]]:
        if not self.regions:
            return {}
        hits = _hits(alleles, self.regions, alleles.pos)
        return {n: [name for _, name in sorted(found)] for n, found in hits}


def _by_contig(alleles: Alleles, which: Mask) -> Iterator[tuple[str, Ints]]:
    """Each contig of the reference, and those of its alleles."""
    chosen = np.flatnonzero(which)
    codes = alleles.contigs.codes[alleles.records[chosen]]
    order = np.argsort(codes, kind="stable")
    chosen, codes = chosen[order], codes[order]
    bounds = np.append(np.flatnonzero(np.diff(codes, prepend=-1)), len(codes)).tolist()
    for first, stop in pairwise(bounds):
        contig = alleles.contigs.texts[codes[first]]
        if contig:
            yield contig, chosen[first:stop]


def _hits(
    alleles: Alleles, intervals: dict[str, Intervals[Thing]], lows: Ints
) -> Iterator[tuple[int, list[Thing]]]:
    """The alleles that something lies on, from these places to the ends of their REF."""
    highs = alleles.pos + alleles.refs.lengths - 1
    for contig, which in _by_contig(alleles, alleles.is_clean & alleles.is_plain):
        if contig not in intervals:
            continue
        maybe = which[intervals[contig].may_hit(lows[which], highs[which])]
        spans = zip(maybe.tolist(), lows[maybe].tolist(), highs[maybe].tolist(), strict=True)
        for allele, low, high in spans:
            found = intervals[contig].hits(low, high)
            if found:
                yield allele, found


def _nameless(alleles: Alleles, has_name: Mask) -> Ints:
    """The nameless alleles of records that have others with a name."""
    if not alleles.is_multi.any():
        return np.zeros(0, np.int64)
    named = np.bincount(alleles.records[has_name], minlength=len(alleles.rows))
    found: Ints = np.flatnonzero(~has_name & (named[alleles.records] > 0))
    return found


def prefix(contig: Contig) -> str:
    """The accession of the sequence, with its version, where one is known; m. for mitochondria."""
    names = {name.lower() for name in (contig.name, *contig.aliases)}
    return f"{contig.accession or contig.name}:{'m' if MITOCHONDRIAL & names else 'g'}."
