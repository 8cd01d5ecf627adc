"""Reads gene models out of GFF3 (Ensembl, RefSeq, GENCODE, Prokka) and GTF."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ann.biotypes import RNA, is_coding
from ann.genes import GeneModel, Part, TranscriptModel
from ann.gff_lines import Feature, GFFError, features

PREFIX = re.compile(r"(gene|transcript|rna|cds|exon|CDS|id)[:-]")
TERM = re.compile(r"pos:(?:complement\()?(\d+)(?:\.\.(\d+))?\)?,aa:TERM")
PARTS = {
    "exon": "exons",
    "CDS": "cds",
    "five_prime_UTR": "five_prime",
    "three_prime_UTR": "three_prime",
    "5UTR": "five_prime",
    "3UTR": "three_prime",
    "stop_codon": "stop",
}
IGNORED = {"start_codon", "UTR", "Selenocysteine", "intron", "region", "biological_region"}
IGNORED |= {"chromosome", "scaffold", "supercontig", "contig", "sequence_feature", "match"}
IGNORED |= {"cDNA_match", "start_codon_redefined_as_selenocysteine", "stop_codon_read_through"}
TRANS_SPLICED = "trans_spliced"
"""The biotype of transcripts with exons on both strands, for which csq would stop."""
GENE_TYPES = {"gene", "ncRNA_gene", "pseudogene", "transposable_element_gene"}
BIOTYPES = ("transcript_biotype", "transcript_type", "biotype", "gene_biotype", "gene_type")


@dataclass
class Models:
    """The contents of a file: its genes by contig and place, and what it says of contigs.

    `codes` are genetic codes that its CDS lines name, `aliases` other names of contigs.
    """

    genes: list[GeneModel] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)


def read(path: Path) -> Models:
    """The gene models of a file, plain or packed. Raises GFFError."""
    models = Models()
    builder = Builder(models)
    try:
        for feature in features(path):
            builder.take(feature)
    except (EOFError, OSError) as fault:
        raise GFFError(f"{path.name} cannot be read to its end: {fault}") from None
    builder.finish()
    models.genes.sort(key=lambda gene: (gene.contig, gene.start, gene.end))
    return models


class Builder:
    """Puts lines together into genes: parts to transcripts, transcripts to genes."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.genes: dict[str, GeneModel] = {}
        self.transcripts: dict[str, TranscriptModel] = {}
        self.parents: dict[str, str] = {}
        self.parts: list[tuple[str, Feature]] = []
        self.waiting: list[Feature] = []

    def take(self, feature: Feature) -> None:
        """Sort one line in; parts wait until every parent has been seen."""
        if feature.kind == "region":
            self._note_region(feature)
        if feature.kind in IGNORED:
            return
        if feature.kind in PARTS:
            for parent in self._parents(feature):
                self._take_part(parent, feature)
        elif _is_gene(feature):
            self._take_gene(feature)
        else:
            self._take_transcript(feature)

    def _take_part(self, parent: str, feature: Feature) -> None:
        """Add a part to its transcript; it waits where that has not been seen, or for the CDS."""
        transcript = self.transcripts.get(parent)
        if transcript is None or feature.kind == "stop_codon":
            self.parts.append((parent, feature))
        else:
            self._add(parent, transcript, feature)

    def _add(self, key: str, transcript: TranscriptModel, feature: Feature) -> None:
        if feature.contig != self.genes[self.parents[key]].contig:
            return  # UCSC gives copies on other contigs the same name
        code = feature.attributes.get("transl_table", "")
        if feature.kind == "CDS" and code.isdigit():
            self.models.codes.setdefault(feature.contig, int(code))
        _add(transcript, feature)

    def _note_region(self, feature: Feature) -> None:
        """RefSeq says of a whole sequence which chromosome it is."""
        attributes = feature.attributes
        aliases = self.models.aliases.setdefault(feature.contig, [])
        if feature.start == 1 and attributes.get("genome") == "chromosome":
            aliases += [name for name in [attributes.get("chromosome")] if name]
        if feature.start == 1 and attributes.get("genome") == "mitochondrion":
            aliases += ["MT"]

    def _parents(self, feature: Feature) -> list[str]:
        attributes = feature.attributes
        if "Parent" in attributes:
            return [unquote(name) for name in attributes["Parent"].split(",")]
        if "transcript_id" in attributes and "gene_id" in attributes:
            name = attributes["transcript_id"] or attributes["gene_id"]
            if name not in self.transcripts:
                self._take_transcript(feature._replace(kind="transcript"))
            return [name]
        name = attributes.get("locus_tag") or attributes.get("ID", "")
        if name and name not in self.genes:
            self._take_gene(feature._replace(attributes=attributes | {"ID": name}))
        return [name] if name else []

    def _take_gene(self, feature: Feature) -> None:
        attributes = feature.attributes
        key = attributes.get("ID") or attributes.get("gene_id", "")
        name = (
            attributes.get("Name")
            or attributes.get("gene_name")
            or attributes.get("gene")
            or bare(key)
        )
        biotype = next((attributes[n] for n in reversed(BIOTYPES) if attributes.get(n)), "")
        if not biotype and (feature.kind == "pseudogene" or _is_rna(feature)):
            biotype = feature.kind
        if key in self.genes:
            return
        self.genes[key] = GeneModel(
            bare(key),
            name,
            biotype,
            feature.contig,
            feature.start,
            feature.end,
            strand=feature.strand,
            description=attributes.get("description", "") or attributes.get("product", ""),
            dbxref=attributes.get("Dbxref", ""),
        )

    def _take_transcript(self, feature: Feature) -> None:
        attributes = feature.attributes
        key = (
            attributes.get("ID") or attributes.get("transcript_id") or attributes.get("gene_id", "")
        )
        parent = unquote(attributes.get("Parent", "")) or attributes.get("gene_id", "")
        if parent in self.transcripts:  # RefSeq: a miRNA within its primary transcript
            parent = self.parents[parent]
        if key in self.transcripts:
            return
        if parent not in self.genes:
            if "Parent" in attributes:
                self.waiting.append(feature)  # for its gene, if that comes later
                return
            if not (_is_rna(feature) or "gene_id" in attributes):
                return  # enhancers, repeats: nothing that csq knows
            parent = parent or key
            self._take_gene(feature._replace(attributes=attributes | {"ID": parent}))
        biotype = next((attributes[n] for n in BIOTYPES if attributes.get(n)), "")
        if not biotype and feature.kind not in ("mRNA", "transcript"):
            biotype = feature.kind
        name = "" if key.startswith("transcript:") else attributes.get("transcript_id", "")
        self.transcripts[key] = TranscriptModel(
            name or bare(key), biotype, feature.start, feature.end, feature.strand
        )
        self.parents[key] = parent

    def finish(self) -> None:
        """Hand out the parts, and put the genes into the models."""
        waiting, self.waiting = self.waiting, []
        for feature in waiting:
            self._take_transcript(feature)
        for parent, feature in self.parts:
            key = self._key_of(parent, feature)
            if key:
                self._add(key, self.transcripts[key], feature)
        for key, transcript in self.transcripts.items():
            gene = self.genes[self.parents[key]]
            _complete(gene, transcript, has_utrs=key.startswith("transcript:"))
            gene.transcripts.append(transcript)
        self.models.genes = list(self.genes.values())

    def _key_of(self, parent: str, feature: Feature) -> str:
        """The transcript that a part belongs to; one is made where it hangs on the gene itself."""
        gene = self.genes.get(parent)
        if parent in self.transcripts or gene is None:
            return parent if parent in self.transcripts else ""
        attributes = feature.attributes
        key, name = f"{parent} RNA", gene.id
        if feature.kind == "CDS":  # each CDS of a gene is a transcript of its own
            key = attributes.get("ID") or f"{parent} CDS"
            name = attributes.get("protein_id") or bare(attributes.get("ID", "")) or gene.id
        if key not in self.transcripts:
            self.transcripts[key] = TranscriptModel(
                name, gene.biotype, feature.start, feature.end, gene.strand
            )
            self.parents[key] = parent
        return key


