"""The grammar of a view of a job's variants: filters, order, columns and place, as in the address.

Every name is one of this module's or of the file's columns; every value becomes a bound parameter.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from web.display.sequence_ontology import TERMS
from web.services.parquet_engine import quoted_name

MOST_CHARACTERS = 500
"""The longest value of a filter: a FILTER of Mutect2's has more than 200 characters."""
MOST_VALUES = 50
NONE = "none"
"""The choice that stands for an empty cell."""
KNOWN = "is_known"
SCALARS = ("BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN")
LISTS = "VARCHAR[]"
FACETS = ("consequence", "impact", "type", "filter", "status", "significance")
"""Columns whose values are offered as choices, each with its count."""
SEARCHED = ("gene", "hgvs_g", "hgvs_c", "hgvs_p", "id", "known_id", "transcript", "disease")
SEVERITY = "list_position(['HIGH', 'MODERATE', 'LOW', 'MODIFIER'], impact)"
REGION = re.compile(r"(?P<chrom>.+?)(?::(?P<start>[\d,]{1,15})(?:-(?P<stop>[\d,]{1,15}))?)?")
PLACE = re.compile(r"\S+:[\d,]+(?:-[\d,]+)?")
EXON = "non_coding_transcript_exon_variant"
"""Counted as bcftools' non_coding, which does not part exons and introns."""
RSID = re.compile(r"rs\d{1,15}", re.IGNORECASE)
CHANGE = re.compile(r"(\S+?)[: ](\d{1,15})[: ]([ACGTN]+)[:> ]([ACGTN]+)", re.IGNORECASE)
DEFAULT_COLUMNS = (
    "gene", "consequence", "impact", "hgvs_c", "hgvs_p", "known_id", "af", "significance",
    "qual", "filter", "genotypes",
)  # fmt: skip
GENOTYPES = ("n_called", "n_het", "n_hom")
Schema = Mapping[str, str]
"""The file's columns with their DuckDB types, in order."""


class InvalidView(ValueError):
    """An address that is no view of this table; says why, to its reader."""


@dataclass(frozen=True)
class Condition:
    """A condition on the rows; `name` is its filter's."""

    name: str
    sql: str
    parameters: tuple[Any, ...] = ()


def columns_offered(schema: Schema) -> list[str]:
    """The columns that a view may show, but for those of the variant's name."""
    has_genotypes = all(name in schema for name in GENOTYPES)
    hidden = {"row", "record", "ref", "alt", *GENOTYPES, "gt", "consequences"}
    shown = [n for n, kind in schema.items() if n not in hidden and kind in (*SCALARS, LISTS)]
    return shown + ["genotypes"] * has_genotypes


def known_columns(schema: Schema) -> list[str]:
    """The columns that known variants bring: those before the genotypes."""
    names = list(schema)
    stop = names.index("n_called") if "n_called" in names else len(names)
    start = names.index("known_id") if "known_id" in names else stop
    return names[start:stop]


def _choice(column: str, values: list[str], schema: Schema) -> Condition:
    _demand(column, schema)
    if column == "consequence":
        values = _ontology_names(values)
    name = quoted_name(column)
    listed = f"{name} IN ({', '.join('?' for _ in values)})"
    sql = f"({listed} OR {name} IS NULL)" if NONE in values else listed
    return Condition(column, sql, tuple(values))


def _ontology_names(values: list[str]) -> list[str]:
    """The Sequence Ontology's names, also for consequences that bear bcftools' names."""
    names = [TERMS[v][0] if v in TERMS else v for v in values]
    return names + [EXON] * ("non_coding" in values)


def _known(values: list[str], _: Schema) -> Condition:
    if not {*values} <= {"yes", "no"}:
        raise InvalidView("known is yes or no.")
    return Condition(KNOWN, f"{KNOWN} IN ({', '.join('?' for _ in values)})", tuple(values))


def _member(name: str, column: str, values: list[str], schema: Schema) -> Condition:
    _demand(column, schema)
    if column == "terms":
        values = _ontology_names(values)
    sql = " OR ".join(f"list_contains({column}, ?)" for _ in values)
    return Condition(name, f"({sql})", tuple(values))


def _region(values: list[str], _: Schema) -> Condition:
    """Any of the regions `MT`, `MT:100`, `MT:100-200`."""
    parts, parameters = [], []
    for value in values:
        match = REGION.fullmatch(value)
        start = _position(match["start"]) if match and match["start"] else None
        if not match or (":" in value and start is None):
            raise InvalidView(f"“{value}” is no region: write MT, MT:3243 or MT:3000-4000.")
        parts.append("chrom = ?" + (" AND pos BETWEEN ? AND ?" if start is not None else ""))
        parameters.append(match["chrom"])
        if start is not None:
            parameters += [start, _position(match["stop"]) if match["stop"] else start]
    return Condition("region", f"(({') OR ('.join(parts)}))", tuple(parameters))


def _position(digits: str) -> int | None:
    plain = digits.replace(",", "")
    return int(plain) if plain else None


def _limit(name: str, column: str, operator: str, values: list[str], schema: Schema) -> Condition:
    _demand(column, schema)
    try:
        limit = float(values[-1])
    except ValueError:
        limit = math.nan
    if math.isnan(limit):
        raise InvalidView(f"“{values[-1]}” is no number.")
    return Condition(name, f"{column} {operator} ?", (limit,))


def _rare(values: list[str], schema: Schema) -> Condition:
    """At most this frequent, or not known to be: what is rare may never have been seen."""
    limit = _limit("af_max", "af", "<=", values, schema)
    return replace(limit, sql=f"({limit.sql} OR af IS NULL)")


