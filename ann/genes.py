"""GeneModel models, and their two files: GFF3 for bcftools csq, Parquet for the table of variants.

Every flavour of GFF3 and GTF becomes these models first (`ann.gff`).
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import duckdb

from ann.biotypes import csq_biotype, csq_type
from ann.references import Contig

GFF3_HEAD = "##gff-version 3\n"
PARQUET_COLUMNS = {
    "transcript": "VARCHAR",
    "gene": "VARCHAR",
    "name": "VARCHAR",
    "biotype": "VARCHAR",
    "gene_biotype": "VARCHAR",
    "strand": "VARCHAR",
    "contig": "VARCHAR",
    "start": "BIGINT",
    "stop": "BIGINT",
    "genetic_code": "INTEGER",
    "phase": "INTEGER",
    "exons": "STRUCT(start BIGINT, stop BIGINT)[]",
    "cds": 'STRUCT(start BIGINT, stop BIGINT, "offset" BIGINT)[]',
    "description": "VARCHAR",
    "dbxref": "VARCHAR",
}
"""The gene models' columns: a row for each transcript.

`transcript` is the name that csq prints, `name` the gene's as people write it. Places count from
1, ends included; `exons` and `cds` go up the contig, and a part of the CDS says how many coding
bases stand before it, in the transcript's direction. `phase` bases of an incomplete 5' end belong
to a codon that begins before it.
"""
RESERVED = {ord(c): f"%{ord(c):02X}" for c in '\t\n\r ,;=&|%"<>'}
"""csq copies names into BCSQ, where these would end a name, an entry or a tag."""


@dataclass(slots=True)
class Part:
    """An exon or a part of the CDS, counted from 1, end included."""

    start: int
    end: int
    phase: int | None = None

    @property
    def length(self) -> int:
        return self.end - self.start + 1


@dataclass(slots=True)
class TranscriptModel:
    """A transcript with its parts, which go up the contig once `tidy` has been called."""

    id: str
    biotype: str
    start: int
    end: int
    strand: str
    exons: list[Part] = field(default_factory=list)
    cds: list[Part] = field(default_factory=list)
    five_prime: list[Part] = field(default_factory=list)
    three_prime: list[Part] = field(default_factory=list)

    def in_direction(self) -> list[Part]:
        """The CDS's parts as they are translated."""
        return self.cds if self.strand != "-" else self.cds[::-1]

    def is_in_phase(self) -> bool:
        """Tell if csq will translate it: known phases must be those that the lengths give."""
        length = 0
        for number, part in enumerate(self.in_direction()):
            if number == 0:
                length -= part.phase or 0
            elif part.phase is not None and (3 - part.phase) % 3 != length % 3:
                return False
            length += part.length
        return True

    def tidy(self, *, derive_utrs: bool) -> None:
        """Sort the parts, and complete what the file leaves out: exons, phases, perhaps UTRs."""
        for parts in (self.exons, self.cds, self.five_prime, self.three_prime):
            parts.sort(key=lambda part: (part.start, part.end))
        if not self.exons:
            self.exons = [Part(p.start, p.end) for p in self.cds] or [Part(self.start, self.end)]
        everything = [*self.exons, *self.cds]
        self.start = min(self.start, *(part.start for part in everything))
        self.end = max(self.end, *(part.end for part in everything))
        if self.cds:
            self._complete_phases()
            if derive_utrs and not (self.five_prime or self.three_prime):
                self._derive_utrs()

    def _complete_phases(self) -> None:
        length = 0
        for number, part in enumerate(self.in_direction()):
            if part.phase is None:
                part.phase = 0 if number == 0 else -length % 3
            length += part.length - (part.phase if number == 0 else 0)

    def _derive_utrs(self) -> None:
        first, last = self.cds[0].start, self.cds[-1].end
        before = [Part(e.start, min(e.end, first - 1)) for e in self.exons if e.start < first]
        after = [Part(max(e.start, last + 1), e.end) for e in self.exons if e.end > last]
        self.five_prime, self.three_prime = (
            (before, after) if self.strand != "-" else (after, before)
        )


@dataclass(slots=True)
class GeneModel:
    """A gene with its transcripts, on one contig."""

    id: str
    name: str
    biotype: str
    contig: str
    start: int
    end: int
    strand: str
    description: str = ""
    dbxref: str = ""
    transcripts: list[TranscriptModel] = field(default_factory=list)

    def usable(self) -> list[TranscriptModel]:
        """The transcripts that csq takes."""
        return [t for t in self.transcripts if csq_biotype(t.biotype, bool(t.cds))]

    def is_coding(self) -> bool:
        """Tell if csq translates one of its transcripts."""
        return any(t.cds and t.strand in "+-" and t.is_in_phase() for t in self.usable())


