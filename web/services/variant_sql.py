"""The SQL of a job's table of variants: pages, counts, single rows, and the rows of a download.

Names in it are columns of the file, quoted; every value that a user gives is a bound parameter.
"""
# ruff: noqa: S608

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from web.services.parquet_engine import quoted_name, quoted_text
from web.services.view import (
    FACETS,
    GENOTYPES,
    KNOWN,
    LISTS,
    MOST_CHARACTERS,
    Condition,
    Schema,
    View,
    known_columns,
)

CELL_CHARACTERS = 60
"""A longer text is cut in the table; the variant's own page has all of it."""
ALWAYS = ("row", "chrom", "pos", "ref", "alt", "status")
"""Columns of every page: the variant's name, and the reason where it was set aside."""

Query = tuple[str, list[Any]]


def source(path: Path, schema: Schema) -> str:
    """The file as a table, with a column that says whether any source knows the variant."""
    known = " OR ".join(f"{quoted_name(name)} IS NOT NULL" for name in known_columns(schema))
    is_known = f"CASE WHEN {known or 'false'} THEN 'yes' ELSE 'no' END"
    return f"(SELECT *, {is_known} AS {KNOWN} FROM read_parquet({quoted_text(str(path))}))"


def described(path: Path) -> Query:
    """The file's columns and their types."""
    return f"DESCRIBE SELECT * FROM read_parquet({quoted_text(str(path))})", []


def where(conditions: Iterable[Condition]) -> Query:
    """All of the conditions, with their parameters."""
    found = list(conditions)
    sql = " AND ".join(condition.sql for condition in found) or "true"
    return sql, [value for condition in found for value in condition.parameters]


def key_of(table: str, view: View, row: int) -> Query:
    """The value that `row` is sorted by in this view."""
    return f"SELECT {view.order() or 'row'} FROM {table} WHERE row = ?", [row]


def page_rows(table: str, view: View, key: Any, most: int) -> Query:
    """The numbers of a page's rows; `key` is the value at `after` or `before`.

    Before a row they come backwards.
    """
    conditions = [*view.conditions, *_beyond(view, key)]
    condition, parameters = where(conditions)
    backwards = view.before is not None
    order = f"ORDER BY {_order(view, backwards)} LIMIT {most}"
    return f"SELECT row FROM {table} WHERE {condition} {order}", parameters


def all_rows(table: str, view: View) -> Query:
    """The numbers of all rows of a view, in its order."""
    condition, parameters = where(view.conditions)
    return f"SELECT row FROM {table} WHERE {condition} ORDER BY {_order(view, False)}", parameters


def all_records(table: str, view: View) -> Query:
    """The numbers of all records of a view, rising; one of several alleles may come again.

    To take each once, DuckDB would need memory for all of them.
    """
    condition, parameters = where(view.conditions)
    return f"SELECT record FROM {table} WHERE {condition} ORDER BY record", parameters


def _order(view: View, backwards: bool) -> str:
    row = "row DESC" if backwards else "row"
    if (column := view.order()) is None:
        return row
    way = "DESC" if view.descending != backwards else "ASC"
    return f"{column} {way} NULLS {'FIRST' if backwards else 'LAST'}, {row}"


def _beyond(view: View, key: Any) -> list[Condition]:
    """The rows after or before a place: by its key, then by its row; empty keys are last."""
    backwards = view.before is not None
    row = view.before if backwards else view.after
    if row is None:
        return []
    further = "row < ?" if backwards else "row > ?"
    column = view.order()
    if column is None:
        return [Condition("place", further, (row,))]
    if key is None:
        apart = "IS NOT NULL OR" if backwards else "IS NULL AND"
        return [Condition("place", f"({column} {apart} {further})", (row,))]
    sign = "<" if view.descending != backwards else ">"
    last = "" if backwards else f" OR {column} IS NULL"
    sql = f"({column} {sign} ?{last} OR ({column} = ? AND {further}))"
    return [Condition("place", sql, (key, key, row))]


def cells(table: str, schema: Schema, rows: Sequence[int], columns: Iterable[str]) -> Query:
    """The cells of a page's rows, in any order, long texts cut."""
    shown = [_cut(name, schema[name]) for name in page_columns(schema, columns)]
    return f"SELECT {', '.join(shown)} FROM {table} WHERE {_among(rows)}", [list(rows)]


def page_columns(schema: Schema, columns: Iterable[str]) -> list[str]:
    """The file's columns that a page needs."""
    named = [n for c in columns for n in (GENOTYPES if c == "genotypes" else (c,))]
    return list(dict.fromkeys(n for n in (*ALWAYS, *named) if n in schema))