def _text(values: list[str], schema: Schema) -> Condition:
    """An rsID, a place, a change (MT 11778 G A), or text anywhere in a variant's names."""
    text = " ".join(values[-1].split())
    if RSID.fullmatch(text):
        return _rsid(text.lower())
    if PLACE.fullmatch(text):
        return replace(_region([text], schema), name="q")
    if match := CHANGE.fullmatch(text):
        chrom, pos, ref, alt = match.groups()
        sql = "(chrom = ? AND pos = ? AND upper(ref) = ? AND upper(alt) = ?)"
        return Condition("q", sql, (chrom, int(pos), ref.upper(), alt.upper()))
    named = [name for name in SEARCHED if name in schema]
    sql = " OR ".join(f"contains(lower({name}), ?)" for name in named)
    return Condition("q", f"({sql})", (text.lower(),) * len(named))


def _rsid(rsid: str) -> Condition:
    """A variant of this rsID; a cell may hold several. The quick condition comes first."""
    among = " OR ".join(
        f"(contains({n}, ?) AND regexp_matches({n}, ?))" for n in ("known_id", "id")
    )
    return Condition("q", f"({among})", (rsid, rf"\b{rsid}\b") * 2)


FILTERS: dict[str, Callable[[list[str], Schema], Condition]] = {
    "q": _text,
    "gene": partial(_member, "gene", "genes"),
    "region": _region,
    "term": partial(_member, "term", "terms"),
    **{name: partial(_choice, name) for name in FACETS},
    "known": _known,
    "af_min": partial(_limit, "af_min", "af", ">="),
    "af_max": _rare,
    "qual_min": partial(_limit, "qual_min", "qual", ">="),
}
"""The filters by their names in the address."""
OTHERS = {"sort", "columns", "after", "before", "counts"}


def _demand(column: str, schema: Schema) -> None:
    if column not in schema:
        raise InvalidView(f"This result has no column {column}.")


@dataclass(frozen=True)
class View:
    """One view; `after` and `before` are rows: the page begins after one, or ends before one."""

    filters: dict[str, list[str]] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    sort: str = ""
    descending: bool = False
    columns: tuple[str, ...] = ()
    after: int | None = None
    before: int | None = None

    @classmethod
    def parse(cls, args: MultiDict[str, str], schema: Schema) -> Self:
        """The view that an address describes. Raises InvalidView."""
        if unknown := [name for name in args if name not in FILTERS and name not in OTHERS]:
            raise InvalidView(f"“{unknown[0][:MOST_CHARACTERS]}” is no filter of this table.")
        given = {name: _values(args, name) for name in FILTERS}
        filters = {name: values for name, values in given.items() if values}
        sort = args.get("sort", "")
        return cls(
            filters=filters,
            conditions=tuple(FILTERS[n](values, schema) for n, values in filters.items()),
            sort=_sort(sort.removeprefix("-"), schema) if sort else "",
            descending=sort.startswith("-"),
            columns=_columns(_values(args, "columns"), schema),
            after=_row(args.get("after", "")),
            before=_row(args.get("before", "")),
        )

    def order(self) -> str | None:
        """The expression that rows are sorted by; None: they come as in the file."""
        if not self.sort or (self.sort == "row" and not self.descending):
            return None
        return SEVERITY if self.sort == "impact" else quoted_name(self.sort)

    def arguments(self, **changes: Any) -> list[tuple[str, str]]:
        """The address's arguments of this view, changed; without a place unless one is given."""
        pairs = [(name, value) for name, values in self.filters.items() for value in values]
        fixed = {"sort": ("-" if self.descending else "") + self.sort if self.sort else ""}
        if self.columns != DEFAULT_COLUMNS:
            fixed["columns"] = ",".join(self.columns)
        changed = {**fixed, **{name: str(value) for name, value in changes.items()}}
        return pairs + [(name, value) for name, value in changed.items() if value]

    def sorted_by(self, column: str) -> list[tuple[str, str]]:
        """The arguments of this view sorted by a column; the other way round if it is already."""
        falls = (self.sort or "row") == column and not self.descending
        return self.arguments(sort=f"-{column}" if falls else column)

    def without(self, name: str, value: str) -> list[tuple[str, str]]:
        """The arguments of this view without one value of one filter."""
        return [pair for pair in self.arguments() if pair != (name, value)]


def _values(args: MultiDict[str, str], name: str) -> list[str]:
    """The values given for a name, those that are empty left out."""
    texts: Iterable[str] = args.getlist(name)
    if name == "columns":
        texts = [part for text in texts for part in text.split(",")]
    values = list(dict.fromkeys(t for text in texts if (t := text.strip())))
    if len(values) > MOST_VALUES or any(len(v) > MOST_CHARACTERS for v in values):
        raise InvalidView(f"{name} has too many values, or too long a one.")
    return values


def _sort(column: str, schema: Schema) -> str:
    if schema.get(column) not in SCALARS:
        raise InvalidView(f"“{column[:MOST_CHARACTERS]}” is no column to sort by.")
    return column


def _columns(names: list[str], schema: Schema) -> tuple[str, ...]:
    offered = columns_offered(schema)
    if unknown := [name for name in names if name not in offered]:
        raise InvalidView(f"“{unknown[0]}” is no column of this table.")
    return tuple(names or (name for name in DEFAULT_COLUMNS if name in offered))


def _row(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidView("This address names no place in the table. Begin at its first page.")
    return int(text) if text else None
