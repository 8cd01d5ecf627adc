"""A new reference's FASTA file: unpacked, indexed and described contig by contig."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import pysam

from vcf.file_type import GZIP

CHUNK_BYTES = 1 << 22


class SequenceError(ValueError):
    """A FASTA file cannot be used; the reason in one line."""


class Sequence(NamedTuple):
    """A contig's name, its length and the MD5 of its upper-case sequence."""

    name: str
    length: int
    md5: str


def take_in(source: Path, fasta: Path) -> list[Sequence]:
    """Write `fasta`, plain and indexed (`.fai`), and describe its sequences.

    Raises SequenceError.
    """
    records = _unpack(source, fasta)
    try:
        pysam.samtools.faidx(str(fasta))
        with pysam.FastaFile(str(fasta)) as file:
            found = list(_described(file))
    except (pysam.SamtoolsError, OSError, ValueError):
        raise SequenceError(
            f"{source.name} is no FASTA file, or a sequence is empty, or has lines of several "
            "lengths"
        ) from None
    if len(found) != records:
        raise SequenceError(f"{source.name} has {records} sequences with {len(found)} names")
    return found


def _unpack(source: Path, fasta: Path) -> int:
    """Copy the file, unpacked where it is packed; how many sequences begin in it."""
    with source.open("rb") as stream:
        packed = stream.read(2) == GZIP
    opener = gzip.open if packed else open
    records, last = 0, b"\n"
    try:
        with cast(BinaryIO, opener(source, "rb")) as stream, fasta.open("wb") as plain:
            while block := stream.read(CHUNK_BYTES):
                records += (last + block).count(b"\n>")
                last = block[-1:]
                plain.write(block)
    except (EOFError, OSError) as fault:
        raise SequenceError(f"{source.name} cannot be read to its end: {fault}") from None
    return records


def _described(file: pysam.FastaFile) -> Iterator[Sequence]:
    for name, length in zip(file.references, file.lengths, strict=True):
        digest = hashlib.md5(usedforsecurity=False)
        for start in range(0, length, CHUNK_BYTES):
            digest.update(file.fetch(name, start, start + CHUNK_BYTES).upper().encode())
        yield Sequence(name, length, digest.hexdigest())
