"""The reference genomes on offer, as their reference.json describes them."""

import json
import logging
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ann.records import VCFError
from aws.storage.reference_folder import DESCRIPTION, NAME

BUNDLED = Path(__file__).parent / "references"

log = logging.getLogger(__name__)
ACCESSION = re.compile(r"(?:[A-Z]{2}_)?[A-Z]{0,6}[0-9]{5,}\.[0-9]+")
"""An accession with its version, of RefSeq or GenBank."""


@dataclass(frozen=True)
class Contig:
    """One sequence of a reference; `genetic_code` is NCBI's number of its translation table."""

    name: str
    length: int
    md5: str
    aliases: tuple[str, ...] = ()
    genetic_code: int = 1

    @property
    def accession(self) -> str:
        """The sequence's accession with its version; empty where no name is one."""
        names = (self.name, *self.aliases)
        return next((name for name in names if ACCESSION.fullmatch(name)), "")


@dataclass(frozen=True)
class KnownField:
    """One thing that a source of known variants says, and where it goes.

    `column` names it in the source's Parquet file, `tag` in INFO (`type` and `number` as VCF has
    them; "." says that the value's commas separate values, "1" that they are text), `label` to
    people. `role` is what it means whatever the source: id, af, significance, disease, haplogroup,
    filter, or None.
    """

    column: str
    tag: str
    type: str
    number: str
    label: str
    role: str | None = None


@dataclass(frozen=True)
class SourceWords:
    """The words of a source; `date` is that of the data, which is to be shown with every value."""

    name: str
    title: str
    version: str
    date: str
    licence: str
    citation: str
    url: str


@dataclass(frozen=True)
class KnownSource(SourceWords):
    """A table of known variants: `file` is Parquet, beside reference.json.

    Its columns are chrom (the reference's name), pos, ref, alt (normalised, one allele a row) and
    those of `fields`; its rows go by contig, in the reference's order, then by position.
    """

    file: str
    fields: tuple[KnownField, ...]

    def with_role(self, role: str) -> KnownField | None:
        """The field that has this role."""
        return next((field for field in self.fields if field.role == role), None)


@dataclass(frozen=True)
class JobSource(KnownSource):
    """A table that a user gives with a job, beside the reference's own; `file` is a whole path.

    With `has_intervals` its columns are chrom, start, stop (from 1, both included) and those of
    `fields`.
    """

    has_intervals: bool = False


@dataclass(frozen=True)
class Region:
    """A part of a contig outside its genes that has a name; both ends counted from 1, included."""

    name: str
    title: str
    contig: str
    start: int
    end: int


@dataclass(frozen=True)
class Reference:
    """A folder with reference.json, FASTA, GFF3, gene models and, perhaps, known variants."""

    folder: Path
    name: str
    title: str
    assembly: str
    contigs: tuple[Contig, ...]
    fasta: str
    gff3: str
    aliases: tuple[str, ...] = ()
    genes: str = ""
    """The gene models as Parquet: a row for each transcript (`ann.genes`)."""
    known: tuple[KnownSource, ...] = ()
    regions: tuple[Region, ...] = ()
    not_these: dict[str, str] = field(default_factory=dict)
    """Lengths of look-alike contigs, each with the words that refuse it."""
    source: tuple[str, ...] = ()
    version: str = ""
    licence: str = ""
    gene_counts: dict[str, int] = field(default_factory=dict)
    """Genes in the file they came from (`genes`), those that csq uses, those that it translates."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Bytes and SHA-256 of the folder's other files (`ann.manifest`)."""

    def path(self, file: str) -> Path:
        return self.folder / file

    @property
    def has_known(self) -> bool:
        """True where a source of the reference's own says what is known."""
        return any(not isinstance(source, JobSource) for source in self.known)

    @cached_property
    def names(self) -> dict[str, Contig]:
        """Every name that a contig goes by."""
        return {alias: c for c in self.contigs for alias in (c.name, *c.aliases)}

    def describe(self) -> dict[str, Any]:
        """The contents of reference.json."""
        return dict(json.loads(self.path(DESCRIPTION).read_text(encoding="utf-8")))

    def match(self, name: str, length: int | None) -> Contig | None:
        """The contig of that name; its length, where it is stated, must be the same.

        Raises VCFError for a look-alike: the same name for another sequence.
        """
        contig = self.names.get(name)
        if contig is None or length is None or length == contig.length:
            return contig
        known = self.not_these.get(str(length), "it is another assembly's")
        raise VCFError(
            f"The header says that {name} has {length:,} bp; in {self.name} it has "
            f"{contig.length:,}: {known}. Please lift the variants over to {self.assembly}, "
            "or call them against it."
        )


def load(folder: Path) -> Reference:
    """The reference of a folder.

    Raises ValueError, naming the file that does not describe one, or that is missing.
    """
    path = folder / DESCRIPTION
    try:
        reference = _described(folder, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ValueError(f"{path}: {fault}") from None
    needed = [reference.fasta, f"{reference.fasta}.fai", reference.gff3]
    needed += [source.file for source in reference.known]
    needed += [reference.genes] * bool(reference.genes)
    missing = [name for name in needed if not reference.path(name).is_file()]
    if missing:
        raise ValueError(f"{path}: {', '.join(missing)} is missing")
    return reference


def _described(folder: Path, description: dict[str, Any]) -> Reference:
    if isinstance(description.get("known"), dict):
        raise ValueError("made by an earlier release: remove the folder and add it again")
    parts: dict[str, Any] = {
        "contigs": tuple(_contig(c) for c in description["contigs"]),
        "known": tuple(_known(source) for source in description.get("known", ())),
        "regions": tuple(Region(**region) for region in description.get("regions", ())),
    }
    parts |= {k: tuple(description[k]) for k in ("aliases", "source") if k in description}
    return Reference(folder, **(description | parts))


def _contig(description: dict[str, Any]) -> Contig:
    return Contig(**{**description, "aliases": tuple(description.get("aliases", ()))})


def _known(description: dict[str, Any]) -> KnownSource:
    fields = tuple(KnownField(**field) for field in description["fields"])
    return KnownSource(**{**description, "fields": fields})


def installed(folder: Path | None = None) -> list[Reference]:
    """Every reference: the bundled ones, then those in the operators' `folder`, by name.

    One that cannot be read is left out, with a line in the log: it must not stop the others.
    """
    found: dict[str, Reference] = {}
    for path in folders(folder):
        try:
            reference = load(path)
        except ValueError as fault:
            log.warning("reference left out: %s", fault)
            continue
        if reference.name != path.name or reference.name in found:
            log.warning("reference left out: %s: its name is %s", path, reference.name)
            continue
        found[reference.name] = reference
    return list(found.values())


def folders(folder: Path | None) -> list[Path]:
    """The folders that may be references; what a dot begins is one in the making."""
    folders = [BUNDLED] + ([folder] if folder else [])
    found = [p.parent for f in folders for p in sorted(f.glob(f"*/{DESCRIPTION}"))]
    return [path for path in found if NAME.fullmatch(path.name)]
