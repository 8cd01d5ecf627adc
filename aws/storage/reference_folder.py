"""A reference's folder on disk: its name, its reference.json with checksums, made durable."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

DESCRIPTION = "reference.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A reference's name; a folder of another name is no reference."""
Manifest = dict[str, dict[str, Any]]


def manifest(folder: Path) -> Manifest:
    """Bytes and SHA-256 of every file below `folder` but reference.json, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): entry(path)
        for path in files
        if path.name != DESCRIPTION
    }


def entry(path: Path) -> dict[str, Any]:
    """A manifest's entry for one file."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(folder: Path) -> None:
    """Have the disk hold every file and folder below `folder`, and itself."""
    for path in [*folder.rglob("*"), folder]:
        sync_one(path)


def sync_one(path: Path) -> None:
    """Have the disk hold one file, or the names in one folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
