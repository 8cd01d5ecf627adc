"""Reads known variants out of VCFs and tables, as their makers publish them."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import unquote

from vcf.file_type import GZIP

Value = str | int | float
Wanted = tuple[str, str, str]
"""The column or tag to read, its type as VCF has it, and the conversion's name."""
CHROM = ("chrom", "chr", "contig", "chromosome")
NUMBER = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")
ESCAPE = re.compile("%(3A|3B|3D|25|2C|0D|0A|09)", re.IGNORECASE)
REVIEW_STARS = {
    "practice guideline": 4,
    "reviewed by expert panel": 3,
    "criteria provided, multiple submitters, no conflicts": 2,
    "criteria provided, multiple submitters": 2,
    "criteria provided, conflicting classifications": 1,
    "criteria provided, conflicting interpretations": 1,
    "criteria provided, single submitter": 1,
}
"""ClinVar's stars (https://www.ncbi.nlm.nih.gov/clinvar/docs/review_status/); the rest has none."""


class RowError(ValueError):
    """A line that cannot be read, in words."""


class KnownRow(NamedTuple):
    """One alternative allele, upper case, as the source writes it, and the values wanted of it."""

    chrom: str
    pos: int
    ref: str
    alt: str
    values: tuple[Value, ...]


def rows_of(source: Path, wanted: list[Wanted], only_contig: str = "") -> Iterator[KnownRow]:
    """The alleles of a VCF, or of a table whose header line names pos, ref, alt and others.

    A table needs no contig column where there is only one. Raises RowError.
    """
    with text_of(source) as lines:
        head = lines.readline()
        if head.startswith("##fileformat=VCF"):
            yield from _vcf_rows(lines, wanted)
        else:
            yield from _table_rows(head, lines, wanted, only_contig)


def text_of(path: Path) -> IO[str]:
    """The file as text, unpacked where it is packed with gzip or bgzip."""
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    if packed:
        return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n")
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def vcf_numbers(lines: Iterator[str]) -> dict[str, str]:
    """The INFO tags that a VCF's header declares, with their Number."""
    numbers = {}
    for line in lines:
        if not line.startswith("##"):
            break
        declared = NUMBER.match(line)
        if declared:
            numbers[declared[1]] = declared[2]
    return numbers


def _vcf_rows(lines: IO[str], wanted: list[Wanted]) -> Iterator[KnownRow]:
    numbers = vcf_numbers(iter(lines.readline, ""))
    for line in lines:
        if line.strip():
            yield from alleles_of(line, wanted, numbers)


def alleles_of(line: str, wanted: list[Wanted], numbers: dict[str, str]) -> Iterator[KnownRow]:
    """The alleles of a VCF's record; `numbers` are the INFO tags' Number. Raises RowError."""
    columns = line.rstrip("\r\n").split("\t", 8)
    if len(columns) < 8 or not columns[1].isdigit():
        raise RowError(f"no VCF record: {line[:60]!r}")
    info = dict(_info(columns[7]))
    info |= {"ID": columns[2], "FILTER": columns[6]}
    for number, alt in enumerate(columns[4].split(",")):
        texts = [_of_allele(info.get(w[0], ""), numbers.get(w[0]), number) for w in wanted]
        values = tuple(
            converted(text if how else _plain(text, numbers.get(reads)), kind, how)
            for text, (reads, kind, how) in zip(texts, wanted, strict=True)
        )
        yield KnownRow(columns[0], int(columns[1]), columns[3].upper(), alt.upper(), values)


def _info(text: str) -> Iterator[tuple[str, str]]:
    for item in text.split(";"):
        name, has_value, value = item.partition("=")
        yield name, value if has_value else "1"


def _of_allele(text: str, number: str | None, allele: int) -> str:
    """The allele's own part of a value that has one for each."""
    if number not in ("A", "R") or not text:
        return text
    parts = text.split(",")
    place = allele + (number == "R")
    return parts[place] if place < len(parts) else ""


def _plain(text: str, number: str | None) -> str:
    """A value without the escapes of VCF 4.3, 1.2; in a list a comma keeps its own."""
    if "%" not in text:
        return text
    kept = "" if number in ("1", "A", "R") else "%2C"
    return ESCAPE.sub(lambda m: m[0] if m[0].upper() == kept else chr(int(m[1], 16)), text)


def _table_rows(
    head: str, lines: IO[str], wanted: list[Wanted], only_contig: str
) -> Iterator[KnownRow]:
    names = [name.strip() for name in head.lstrip("#").rstrip("\r\n").split("\t")]
    places = {name.lower(): place for place, name in enumerate(names)}
    chrom = next((places[name] for name in CHROM if name in places), None)
    missing = [name for name in ("pos", "ref", "alt") if name not in places]
    missing += [reads for reads, _, _ in wanted if reads.lower() not in places]
    if missing or (chrom is None and not only_contig):
        missing += [] if chrom is not None or only_contig else ["chrom"]
        raise RowError(f"the header line {head[:60]!r} names no column {', '.join(missing)}")
    pos, ref, alts = (places[name] for name in ("pos", "ref", "alt"))
    for line in lines:
        columns = line.rstrip("\r\n").split("\t")
        if columns == [""]:
            continue
        if len(columns) != len(names) or not columns[pos].isdigit():
            raise RowError(f"a line does not have the header's columns: {line[:60]!r}")
        values = tuple(
            converted(columns[places[reads.lower()]], kind, how) for reads, kind, how in wanted
        )
        contig = columns[chrom] if chrom is not None else only_contig
        for alt in columns[alts].upper().split(","):
            yield KnownRow(contig, int(columns[pos]), columns[ref].upper(), alt, values)


def converted(text: str, kind: str, how: str) -> Value:
    """The value as its type; empty where there is none, or none that the type can hold."""
    if text in ("", "."):
        return ""
    try:
        value = CONVERSIONS[how](text) if how else text
        if kind == "Integer":
            return int(value)
        if kind == "Float":
            return float(value)
    except ValueError:
        return ""
    if kind == "Flag":
        return "true" if value not in ("0", "false") else ""
    return value


def _words(text: str) -> str:
    """Text as VCFs hold it: underscores for spaces, %2C for a comma."""
    return unquote(text.replace("_", " "))


def _stars(text: str) -> str:
    return str(REVIEW_STARS.get(_words(text).lower(), 0))


def _rs(text: str) -> str:
    return ",".join(f"rs{number}" for number in text.split(","))


CONVERSIONS: dict[str, Callable[[str], str]] = {"words": _words, "stars": _stars, "rs": _rs}