def write_gff3(genes: Iterable[GeneModel], contigs: list[Contig], out: Path) -> None:
    """Write what csq needs of the genes, and nothing else: it reads the file anew on every run."""
    # No name and no time in the gzip header: the same genes make the same bytes.
    with out.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(GFF3_HEAD.encode())
        for contig in contigs:
            stream.write(f"##sequence-region {contig.name} 1 {contig.length}\n".encode())
        for gene in genes:
            stream.write("".join(_gff3_lines(gene)).encode())


def _gff3_lines(gene: GeneModel) -> Iterator[str]:
    usable = gene.usable()
    if not usable:
        return
    is_coding = any(t.cds for t in usable)
    yield _line(
        gene.contig,
        "gene" if is_coding else "ncRNA_gene",
        Part(gene.start, gene.end),
        gene.strand,
        f"ID=gene:{escaped(gene.id)};Name={escaped(gene.name)};biotype={escaped(gene.biotype)}",
    )
    for transcript in usable:
        yield from _transcript_lines(gene, transcript)


def _transcript_lines(gene: GeneModel, transcript: TranscriptModel) -> Iterator[str]:
    biotype = csq_biotype(transcript.biotype, bool(transcript.cds))
    strand, name = transcript.strand, escaped(transcript.id)
    span = Part(transcript.start, transcript.end)
    ids = f"ID=transcript:{name};Parent=gene:{escaped(gene.id)};biotype={biotype}"
    yield _line(gene.contig, csq_type(biotype), span, strand, ids)
    parts = [
        ("exon", transcript.exons),
        ("CDS", transcript.cds),
        ("five_prime_UTR", transcript.five_prime),
        ("three_prime_UTR", transcript.three_prime),
    ]
    for kind, places in parts:
        for part in places:
            yield _line(gene.contig, kind, part, strand, f"Parent=transcript:{name}")


def _line(contig: str, kind: str, part: Part, strand: str, attributes: str) -> str:
    phase = "." if part.phase is None else part.phase
    return f"{contig}\t.\t{kind}\t{part.start}\t{part.end}\t.\t{strand}\t{phase}\t{attributes}\n"


def escaped(name: str) -> str:
    """The name as csq may print it: VCF's and GFF3's own characters by their numbers."""
    plain = name.translate(RESERVED)
    if plain.isascii():
        return plain
    return "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in plain)


def write_parquet(genes: Iterable[GeneModel], contigs: list[Contig], out: Path) -> None:
    """Write a row for each transcript, in the order of the contigs."""
    codes = {contig.name: contig.genetic_code for contig in contigs}
    rows = out.with_suffix(".rows")
    with rows.open("w", encoding="utf-8") as stream:
        for gene in genes:
            _write_rows(gene, codes[gene.contig], stream)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in PARQUET_COLUMNS.items())
    target, source = (str(path).replace("'", "''") for path in (out, rows))
    with duckdb.connect(config={"threads": 1}) as db:
        db.execute(
            f"COPY (FROM read_json('{source}', format = 'newline_delimited', "  # noqa: S608
            f"columns = {{{columns}}})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
    rows.unlink()


def _write_rows(gene: GeneModel, code: int, stream: IO[str]) -> None:
    for transcript in gene.usable():
        row: dict[str, Any] = {
            "transcript": escaped(transcript.id),
            "gene": gene.id,
            "name": gene.name,
            "biotype": transcript.biotype,
            "gene_biotype": gene.biotype,
            "strand": transcript.strand,
            "contig": gene.contig,
            "start": transcript.start,
            "stop": transcript.end,
            "genetic_code": code,
            "phase": (transcript.in_direction()[0].phase or 0) if transcript.cds else None,
            "exons": [{"start": part.start, "stop": part.end} for part in transcript.exons],
            "cds": _offsets(transcript),
            "description": gene.description or None,
            "dbxref": gene.dbxref or None,
        }
        stream.write(json.dumps(row) + "\n")


def _offsets(transcript: TranscriptModel) -> list[dict[str, int]]:
    before, parts = 0, []
    for part in transcript.in_direction():
        parts.append({"start": part.start, "stop": part.end, "offset": before})
        before += part.length
    return parts if transcript.strand != "-" else parts[::-1]
