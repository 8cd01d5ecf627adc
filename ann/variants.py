"""One pass over a job's records and what csq found: variants.parquet, INFO's gains, the counts.

The records are looked at chunk by chunk, as arrays, so that memory does not grow with the file;
DuckDB writes the table beside it, in a thread of its own.
"""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ann import arrow, columns
from ann.chunks import Chunk, chunks
from ann.counts import Counts, Tally
from ann.described import Describer
from ann.findings import Finder
from ann.gains import Gains, gains
from ann.groups import grouped
from ann.growing import ENDED, Growth
from ann.known_hits import KnownVariants
from ann.models import NearbyModels
from ann.references import Reference
from ann.sql import text

ROW_GROUP_ROWS = 20_480
"""A larger one takes more memory, with 100 samples a hundred megabytes, and is no quicker."""
ROW_GROUP_BYTES = 48_000_000
"""What a group of 100 samples has; as many rows of long alleles would not fit into memory."""
PARQUET = (
    "FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
    f"DICTIONARY_SIZE_LIMIT 2000, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, "
    f"ROW_GROUP_SIZE_BYTES {ROW_GROUP_BYTES}"
)
MOST_ROWS_WAITING, MOST_BYTES_WAITING = 2 * ROW_GROUP_ROWS, 2 * ROW_GROUP_BYTES
"""More than are made while the engine packs a group."""
Table = arrow.ArrowColumn
Taker = Callable[[Chunk, Gains], None]


@dataclass(frozen=True)
class Found:
    """The outputs of the pass but INFO's gains."""

    parquet: Path
    counts: Counts


def annotate_variants(
    records: Path,
    csq: Callable[[], Sequence[Path]],
    reference: Reference,
    folder: Path,
    *,
    memory_mb: int,
    take: Taker,
    growth: Growth = ENDED,
) -> Found:
    """Make variants.parquet in `folder` of checked records and csq's VCFs; hand on the gains.

    `memory_mb` is for the engine; it writes to `folder` what does not fit. The files may still
    grow (`ann.chunks`). Raises GapError where csq's sites are not the records'.
    """
    parquet, tally = folder / "variants.parquet", Tally(reference)
    with connect(folder, memory_mb) as db, closing(Describer(reference)) as describer:
        known = KnownVariants(db, reference)
        finder = Finder(reference, NearbyModels(db, reference), describer)
        row = 0
        with TableWriter(db, parquet) as writer:
            for chunk in chunks(records, csq, growth):
                findings = finder.find(chunk)
                groups, hits = grouped(findings), known.look_up(findings)
                writer.write(columns.rows(findings, groups, hits, known.types, row))
                take(chunk, gains(findings, hits))
                tally.take(findings, groups, hits)
                row += len(findings.alleles)
    return Found(parquet, tally.counts())


def connect(folder: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """An engine of its own, which writes to `folder` only.

    It has one thread, and so keeps rows in order; with the setting it would hold back groups.
    """
    spill = folder / "duckdb"
    spill.mkdir(exist_ok=True)
    return duckdb.connect(
        config={
            "threads": 1,
            "preserve_insertion_order": False,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


class TableWriter:
    """Writes one Parquet file of tables, in a thread; a context manager, whose end is the file's.

    Raises what the engine raises, at the latest at its end.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.db, self.path = db.cursor(), path
        self.waiting: deque[Table] = deque()
        self.change = threading.Condition()
        self.thread = threading.Thread(target=self._run)
        self.fault: BaseException | None = None
        self.is_over = False

    def __enter__(self) -> "TableWriter":
        self.thread.start()
        return self

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        with self.change:
            self.is_over = True
            self.fault = self.fault or fault
            self.change.notify()
        self.thread.join()
        if self.fault and not fault:
            raise self.fault

    def write(self, table: Table) -> None:
        """Hand on a table, once there is room for it. Raises what the writing raised."""
        with self.change:
            self.change.wait_for(lambda: self.fault or self._has_room())
            if self.fault:
                raise self.fault
            self.waiting.append(table)
            self.change.notify()

    def _has_room(self) -> bool:
        rows = sum(table.length for table in self.waiting)
        size = sum(table.size for table in self.waiting)
        return rows < MOST_ROWS_WAITING and size < MOST_BYTES_WAITING

    def _run(self) -> None:
        try:
            self._copy()
        except BaseException as fault:
            with self.change:
                self.fault = self.fault or fault
                self.change.notify()

    def _copy(self) -> None:
        tables = arrow.Stream(self._tables())
        made = columns.select([name for name, _ in tables.first.children])
        self.db.register("tables", tables)
        self.db.execute(f"COPY (SELECT {made} FROM tables) TO {text(str(self.path))} ({PARQUET})")

    def _tables(self) -> Iterator[Table]:
        while table := self._next():
            yield table

    def _next(self) -> Table | None:
        """The next table, once it is there; None behind the last."""
        with self.change:
            self.change.wait_for(lambda: self.waiting or self.is_over)
            if self.fault:
                raise self.fault
            table = self.waiting.popleft() if self.waiting else None
            self.change.notify()
        return table