def bare(name: str) -> str:
    """An ID without the word that says what it names (gene:, transcript-, rna-, cds-)."""
    return PREFIX.sub("", name, count=1) if PREFIX.match(name) else name


def _is_gene(feature: Feature) -> bool:
    attributes = feature.attributes
    if feature.kind in GENE_TYPES:
        return "Parent" not in attributes
    return attributes.get("ID", "").startswith("gene:")


def _is_rna(feature: Feature) -> bool:
    is_named = feature.kind.endswith("RNA") or feature.kind in RNA
    return is_named and bool(feature.attributes.get("ID"))


def _add(transcript: TranscriptModel, feature: Feature) -> None:
    if feature.strand in "+-" and transcript.strand in "+-" and feature.strand != transcript.strand:
        transcript.biotype = TRANS_SPLICED
        return
    part = Part(feature.start, feature.end, feature.phase if feature.kind == "CDS" else None)
    kind = PARTS[feature.kind]
    if kind == "stop":
        _add_stop(transcript, part)
        return
    getattr(transcript, kind).append(part)
    if feature.kind == "CDS":
        for place in TERM.finditer(feature.attributes.get("transl_except", "")):
            start, end = int(place[1]), int(place[2] or place[1])
            if end - start < 2:  # polyadenylation completes the stop codon
                transcript.three_prime.append(Part(start, end))


