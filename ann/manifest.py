"""The list of a reference's files with their checksums, in reference.json."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pysam

from ann.references import DESCRIPTION, Reference

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


def faults(reference: Reference) -> list[str]:
    """The faults of a reference's files: each in a line, none where all is well."""
    found = []
    for name, stated in reference.files.items():
        path = reference.path(name)
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != stated["bytes"]:
            found.append(f"{name} has {path.stat().st_size:,} bytes, not {stated['bytes']:,}")
        elif sha256(path) != stated["sha256"]:
            found.append(f"{name} has another SHA-256 than reference.json says")
    return found or sequence_faults(reference)


def sequence_faults(reference: Reference) -> list[str]:
    """The contigs whose sequence in the FASTA file has another MD5 than reference.json says."""
    found = []
    with pysam.FastaFile(str(reference.path(reference.fasta))) as file:
        for contig in reference.contigs:
            sequence = file.fetch(contig.name).upper().encode()
            if hashlib.md5(sequence, usedforsecurity=False).hexdigest() != contig.md5:
                found.append(f"contig {contig.name} has another MD5 than reference.json says")
    return found


def sync(folder: Path) -> None:
    """Have the disk hold every file and folder below `folder`, and itself."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
