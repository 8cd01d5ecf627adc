"""The table of a job's variants: its Parquet file, fetched once and queried with DuckDB."""

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from aws.storage.files import Files
from aws.storage.stored import S3Object
from vcf.spreadsheet import harmless
from web.services import variant_sql
from web.services.local_copies import LocalCopies
from web.services.parquet_engine import Gone, ParquetEngine, Row
from web.services.variant_sql import Query
from web.services.view import KNOWN, NONE, InvalidView, Schema, View

PAGE_ROWS = 50
EXPORT_BATCH = 5000
CHOICES_SHOWN = 40
REMEMBERED = 64
"""Tables whose columns and choices are kept in memory."""
NAMED = ("chrom", "pos", "ref", "alt")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Page:
    """The rows of a page, by column; `first` and `last` are its places for the next address."""

    rows: list[dict[str, Any]]
    has_previous: bool
    has_next: bool

    @property
    def first(self) -> int:
        return int(self.rows[0]["row"])

    @property
    def last(self) -> int:
        return int(self.rows[-1]["row"])


@dataclass(frozen=True)
class FacetCounts:
    """The number of rows of a view, and for each facet the number behind each choice."""

    total: int
    facets: dict[str, dict[str, int]]


class VariantTable:
    """One job's table. Every method may raise TooSlow, Unreadable or FileNotFoundError."""

    def __init__(self, explorer: "Explorer", stored: S3Object) -> None:
        self.explorer, self.stored = explorer, stored
        self.path = explorer.copies.fetch(stored)
        self.schema: Schema = explorer.remembered((stored, "schema"), self._schema)

    def page(self, view: View) -> Page:
        """One page of a view: its row numbers first, then their cells. Raises InvalidView."""
        found = self._page_rows(view)
        is_short = len(found) <= PAGE_ROWS
        numbers = found[:PAGE_ROWS]
        if view.before is not None:
            numbers.reverse()
            return Page(self._cells(numbers, view), has_previous=not is_short, has_next=True)
        return Page(self._cells(numbers, view), view.after is not None, not is_short)

    def counts(self, view: View) -> FacetCounts:
        """The counts beside the choices, each under the other filters."""
        table = variant_sql.source(self.path, self.schema)
        return self._facets(variant_sql.counts(table, self.schema, view, self.shown(view)))

    def shown(self, view: View) -> dict[str, list[str]]:
        """The choices of each facet: the most frequent, and those that the view has made."""
        return {
            facet: list(dict.fromkeys([*values, *view.filters.get(parameter(facet), ())]))
            for facet, values in self.choices().facets.items()
        }

    def choices(self) -> FacetCounts:
        """The most frequent choices and their counts without any filter."""
        table = variant_sql.source(self.path, self.schema)
        query = variant_sql.choices(table, self.schema, CHOICES_SHOWN)
        made: FacetCounts = self.explorer.remembered(
            (self.stored, "choices"), lambda: self._facets(query)
        )
        return made

    def _facets(self, query: Query) -> FacetCounts:
        facets: dict[str, dict[str, int]] = {n: {} for n in variant_sql.facets_of(self.schema)}
        total = 0
        for facet, value, count in self._rows(query):
            if not facet:
                total = count
            else:
                key = NONE if value is None else value
                facets[facet][key] = facets[facet].get(key, 0) + count
        return FacetCounts(total, facets)

    def row(self, number: int) -> dict[str, Any] | None:
        """All that the file has of one row."""
        table = variant_sql.source(self.path, self.schema)
        found = self._rows(variant_sql.one_row(table, number))
        return dict(zip((*self.schema, KNOWN), found[0], strict=True)) if found else None

    def stretch(self, chroms: Sequence[str], start: int, stop: int, most: int) -> list[Row]:
        """The first rows on a stretch (from 1, both ends included): `variant_sql.STRETCH`."""
        table = variant_sql.source(self.path, self.schema)
        return self._rows(variant_sql.stretch(table, chroms, start, stop, most))

    def tsv(self, view: View) -> Iterator[str]:
        """The rows of a view as lines of TSV, whatever page it is on, a batch at a time."""
        columns = [n for n in variant_sql.page_columns(self.schema, view.columns) if n != "row"]
        table = variant_sql.source(self.path, self.schema)
        numbers = self._column(variant_sql.all_rows(table, view))
        yield "\t".join(columns) + "\n"
        for start in range(0, len(numbers), EXPORT_BATCH):
            batch = numbers[start : start + EXPORT_BATCH].tolist()
            yield "".join(self._lines(batch, columns))

    def records(self, view: View) -> NDArray[Any]:
        """The numbers of the records of a view, rising: one of several alleles may come again."""
        table = variant_sql.source(self.path, self.schema)
        return self._column(variant_sql.all_records(table, view))

    def _lines(self, numbers: Sequence[int], columns: Sequence[str]) -> Iterator[str]:
        table = variant_sql.source(self.path, self.schema)
        found = self._rows(variant_sql.whole_cells(table, self.schema, numbers, columns))
        by_number = {row[0]: row[1:] for row in found}
        for number in numbers:
            yield "\t".join(map(_tsv_cell, by_number[number])) + "\n"

    def _page_rows(self, view: View) -> list[int]:
        table = variant_sql.source(self.path, self.schema)
        place = view.after if view.before is None else view.before
        key = None
        if place is not None:
            found = self._rows(variant_sql.key_of(table, view, place))
            if not found:
                raise InvalidView("This address names no place in the table.")
            key = found[0][0]
        query = variant_sql.page_rows(table, view, key, PAGE_ROWS + 1)
        return [row[0] for row in self._rows(query)]

    def _cells(self, numbers: Sequence[int], view: View) -> list[dict[str, Any]]:
        if not numbers:
            return []
        table = variant_sql.source(self.path, self.schema)
        columns = variant_sql.page_columns(self.schema, view.columns)
        found = self._rows(variant_sql.cells(table, self.schema, numbers, view.columns))
        by_number = {row[0]: dict(zip(columns, row, strict=True)) for row in found}
        return [by_number[number] for number in numbers]

    def _schema(self) -> Schema:
        return {row[0]: row[1] for row in self._rows(variant_sql.described(self.path))}

    def _rows(self, query: Query) -> list[Row]:
        return self.explorer.fresh(partial(self.explorer.engine.rows, *query), self.stored)

    def _column(self, query: Query) -> NDArray[Any]:
        return self.explorer.fresh(partial(self.explorer.engine.column, *query), self.stored)