def _add_stop(transcript: TranscriptModel, stop: Part) -> None:
    """Take the stop codon into the CDS, as GFF3 has it and GTF has not."""
    for part in transcript.cds:
        if part.start <= stop.start and stop.end <= part.end:
            return
        if part.end + 1 == stop.start and transcript.strand != "-":
            part.end = stop.end
            return
        if stop.end + 1 == part.start and transcript.strand == "-":
            part.start = stop.start
            return
    transcript.cds.append(stop)


def _complete(gene: GeneModel, transcript: TranscriptModel, *, has_utrs: bool) -> None:
    """Give a transcript its biotype, order its parts, and let the gene cover it.

    Ensembl's GFF3 (`has_utrs`) names the untranslated regions; elsewhere they follow from the rest.
    """
    if transcript.biotype == TRANS_SPLICED:
        transcript.cds = []
    if not transcript.biotype:
        fallback = gene.biotype or "transcript"
        if is_coding(fallback) and not transcript.cds:
            fallback = "processed_transcript"
        transcript.biotype = "protein_coding" if transcript.cds else fallback
    if transcript.cds and _is_pseudo(gene, transcript):
        transcript.cds, transcript.biotype = [], gene.biotype
    gene.biotype = gene.biotype or transcript.biotype
    if transcript.strand not in ("+", "-"):
        transcript.strand = gene.strand
    transcript.tidy(derive_utrs=not has_utrs)
    gene.start = min(gene.start, transcript.start)
    gene.end = max(gene.end, transcript.end)


def _is_pseudo(gene: GeneModel, transcript: TranscriptModel) -> bool:
    """RefSeq gives pseudogenes a CDS that nothing translates."""
    return "pseudogene" in gene.biotype and not is_coding(transcript.biotype)


def on_contigs(genes: Iterable[GeneModel], names: dict[str, str]) -> list[GeneModel]:
    """The genes on contigs of these names, each under the contig's own."""
    kept = []
    for gene in genes:
        if gene.contig in names:
            gene.contig = names[gene.contig]
            kept.append(gene)
    return kept
