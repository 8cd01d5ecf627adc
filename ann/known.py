"""Makes a source's Parquet file from its VCF or table: every allele normalised, one a row."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pysam

from ann.known_rows import KnownRow, Value, Wanted, rows_of
from ann.normalise import normalise
from ann.references import Contig, KnownField, KnownSource, SourceWords
from ann.row_table import SMALLEST, RowTable

SQL_TYPES = {"String": "VARCHAR", "Integer": "BIGINT", "Float": "DOUBLE", "Flag": "BOOLEAN"}
PLACE = {
    "n": "BIGINT",
    "rank": "INTEGER",
    "chrom": "VARCHAR",
    "pos": "BIGINT",
    "ref": "VARCHAR",
    "alt": "VARCHAR",
}
BASES = frozenset("ACGTN")
WINDOW_BASES = 1 << 16
WRONG_SHARE = 0.05
"""A source with more REF bases that differ is another assembly's."""
TRUSTED = ("", ".", "PASS")


class KnownError(ValueError):
    """A source of known variants cannot be used; the reason in one line."""


@dataclass(frozen=True)
class FieldRecipe:
    """One column to read, its conversion (`ann.known_rows`), and the field that it becomes.

    `reads` is a table's column or, of a VCF, ID, FILTER or an INFO tag.
    """

    reads: str
    field: KnownField
    convert: str = ""


@dataclass(frozen=True)
class SourceRecipe(SourceWords):
    """The words of a KnownSource, and what its fields are read from."""

    fields: tuple[FieldRecipe, ...]

    @property
    def wanted(self) -> list[Wanted]:
        """The fields as `known_rows` reads them."""
        return [(f.reads, f.field.type, f.convert) for f in self.fields]

    def source(self, file: str) -> KnownSource:
        """The source as reference.json describes it."""
        return KnownSource(**self.words, file=file, fields=tuple(f.field for f in self.fields))

    @property
    def words(self) -> dict[str, str]:
        """All but what the fields are."""
        return {f.name: getattr(self, f.name) for f in fields(SourceWords)}


@dataclass
class AlleleTally:
    """The numbers of alleles that a source brought, and of those left out by reason."""

    kept: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    what: str = "alleles"

    @property
    def is_another_assembly(self) -> bool:
        """True where too many REF bases are not the reference's."""
        wrong = self.left_out["with another REF"]
        return wrong > (self.kept + wrong) * WRONG_SHARE

    def __str__(self) -> str:
        reasons = "; ".join(f"{n:,} {why}" for why, n in sorted(self.left_out.items()))
        return f"{self.kept:,} {self.what}" + (f" ({reasons})" if reasons else "")


def source_recipe(description: dict[str, Any]) -> SourceRecipe:
    """The recipe that a JSON description holds. Raises TypeError or KeyError for another."""
    fields = []
    for field_map in description["fields"]:
        rest = {k: v for k, v in field_map.items() if k not in ("reads", "convert")}
        fields.append(
            FieldRecipe(field_map["reads"], KnownField(**rest), field_map.get("convert", ""))
        )
    words = {k: v for k, v in description.items() if k not in ("fields", "from")}
    return SourceRecipe(**words, fields=tuple(fields))


def build(
    recipe: SourceRecipe, source: Path, contigs: list[Contig], fasta: Path, out: Path
) -> AlleleTally:
    """Write `out` of a VCF or table, as `build_of` does. Raises KnownError and RowError."""
    only = contigs[0].name if len(contigs) == 1 else ""
    rows = rows_of(source, recipe.wanted, only)
    tally = build_of(recipe, rows, contigs, fasta, out)
    _demand_fit(f"{recipe.name}: {source.name}", tally)
    return tally


