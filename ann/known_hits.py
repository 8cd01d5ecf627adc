"""Looks a chunk's alleles up in the sources of known variants."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from ann import arrow
from ann.findings import ChunkFindings
from ann.references import JobSource, KnownField, KnownSource, Reference
from ann.sql import name, text
from ann.table import Ints

ROLES = {"known_id": "id", "af": "af", "significance": "significance", "disease": "disease"}
"""Columns that are filled by the first source that has a field of that role."""
ROLE_TYPES = {"af": "DOUBLE"}
SPANS_NAMED = 20
CODE_SHIFT = 32
VARIANTS_NEAR = "(chrom = {contig} AND pos BETWEEN {low} AND {high})"
INTERVALS_NEAR = "(chrom = {contig} AND start <= {high} AND stop >= {low})"
Row = tuple[Any, ...]
MACROS = """
CREATE OR REPLACE MACRO info_text(word) AS replace(replace(replace(replace(replace(replace(
    word, '%', '%25'), ',', '%2C'), ';', '%3B'), '=', '%3D'), ' ', '_'), '…', '...')
"""
"""What INFO has of a text: without the ellipsis that shortens the longest, which is not ASCII."""
DTYPES = {"DOUBLE": "<f8", "FLOAT": "<f8", "BIGINT": "<i8", "INTEGER": "<i4", "BOOLEAN": "|b1"}


@dataclass
class Hits:
    """The words of the sources: `values` of each column by allele, `tags` of INFO likewise.

    `flags` are tags without a value; `listed` counts each source's alleles; `known` are those
    that a source of the reference's own lists.
    """

    values: dict[str, dict[int, Any]] = field(default_factory=dict)
    tags: dict[str, dict[int, str]] = field(default_factory=dict)
    flags: dict[str, set[int]] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)

    @property
    def ids(self) -> dict[int, str]:
        return self.values["known_id"]


class KnownVariants:
    """The sources of known variants of one reference; the columns of a user's own come first."""

    def __init__(self, db: duckdb.DuckDBPyConnection, reference: Reference) -> None:
        self.db, self.sources = db, reference.known
        self.files = [text(str(reference.path(source.file))) for source in self.sources]
        self.types: dict[str, str] = {}
        db.execute(MACROS)
        for source, file in zip(self.sources, self.files, strict=True):
            if isinstance(source, JobSource):
                self.types |= self._types_of(source, file)
        self.types |= {column: ROLE_TYPES.get(column, "VARCHAR") for column in ROLES}
        for source, file in zip(self.sources, self.files, strict=True):
            self.types |= self._types_of(source, file)

    def _types_of(self, source: KnownSource, file: str) -> dict[str, str]:
        found = self.db.execute(f"DESCRIBE FROM read_parquet({file})").fetchall()
        kinds = {row[0]: row[1] for row in found}
        return {column_of(source, field): kinds[field.column] for field in source.fields}

    def look_up(self, findings: ChunkFindings) -> Hits:
        """The values of every source for the alleles of a chunk; empty without a source."""
        hits = Hits({column: {} for column in self.types})
        if not self.sources:
            return hits
        near = self._normalised(findings)
        for source, file in zip(self.sources, self.files, strict=True):
            if isinstance(source, JobSource) and source.has_intervals:
                rows = self._touched(source, file, findings)
            else:
                rows = self.db.execute(_query(source, file, near)).fetchall() if near else []
            hits.listed[source.name] = len(rows)
            if not isinstance(source, JobSource):
                hits.known.update(row[0] for row in rows)
            _take(hits, source, rows)
        return hits

    def _touched(self, source: JobSource, file: str, findings: ChunkFindings) -> list[Row]:
        """The rows of a user's intervals for the alleles whose REF touches them."""
        alleles = findings.alleles
        contigs = alleles.contigs.texts
        codes = alleles.contigs.codes[alleles.records]
        which = np.flatnonzero(np.array([bool(contig) for contig in contigs])[codes])
        if not len(which):
            return []
        lows, codes = alleles.pos[which], codes[which]
        highs = lows + alleles.refs.lengths[which] - 1
        self._load(
            "touching",
            {
                "allele": arrow.numbers(which),
                "low": arrow.numbers((codes << CODE_SHIFT) + lows),
                "high": arrow.numbers((codes << CODE_SHIFT) + highs),
            },
        )
        near = _near(contigs, codes, lows, highs, INTERVALS_NEAR)
        return self.db.execute(_interval_query(source, file, near, contigs)).fetchall()

    def _load(self, table: str, columns: dict[str, arrow.ArrowColumn]) -> None:
        """Make a table of arrays."""
        self.db.register(f"{table}_now", arrow.Stream(iter([arrow.struct(columns)])))
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {table}_now")
        self.db.unregister(f"{table}_now")

    def _normalised(self, findings: ChunkFindings) -> str:
        """Make a table of the alleles; the condition that limits what is read of a source."""
        alleles = findings.alleles
        single = np.flatnonzero(alleles.is_snv & alleles.is_clean)
        described = findings.normalised
        which = np.concatenate([single, np.array(list(described), np.int64)])
        if not len(which):
            return ""
        pos = np.concatenate([alleles.pos[single], [d.pos for d in described.values()]])
        words = {bytes([n]).decode("latin-1"): n for n in range(128)}
        refs = [words.setdefault(d.ref, len(words)) for d in described.values()]
        alts = [words.setdefault(d.alt, len(words)) for d in described.values()]
        codes = alleles.contigs.codes[alleles.records[which]]
        columns = {
            "allele": arrow.numbers(which),
            "contig": arrow.coded(codes, alleles.contigs.texts),
            "pos": arrow.numbers(pos.astype(np.int64)),
            "ref": arrow.coded(np.append(alleles.ref_base[single], refs), list(words)),
            "alt": arrow.coded(np.append(alleles.alt_base[single], alts), list(words)),
        }
        self._load("normalised", columns)
        return _near(alleles.contigs.texts, codes, pos, pos, VARIANTS_NEAR)