class Explorer:
    """Opens the tables of jobs, in one engine and one folder of bounded size."""

    def __init__(self, files: Files, folder: Path, max_bytes: int, *others: Path) -> None:
        """`others` are folders whose Parquet files the engine may read as well."""
        self.copies = LocalCopies(files, folder, max_bytes)
        self.engine = ParquetEngine(folder, *others)
        self._lock = threading.Lock()
        self._remembered: OrderedDict[Any, Any] = OrderedDict()

    def open(self, stored: S3Object) -> VariantTable:
        """The table in a Parquet file in S3. Raises TooLarge, Unreadable, TooSlow."""
        return VariantTable(self, stored)

    def fresh(self, query: Callable[[], Answer], stored: S3Object, version: str = "") -> Answer:
        """Query the copy of an object; where another process has just deleted it, fetch it again.

        Raises FileNotFoundError where it is gone once more, and what the query raises.
        """
        try:
            return query()
        except Gone:
            path = self.copies.fetch(stored, version)
        try:
            return query()
        except Gone:
            raise FileNotFoundError(path) from None

    def remembered(self, key: Any, make: Any) -> Any:
        """A fact of a file, which never changes: made once, kept while it is among the newest."""
        with self._lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        made = make()
        with self._lock:
            self._remembered[key] = made
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return made


def parameter(facet: str) -> str:
    """The name of a facet in the address."""
    return "known" if facet == KNOWN else facet


def default_folder(prefix: str) -> Path:
    """The folder of a service's copies on this machine, shared by the site's processes."""
    return Path(tempfile.gettempdir()) / f"gas-explorer-{prefix}-{os.getuid()}"


def _tsv_cell(value: Any) -> str:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else str(value)