def _cut(name: str, kind: str) -> str:
    quoted = quoted_name(name)
    if kind == LISTS:
        return f"left(array_to_string({quoted}, ', '), {CELL_CHARACTERS + 1}) AS {quoted}"
    return f"left({quoted}, {CELL_CHARACTERS + 1}) AS {quoted}" if kind == "VARCHAR" else quoted


def whole_cells(table: str, schema: Schema, rows: Sequence[int], columns: Iterable[str]) -> Query:
    """The cells of these rows in full, for a download; lists as text."""
    shown = [
        f"array_to_string({quoted_name(n)}, ';')" if schema[n] == LISTS else quoted_name(n)
        for n in columns
    ]
    return f"SELECT row, {', '.join(shown)} FROM {table} WHERE {_among(rows)}", [list(rows)]


def _among(rows: Sequence[int]) -> str:
    """A condition for these rows; the range lets the engine skip most of the file."""
    low, high = min(rows, default=0), max(rows, default=0)
    return f"row BETWEEN {int(low)} AND {int(high)} AND row IN (SELECT unnest(?::BIGINT[]))"


def one_row(table: str, row: int) -> Query:
    return f"SELECT * FROM {table} WHERE row = ?", [row]


STRETCH = ("row", "chrom", "pos", "length(ref)", "left(ref, 20)", "left(alt, 20)", "impact",
           "consequence", "gene")  # fmt: skip
LONGEST_ALLELE = 10_000
"""A longer deletion is not looked for far before the stretch that it reaches into."""


def stretch(table: str, chroms: Sequence[str], start: int, stop: int, most: int) -> Query:
    """STRETCH of the rows between two positions of a contig, which goes by any of these names."""
    names = ", ".join("?" for _ in chroms)
    condition = f"chrom IN ({names}) AND pos BETWEEN ? AND ? AND pos + length(ref) > ?"
    query = f"SELECT {', '.join(STRETCH)} FROM {table} WHERE {condition}"
    parameters = [*chroms, start - LONGEST_ALLELE, stop, start]
    return f"{query} ORDER BY pos, row LIMIT {most}", parameters


def choices(table: str, schema: Schema, most: int) -> Query:
    """As `counts`, of all rows: the `most` frequent choices of each facet that a view can make."""
    short = {
        facet: Condition("offered", f"({name} IS NULL OR length({name}) <= {MOST_CHARACTERS})")
        for facet, name in ((facet, quoted_name(facet)) for facet in facets_of(schema))
    }
    return _counted(table, schema, [], short, f"ORDER BY n DESC, 2 LIMIT {most}")


def counts(table: str, schema: Schema, view: View, shown: Mapping[str, Iterable[str]]) -> Query:
    """(facet, value, count): for each choice that is shown the rows under all filters but its
    facet's own.

    The facet '' is the number of rows under all of them.
    """
    offered = {facet: _offered(quoted_name(facet), values) for facet, values in shown.items()}
    return _counted(table, schema, view.conditions, offered, "")


def _offered(name: str, values: Iterable[str]) -> Condition:
    sql = f"({name} IS NULL OR {name} IN (SELECT unnest(?::VARCHAR[])))"
    return Condition("offered", sql, (list(values),))


def _counted(
    table: str,
    schema: Schema,
    conditions: Sequence[Condition],
    offered: Mapping[str, Condition],
    rest_of_part: str,
) -> Query:
    """Count all facets in one pass: the rows for each combination of values, then their sums."""
    facets = facets_of(schema)
    chosen = [c for c in conditions if c.name in facets]
    rest, parameters = where(c for c in conditions if c.name not in facets)
    parts = []
    for facet in ("", *facets):
        own = [offered[facet]] if facet in offered else []
        condition, more = where([*(c for c in chosen if c.name != facet), *own])
        value = quoted_name(facet) if facet else "''"
        parts.append(
            f"(SELECT {quoted_text(facet)}, {value}, CAST(sum(n) AS BIGINT) AS n FROM cube "
            f"WHERE {condition} GROUP BY 2 {rest_of_part})"
        )
        parameters += more
    names = ", ".join(map(quoted_name, facets))
    cube = f"SELECT {names}, count(*) AS n FROM {table} WHERE {rest} GROUP BY ALL"
    query = f"WITH cube AS MATERIALIZED ({cube}) {' UNION ALL '.join(parts)} ORDER BY n DESC, 2"
    return query, parameters


def facets_of(schema: Schema) -> list[str]:
    """The facets of this file."""
    return [*(name for name in FACETS if name in schema), KNOWN]
