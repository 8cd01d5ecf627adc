"""One variant in words: labels of its columns, what is known of it, links to what others know."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

LABELS = {
    "chrom": "Contig", "pos": "Position", "id": "ID in the file", "ref": "REF", "alt": "ALT",
    "type": "Type", "qual": "Quality", "filter": "Filter", "status": "Annotated, or why not",
    "consequence": "Consequence", "impact": "Impact", "gene": "Gene", "transcript": "Transcript",
    "biotype": "Biotype", "hgvs_g": "HGVS, genome", "hgvs_c": "HGVS, coding",
    "hgvs_p": "HGVS, protein", "genes": "All genes", "terms": "All consequences",
    "regions": "Regions", "known_id": "Known as", "af": "Frequency",
    "significance": "Clinical significance", "disease": "Disease", "is_known": "Known variant",
    "genotypes": "Genotypes", "n_called": "Called", "n_het": "Heterozygous", "n_hom": "Homozygous",
}  # fmt: skip
"""Columns in words; a source's own columns have their labels from the reference."""
RSID = re.compile(r"rs\d+")
RCRS = "NC_012920.1:m."
ENSEMBL = re.compile(r"ENS[A-Z]*[GTP]\d{11}(?:\.\d+)?")
BASES = re.compile(r"[ACGT]{1,50}")
FLANK = 60
"""The bases that are drawn on either side of a variant."""
LONGEST_DRAWN = 2000
"""Of a longer allele, so many bases are in sight at first."""


class DrawnGenome(Protocol):
    """A reference, as far as a place in it is to be named."""

    @property
    def lengths(self) -> Mapping[str, int]: ...

    def contig_of(self, name: str) -> str | None: ...


@dataclass(frozen=True)
class SourceFacts:
    """A source of known variants, and what it says of one: pairs of label and value."""

    title: str
    version: str
    date: str
    facts: list[tuple[str, Any]]


@dataclass(frozen=True)
class OutsideLink:
    """A page elsewhere about a variant, its gene or its transcript."""

    label: str
    url: str


@dataclass(frozen=True)
class Surroundings:
    """The stretch around a variant, from 1, both ends included; `contig` is the reference's name.

    `region` is the same by the file's name for the contig.
    """

    contig: str
    start: int
    stop: int
    region: str

    @property
    def locus(self) -> str:
        return f"{self.contig}:{self.start}-{self.stop}"


def surroundings(row: Mapping[str, Any], genome: DrawnGenome) -> Surroundings | None:
    """The stretch to show around a variant; None for a contig that the reference has not."""
    contig, pos = genome.contig_of(row["chrom"]), int(row["pos"])
    if contig is None or not 0 < pos <= (length := genome.lengths[contig]):
        return None
    last = pos + min(len(row["ref"] or ""), LONGEST_DRAWN) - 1
    start, stop = max(1, pos - FLANK), min(length, last + FLANK)
    return Surroundings(contig, start, stop, f"{row['chrom']}:{start}-{stop}")


def label(column: str, sources: Iterable[Mapping[str, Any]] = ()) -> str:
    """A column's heading."""
    if column in LABELS:
        return LABELS[column]
    for source in sources:
        for field in source.get("fields", ()):
            if column == f"{source.get('name')}_{field.get('column')}":
                return str(field.get("label") or column)
    return column.replace("_", " ")


def known_facts(row: Mapping[str, Any], sources: Iterable[Mapping[str, Any]]) -> list[SourceFacts]:
    """The facts that each source has on a variant; a source without any is left out."""
    found = []
    for source in sources:
        start = f"{source.get('name')}_"
        facts = [
            (label(column, [source]), value)
            for column, value in row.items()
            if column.startswith(start) and value is not None
        ]
        if facts:
            title, version, date = (str(source.get(k) or "") for k in ("title", "version", "date"))
            found.append(SourceFacts(title, version, date, facts))
    return found


def sources_of(
    reference: Iterable[Mapping[str, Any]], summary: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The sources of a job: versions and dates from its summary, labels from the reference.

    The reference may have newer sources by now; the summary has those that the job was run with.
    """
    installed = {str(source.get("name")): source for source in reference}
    used = {str(source.get("name")): source for source in summary} or installed
    return [{**installed.get(name, {}), **source} for name, source in used.items()]


def outside_links(row: Mapping[str, Any]) -> list[OutsideLink]:
    """Pages of dbSNP, ClinVar, gnomAD, MITOMAP and Ensembl about this variant."""
    ids = dict.fromkeys(RSID.findall(f"{row.get('known_id') or ''};{row.get('id') or ''}"))
    links = [OutsideLink(f"dbSNP: {i}", f"https://www.ncbi.nlm.nih.gov/snp/{i}") for i in ids]
    if isinstance(number := row.get("clinvar_variation_id"), int):
        url = f"https://www.ncbi.nlm.nih.gov/clinvar/variation/{number}/"
        links.append(OutsideLink(f"ClinVar: {number}", url))
    return links + _mitochondrial(row) + _ensembl(row)


def _mitochondrial(row: Mapping[str, Any]) -> list[OutsideLink]:
    """Both databases name the human mitochondrion's variants by position and bases."""
    pos, ref, alt = row.get("pos"), str(row.get("ref")).upper(), str(row.get("alt")).upper()
    is_plain = BASES.fullmatch(ref) and BASES.fullmatch(alt)
    if not is_plain or not str(row.get("hgvs_g") or "").startswith(RCRS):
        return []
    gnomad = f"https://gnomad.broadinstitute.org/variant/M-{pos}-{ref}-{alt}?dataset=gnomad_r3"
    change = quote(f"{pos}{ref}>{alt}")
    mitomap = f"https://www.mitomap.org/cgi-bin/search_allele?variant={change}"
    return [OutsideLink("gnomAD", gnomad), OutsideLink("MITOMAP", mitomap)]


def _ensembl(row: Mapping[str, Any]) -> list[OutsideLink]:
    entries = row.get("consequences") or ()
    names = [str(entry.get(k) or "") for entry in entries for k in ("gene", "transcript")]
    found = dict.fromkeys(name for name in names if ENSEMBL.fullmatch(name))
    return [OutsideLink(f"Ensembl: {n}", f"https://www.ensembl.org/id/{n}") for n in found]