def _near(contigs: list[str], codes: Ints, lows: Ints, highs: Ints, stretch: str) -> str:
    """A condition that holds for all rows of a source that may be wanted."""
    present = np.unique(codes).tolist()
    if len(present) > SPANS_NAMED:
        return f"chrom IN ({', '.join(text(contigs[code]) for code in present)})"
    parts = []
    for code in present:
        low, high = int(lows[codes == code].min()), int(highs[codes == code].max())
        parts.append(stretch.format(contig=text(contigs[code]), low=low, high=high))
    return " OR ".join(parts)


def _interval_query(source: JobSource, file: str, near: str, contigs: list[str]) -> str:
    """Contigs and positions become one number, so that a single range join finds the pairs."""
    names, *scores = (name(field.column) for field in source.fields)
    values = [f"string_agg(DISTINCT k.{names}, '|' ORDER BY k.{names}) AS {names}"]
    values += [f"max(k.{score}) AS {score}" for score in scores]
    code = f"(list_position([{', '.join(map(text, contigs))}], chrom) - 1)::BIGINT << {CODE_SHIFT}"
    columns = ", ".join(f"k.{name(field.column)}" for field in source.fields)
    return f"""
SELECT allele, {columns}, {", ".join(map(_words, source.fields))}
FROM (
    SELECT a.allele, {", ".join(values)}
    FROM touching a JOIN (
        SELECT *, ({code}) + start AS first, ({code}) + stop AS last
        FROM read_parquet({file}) WHERE {near}
    ) k ON a.low <= k.last AND a.high >= k.first
    GROUP BY a.allele
) k ORDER BY allele
"""


def _query(source: KnownSource, file: str, near: str) -> str:
    values = ", ".join(f"k.{name(field.column)}" for field in source.fields)
    words = ", ".join(_words(field) for field in source.fields)
    return f"""
SELECT n.allele, {values}, {words}
FROM normalised n JOIN (FROM read_parquet({file}) WHERE {near}) k
    ON k.chrom = n.contig AND k.pos = n.pos AND k.ref = n.ref AND k.alt = n.alt
ORDER BY n.allele
"""


def _words(field: KnownField) -> str:
    """The value as INFO has it."""
    value = f"k.{name(field.column)}"
    if field.type == "String":
        plain = f"replace({value}, ',', '|')" if field.number == "." else value
        return f"info_text({plain})"
    return f"CAST({value} AS VARCHAR)"


def _take(hits: Hits, source: KnownSource, rows: list[Row]) -> None:
    """Add what one source says."""
    size = len(source.fields)
    of_role = {source.with_role(role): column for column, role in ROLES.items()}
    for n, field_ in enumerate(source.fields, 1):
        values = {row[0]: row[n] for row in rows if row[n] is not None}
        hits.values[column_of(source, field_)] = values
        if field_ in of_role:
            role = hits.values[of_role[field_]]
            hits.values[of_role[field_]] = {**values, **role}
        if field_.type == "Flag":
            hits.flags[field_.tag] = {allele for allele, value in values.items() if value}
        else:
            words = {row[0]: row[n + size] for row in rows if row[n + size] is not None}
            hits.tags[field_.tag] = words


def column_of(source: KnownSource, field: KnownField) -> str:
    """The field's column of variants.parquet."""
    return f"{source.name}_{field.column}"


def column(kind: str, values: dict[int, Any], size: int) -> arrow.ArrowColumn:
    """The values of a source's column by allele, as a column of all alleles."""
    valid = np.zeros(size, np.bool_)
    valid[list(values)] = True
    if kind in DTYPES:
        numbers = np.zeros(size, DTYPES[kind])
        numbers[list(values)] = list(values.values())
        return arrow.numbers(numbers, valid)
    codes, words = np.zeros(size, np.int64), dict[str, int]()
    codes[list(values)] = [words.setdefault(str(v), len(words)) for v in values.values()]
    return arrow.coded(codes, list(words), valid)