def build_of(
    recipe: SourceRecipe,
    rows: Iterable[KnownRow],
    contigs: list[Contig],
    fasta: Path,
    out: Path,
    level: int = SMALLEST,
) -> AlleleTally:
    """Write `out`, Parquet in the order of the contigs, packed at zstd's `level`.

    An allele is left out where the reference has no such contig, where REF is not the reference's,
    and where it is none of bases; the first row of the same allele counts.
    """
    tally = AlleleTally()
    fields = {f.field.column: SQL_TYPES[f.field.type] for f in recipe.fields}
    with RowTable(PLACE | fields, out, level) as table:
        for row in _alleles(recipe, rows, contigs, fasta, tally):
            table.add(row)
        names = ", ".join(f'"{name}"' for name in [*list(PLACE)[2:], *fields])
        tally.kept = table.write(f"""
            SELECT {names} FROM rows
            QUALIFY row_number() OVER (PARTITION BY rank, pos, ref, alt ORDER BY n) = 1
            ORDER BY rank, pos, ref, alt
        """)  # noqa: S608 names are checked
    return tally


def description(source: KnownSource) -> dict[str, Any]:
    """The source as JSON holds it."""
    return asdict(source) | {"fields": [asdict(field) for field in source.fields]}


def _alleles(
    recipe: SourceRecipe,
    rows: Iterable[KnownRow],
    contigs: list[Contig],
    fasta: Path,
    tally: AlleleTally,
) -> Iterator[tuple[Value, ...]]:
    """Each usable allele: its number, rank of the contig, place, alleles, values."""
    ranks = {contig.name: rank for rank, contig in enumerate(contigs)}
    names = {alias: c for c in contigs for alias in (c.name, *c.aliases)}
    with pysam.FastaFile(str(fasta)) as file:
        sequences = Sequences(file)
        for row in rows:
            contig = names.get(row.chrom)
            reason = _unusable(row, contig, sequences)
            if reason or contig is None:
                tally.left_out[reason or "on other contigs"] += 1
                continue
            tally.kept += 1
            place = normalise(sequences.of(contig), row.pos, row.ref, row.alt)
            yield (tally.kept, ranks[contig.name], contig.name, *place, *_trusted(recipe, row))


def _unusable(row: KnownRow, contig: Contig | None, sequences: "Sequences") -> str:
    if contig is None:
        return "on other contigs"
    if not (row.ref and row.alt and BASES.issuperset(row.ref) and BASES.issuperset(row.alt)):
        return "of no plain bases"
    if row.ref == row.alt:
        return "with ALT as REF"
    if sequences.of(contig).slice(row.pos - 1, row.pos - 1 + len(row.ref)) != row.ref:
        return "with another REF"
    return ""


def _trusted(recipe: SourceRecipe, row: KnownRow) -> Iterator[Value]:
    """The row's values; only the filter's own where the source distrusts the site."""
    roles = [f.field.role for f in recipe.fields]
    filters = [v for v, role in zip(row.values, roles, strict=True) if role == "filter"]
    is_trusted = all(str(value) in TRUSTED for value in filters)
    for value, role in zip(row.values, roles, strict=True):
        yield value if is_trusted or role in ("filter", "id") else ""


def _demand_fit(what: str, tally: AlleleTally) -> None:
    """Raise KnownError where the source is of no use to the reference."""
    if not tally.kept:
        raise KnownError(f"{what}: none of it fits this reference: {tally}")
    if tally.is_another_assembly:
        raise KnownError(f"{what} looks like another assembly's: {tally}")


class Sequences:
    """A FASTA file's sequences, upper case, read a window at a time, one contig after the other."""

    def __init__(self, file: pysam.FastaFile) -> None:
        self.file = file
        self.window = Window(file, Contig("", 0, ""))

    def of(self, contig: Contig) -> "Window":
        """The contig's sequence."""
        if self.window.contig is not contig:
            self.window = Window(self.file, contig)
        return self.window


class Window:
    """A contig's sequence, upper case, read a window at a time."""

    def __init__(self, file: pysam.FastaFile, contig: Contig) -> None:
        self.file, self.contig = file, contig
        self.start, self.text = 0, ""

    def __getitem__(self, number: int) -> str:
        return self.slice(number, number + 1)

    def slice(self, start: int, end: int) -> str:
        """Bases `start` to `end`, counted from 0, end excluded; cut off at the contig's end."""
        if start < 0:
            return ""
        if start < self.start or end > self.start + len(self.text):
            self.start = max(0, start - 1000)
            stop = min(self.contig.length, max(end, self.start + WINDOW_BASES))
            if self.start >= stop:
                return ""
            self.text = self.file.fetch(self.contig.name, self.start, stop).upper()
        return self.text[start - self.start : end - self.start]
