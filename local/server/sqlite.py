"""A file of rows by kind and key, in which a save is done as a whole or not at all."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Name = tuple[str, str]
"""Kind and key of a row."""


class RowFile:
    """An SQLite file; used by one thread."""

    def __init__(self, path: Path) -> None:
        path.touch(0o600)
        path.chmod(0o600)
        self.file = sqlite3.connect(path)
        self.file.execute("PRAGMA synchronous = NORMAL")
        self.file.execute(
            "CREATE TABLE IF NOT EXISTS saved (kind, key, value, PRIMARY KEY(kind, key))"
        )

    def of(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Every row of that kind, with its key, as they were written."""
        query = "SELECT key, value FROM saved WHERE kind = ? ORDER BY rowid"
        return ((key, json.loads(value)) for key, value in self.file.execute(query, (kind,)))

    def save(self, changed: Mapping[Name, str], gone: Iterable[Name]) -> None:
        """Write these rows (in JSON) and remove those, at once."""
        rows = [(*name, value) for name, value in changed.items()]
        with self.file:
            self.file.executemany("DELETE FROM saved WHERE kind = ? AND key = ?", gone)
            self.file.executemany("INSERT OR REPLACE INTO saved VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        self.file.close()
