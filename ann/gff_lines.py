"""Reads the lines of GFF3 and GTF files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from ann.known_rows import text_of

COLUMNS = 9
PLACES = re.compile(r"-?\d+\t-?\d+")
"""Below 1 where a file was cut out of a larger one; csq takes such genes."""
GTF_ATTRIBUTE = re.compile(r'(\w+)\s+(?:"([^"]*)"|([^\s;]+))\s*;?')


class GFFError(ValueError):
    """A file of gene models cannot be read; the reason in one line."""


class Feature(NamedTuple):
    """One line of the file; places count from 1, ends included."""

    contig: str
    kind: str
    start: int
    end: int
    strand: str
    phase: int | None
    attributes: dict[str, str]


def features(path: Path) -> Iterator[Feature]:
    """The lines of a GFF3 or GTF that describe something. Raises GFFError."""
    with text_of(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("##FASTA"):
                return
            if line.startswith("#") or not line.strip():
                continue
            columns = line.rstrip("\r\n").split("\t", COLUMNS - 1)
            if len(columns) != COLUMNS or not PLACES.fullmatch("\t".join(columns[3:5])):
                raise GFFError(f"{path.name}, line {number}: this is no GFF3 or GTF: {line[:60]!r}")
            yield _feature(columns)


def _feature(columns: list[str]) -> Feature:
    contig, _, kind, start, end, _, strand, phase, text = columns
    is_gtf = "=" not in text.partition('"')[0]
    attributes = _gtf(text) if is_gtf else _gff3(text)
    coded = int(phase) if phase in ("0", "1", "2") else None
    return Feature(contig, kind, int(start), int(end), strand, coded, attributes)


def _gff3(text: str) -> dict[str, str]:
    attributes = {}
    for item in text.split(";"):
        name, _, value = item.strip().partition("=")
        attributes[name] = unquote(value) if "%" in value and name != "Parent" else value
    return attributes


def _gtf(text: str) -> dict[str, str]:
    """A GTF's attributes under the names that GFF3 has for them."""
    attributes: dict[str, str] = {}
    for name, quoted, bare in GTF_ATTRIBUTE.findall(text):
        attributes.setdefault(name, quoted or bare)
    return attributes
