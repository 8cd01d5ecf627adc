"""Rows written one by one, which DuckDB then sorts into Parquet."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import duckdb

MEMORY_MB = 256
SMALLEST = 19
"""zstd's level for files that are written once and kept for years."""
UNSAFE = {9: " ", 10: " ", 13: " "}


class RowTable:
    """A table that becomes the Parquet file `out`; `columns` have DuckDB's types.

    A context manager, which removes what is temporary. An empty value is NULL.
    """

    def __init__(self, columns: dict[str, str], out: Path, level: int = SMALLEST) -> None:
        self.columns, self.out, self.level = columns, out, level
        self.path = out.with_suffix(".rows")

    def __enter__(self) -> "RowTable":
        self.file: IO[str] = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.path.unlink()

    def add(self, row: Iterable[object]) -> None:
        self.file.write("\t".join(str(value).translate(UNSAFE) for value in row) + "\n")

    def write(self, query: str) -> int:
        """Write the result of a query of `rows` to `out`; how many rows there are."""
        self.file.close()
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in self.columns.items())
        with duckdb.connect(config={"memory_limit": f"{MEMORY_MB}MB", "threads": 1}) as db:
            db.execute(f"SET temp_directory = '{_quoted(self.out.parent / 'spill')}'")
            db.execute(f"""
                CREATE TEMP VIEW rows AS FROM read_csv('{_quoted(self.path)}', delim = '\t',
                    header = false, quote = '', escape = '', comment = '', nullstr = '',
                    auto_detect = false, columns = {{{columns}}})
            """)
            db.execute(f"""
                COPY ({query}) TO '{_quoted(self.out)}'
                    (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {self.level})
            """)
            found = db.execute(f"SELECT count(*) FROM '{_quoted(self.out)}'").fetchall()  # noqa: S608
        return int(found[0][0])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
