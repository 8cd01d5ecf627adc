"""DuckDB in this process: reads Parquet files of the folders that it is given, and nothing else.

https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

MEMORY_MB = 128
THREADS = 2
CONCURRENCY = 4
"""Queries at a time; others wait."""
TIMEOUT_S = 10

Row = tuple[Any, ...]


class TooSlow(Exception):
    """A query that took too long or too much memory, or that found no free place."""


class Unreadable(Exception):
    """A file that is no Parquet file, or not one that the query fits."""


class Gone(Exception):
    """A file that is not there (any more)."""


class RepeatedTimer(threading.Timer):
    """Goes off again and again: DuckDB forgets an interrupt that comes before the query begins."""

    def run(self) -> None:
        while not self.finished.wait(self.interval):
            self.function(*self.args, **self.kwargs)


class ParquetEngine:
    """One engine for all files: a cursor for each query, a memory limit for all of them."""

    def __init__(self, *folders: Path, timeout_s: float = TIMEOUT_S) -> None:
        self.folders, self.timeout_s = folders, timeout_s
        self._lock, self._places = threading.Lock(), threading.Semaphore(CONCURRENCY)
        self._engine: duckdb.DuckDBPyConnection | None = None

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a query. Raises TooSlow, Unreadable, Gone."""
        with self._cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def column(self, query: str, parameters: Sequence[object] = ()) -> NDArray[Any]:
        """The one column of a query, as an array. Raises TooSlow, Unreadable, Gone."""
        with self._cursor() as cursor:
            (values,) = cursor.execute(query, parameters).fetchnumpy().values()
            return values

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose query is interrupted after the time limit."""
        if not self._places.acquire(timeout=self.timeout_s):
            raise TooSlow("too many queries at a time")
        with ExitStack() as stack:
            stack.callback(self._places.release)
            cursor = stack.enter_context(self._connection().cursor())
            timer = RepeatedTimer(self.timeout_s, cursor.interrupt)
            timer.start()
            stack.callback(timer.cancel)
            with _translated_faults():
                yield cursor

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Start the engine with the first query, for gunicorn forks the process before it."""
        with self._lock:
            if self._engine is None:
                self._engine = _locked_engine(self.folders)
            return self._engine


@contextmanager
def _translated_faults() -> Iterator[None]:
    """DuckDB's faults in a query, as TooSlow, Gone or Unreadable."""
    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException) as fault:
        raise TooSlow(type(fault).__name__) from None
    except duckdb.IOException as fault:
        raise (Gone if "No files found" in str(fault) else Unreadable)(str(fault)) from None
    except duckdb.Error as fault:
        raise Unreadable(str(fault)) from None


def _locked_engine(folders: Sequence[Path]) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(
        config={
            "threads": THREADS,
            "memory_limit": f"{MEMORY_MB}MB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    engine.execute("SET parquet_metadata_cache = true")
    allowed = ", ".join(quoted_text(str(folder)) for folder in folders)
    engine.execute(f"SET allowed_directories = [{allowed}]")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def quoted_text(value: str) -> str:
    """A string of ours as SQL."""
    return "'" + value.replace("'", "''") + "'"


def quoted_name(value: str) -> str:
    """A name of ours as SQL."""
    return '"' + value.replace('"', '""') + '"'
