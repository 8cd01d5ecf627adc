"""Variants that somebody typed or pasted, a line each, as a VCF."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

MOST_LINES = 10_000
MITOCHONDRION = "MT"
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
BASES = "[ACGTNacgtn]+"
COLUMNS = re.compile(
    rf"(?P<chrom>[^\s:>,;]+)[\s:]+(?P<pos>\d[\d,]{{0,14}})[\s:]*(?P<ref>{BASES})[\s:>/]+(?P<alt>{BASES})"
)
"""MT 11778 G A; chrI:123:A:G; chrI:123 A>G; tabs of a VCF's first columns without the ID."""
VCF_COLUMNS = re.compile(
    rf"(?P<chrom>\S+)\t(?P<pos>\d{{1,15}})\t(?P<id>\S+)\t(?P<ref>{BASES})\t(?P<alt>{BASES})(\t.*)?"
)
MITOCHONDRIAL = re.compile(
    rf"(?:[\w.]+:)?m\.(?P<pos>\d{{1,6}})(?P<ref>{BASES})>(?P<alt>{BASES})", re.IGNORECASE
)
RSID = re.compile(r"rs\d{1,15}", re.IGNORECASE)
EXAMPLES = "m.11778G>A, MT 11778 G A, chrI:123:A:G"


class PasteError(ValueError):
    """A line that is no variant; the text says which, and how variants are written."""


class Variant(NamedTuple):
    """One alternative allele at a place: contig, position from 1, REF and ALT."""

    chrom: str
    pos: int
    ref: str
    alt: str


Known = Mapping[str, Iterable[Variant]]
"""The variants by the rsIDs (in lower case) that stand for them."""
Lookup = Callable[[Iterable[str]], Known]
"""Finds the variants of rsIDs (in lower case), all at once; one that is not known is left out."""


def vcf_of(text: str, lookup: Lookup) -> bytes:
    """A VCF of the lines, in their order; empty ones and comments are left out.

    Raises PasteError for a line that is no variant, too many lines, or none.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not lines:
        raise PasteError(f"There is no variant in this text. Write one a line, such as {EXAMPLES}.")
    if len(lines) > MOST_LINES:
        raise PasteError(
            f"These are {len(lines):,} lines; {MOST_LINES:,} can be pasted. Please upload a VCF."
        )
    known = lookup({line.lower() for _, line in lines if RSID.fullmatch(line)})
    records = [record for n, line in lines for record in _records(n, line, known)]
    return (HEADER + "".join(records)).encode()


def _records(number: int, line: str, known: Known) -> list[str]:
    if RSID.fullmatch(line):
        if line.lower() not in known:
            raise PasteError(
                f"Line {number}: {line} is in no source of known variants here. Write its place "
                f"and alleles instead, such as {EXAMPLES}."
            )
        return [_record(variant, line.lower()) for variant in known[line.lower()]]
    return [_record(_variant(number, line))]


def _variant(number: int, line: str) -> Variant:
    match = VCF_COLUMNS.fullmatch(line) or MITOCHONDRIAL.fullmatch(line) or COLUMNS.fullmatch(line)
    if not match:
        shown = "".join(c if c.isprintable() else " " for c in line[:60])
        raise PasteError(
            f"Line {number} is no variant that GAS can read: {shown!r}. Write {EXAMPLES}, or an "
            "rsID; deletions and insertions by their REF and ALT, as in a VCF."
        )
    values = match.groupdict()
    chrom = values.get("chrom") or MITOCHONDRION
    pos = int(values["pos"].replace(",", ""))
    return Variant(chrom, pos, values["ref"].upper(), values["alt"].upper())


def _record(variant: Variant, identifier: str = ".") -> str:
    chrom, pos, ref, alt = variant
    return f"{chrom}\t{pos}\t{identifier}\t{ref}\t{alt}\t.\t.\t.\n"
