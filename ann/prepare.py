"""The pre-pass: checks a VCF against its reference and writes what bcftools csq may have.

Records that csq cannot take (another contig, another REF, symbolic alleles) are set aside, each
with a reason; csq's bogus answers for breakends and its crash on headers without contigs are
thereby out of reach.
"""

import heapq
import itertools
import re
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pysam

from ann.references import Contig, Reference, choose
from ann.tags import Tags, substance
from ann.vcf import BASES, Header, Reader, Record, VCFError

PEEK = 1000
"""Records looked at to choose the reference, and to see early that it cannot be right."""
MISMATCH_SHARE = 0.2
"""REF bases that disagree with the reference: beyond this share it is another assembly."""
MISMATCHES_SHOWN = 3
OLD_DECLARATION = re.compile(rb"##(INFO|FORMAT|FILTER)=[^<]")
SORT_LINES = 500_000
WRONG_REF = "REF differs from the reference"
NO_CONTIG = "contig not in the reference"
SYMBOLIC = "symbolic allele or breakend"
BEYOND = "position beyond the end of the contig"
Key = tuple[int, int]
Progress = Callable[[str], None]


@dataclass
class Prepared:
    """What the pre-pass leaves: two files in one order, and what it noticed.

    `aside_places` are the places, among all records, of those in `aside`.
    """

    reference: Reference
    clean: Path
    aside: Path
    records: int = 0
    substance: int = 0
    aside_places: "array[int]" = field(default_factory=lambda: array("Q"))
    reasons: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    is_sorted: bool = True
    notes: list[str] = field(default_factory=list)


class Sieve:
    """Tells the records that csq may see from those to set aside."""

    def __init__(self, reference: Reference, header: Header) -> None:
        self.reference, self.header = reference, header
        self.fasta = pysam.FastaFile(str(reference.path(reference.fasta)))
        self.contigs: dict[str, Contig | None] = {}
        self.tags = Tags(header)
        self.ranks = {c.name: rank for rank, c in enumerate(reference.contigs)}
        self.checked = 0
        self.mismatches: list[str] = []
        self.mismatched = 0

    def contig(self, name: str) -> Contig | None:
        if name not in self.contigs:
            known = self.reference.match(name, self.header.contigs.get(name))
            self.contigs[name] = known
            if known is None:
                self.ranks.setdefault(name, len(self.ranks))
        return self.contigs[name]

    def reason(self, record: Record) -> str | None:
        """Why the record is to be set aside; None: csq may have it."""
        contig = self.contig(record.contig)
        if contig is None:
            return NO_CONTIG
        if record.pos < 1 or record.pos + len(record.ref) - 1 > contig.length:
            return BEYOND
        if not self._agrees(record, contig):
            return WRONG_REF
        if not all(BASES.fullmatch(alt) or alt in (b"*", b".") for alt in record.alts):
            return SYMBOLIC
        return None

    def _agrees(self, record: Record, contig: Contig) -> bool:
        """Whether REF is the reference's, to the letter: csq refuses all else."""
        start = record.pos - 1
        bases = self.fasta.fetch(contig.name, start, start + len(record.ref)).upper().encode()
        self.checked += 1
        if bases == record.ref:
            return True
        self.mismatched += 1
        if len(self.mismatches) < MISMATCHES_SHOWN:
            self.mismatches.append(
                f"{record.contig}:{record.pos} has REF {_short(record.ref)} where "
                f"{self.reference.name} has {_short(bases)} (line {record.number})"
            )
        return False

    def demand_right_assembly(self) -> None:
        """Raise VCFError where too many REF bases disagree."""
        if self.mismatched <= self.checked * MISMATCH_SHARE:
            return
        raise VCFError(
            f"This looks like another assembly: REF disagrees with {self.reference.name} in "
            f"{self.mismatched:,} of {self.checked:,} records, first "
            f"{'; '.join(self.mismatches)}. Please lift the variants over to "
            f"{self.reference.assembly}, or choose the reference they were called against."
        )


def prepare(
    reader: Reader, wanted: str, offer: list[Reference], folder: Path, progress: Progress
) -> Prepared:
    """Read all; write `clean.vcf` and `aside.txt` in `folder`, sorted. Raises VCFError."""
    progress("reading")
    records = reader.records()
    head = list(itertools.islice(records, PEEK))
    reference = choose(reader.header, (r.contig for r in head), wanted, offer)
    sieve = Sieve(reference, reader.header)
    for record in head:
        sieve.reason(record)
    sieve.demand_right_assembly()
    sieve.checked = sieve.mismatched = 0
    sieve.mismatches.clear()
    prepared = Prepared(reference, folder / "clean.vcf", folder / "aside.txt")
    _write(prepared, sieve, itertools.chain(head, records), folder)
    sieve.demand_right_assembly()
    _demand_something_known(prepared, sieve)
    _note(prepared, sieve, reader.header)
    return prepared


def _write(prepared: Prepared, sieve: Sieve, records: Iterable[Record], folder: Path) -> None:
    """Sieve into two files; where the order is wrong, sort and write them once more."""
    body = folder / "clean.body"
    with body.open("wb") as clean, prepared.aside.open("wb") as aside:
        lines = _sieved(prepared, sieve, records)
        for place, (_, reason, line) in enumerate(lines):
            _put(prepared, place, reason, line, clean, aside)
    if not prepared.is_sorted:
        _sort(prepared, sieve, body, folder)
    with prepared.clean.open("wb") as whole:
        whole.write(_header(sieve))
        _append(body, whole)
    body.unlink()


def _sieved(
    prepared: Prepared, sieve: Sieve, records: Iterable[Record]
) -> Iterator[tuple[Key, str | None, bytes]]:
    last: Key = (-1, -1)
    for record in records:
        sieve.tags.note(record.line)
        reason = sieve.reason(record)
        contig = sieve.contigs[record.contig]
        name = contig.name if contig else record.contig
        if name != record.contig:
            prepared.renamed[record.contig] = name
        key = (sieve.ranks[name], record.pos)
        prepared.is_sorted = prepared.is_sorted and last <= key
        last = key
        prepared.records += 1
        prepared.substance += substance(record.line)
        if reason:
            prepared.reasons[reason] += 1
        yield key, reason, record.line if name == record.contig else record.moved_to(name)


def _put(
    prepared: Prepared,
    place: int,
    reason: str | None,
    line: bytes,
    clean: IO[bytes],
    aside: IO[bytes],
) -> None:
    if reason:
        prepared.aside_places.append(place)
    (aside if reason else clean).write(line + b"\n")


def _sort(prepared: Prepared, sieve: Sieve, body: Path, folder: Path) -> None:
    """Sort by contig and position, stable, in bounded memory; clean and aside keep one order."""
    chunks: list[IO[bytes]] = []
    lines = _keyed(sieve, _merged_back(prepared, body))
    while chunk := sorted(itertools.islice(lines, SORT_LINES), key=lambda item: item[0]):
        file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 closed below
        file.writelines(mark + line for _, mark, line in chunk)
        file.seek(0)
        chunks.append(file)
    prepared.aside_places = array("Q")
    merged = heapq.merge(*(_rekeyed(sieve, file) for file in chunks), key=lambda item: item[0])
    sorted_body, sorted_aside = folder / "sorted.body", folder / "sorted.aside"
    with sorted_body.open("wb") as clean, sorted_aside.open("wb") as aside:
        for place, (_, mark, line) in enumerate(merged):
            reason = "aside" if mark == b"-" else None
            _put(prepared, place, reason, line.rstrip(b"\n"), clean, aside)
    for file in chunks:
        file.close()
    sorted_body.replace(body)
    sorted_aside.replace(prepared.aside)


def _merged_back(prepared: Prepared, body: Path) -> Iterator[tuple[bytes, bytes]]:
    """Both files' lines in their common order, marked + (clean) or - (aside)."""
    places = iter(prepared.aside_places)
    next_aside = next(places, None)
    with body.open("rb") as clean, prepared.aside.open("rb") as aside:
        for place in range(prepared.records):
            if place == next_aside:
                next_aside = next(places, None)
                yield b"-", aside.readline()
            else:
                yield b"+", clean.readline()


def _keyed(
    sieve: Sieve, marked: Iterable[tuple[bytes, bytes]]
) -> Iterator[tuple[Key, bytes, bytes]]:
    for mark, line in marked:
        contig, pos, _ = line.split(b"\t", 2)
        yield (sieve.ranks[contig.decode("utf-8", "replace")], int(pos)), mark, line


def _rekeyed(sieve: Sieve, file: IO[bytes]) -> Iterator[tuple[Key, bytes, bytes]]:
    return _keyed(sieve, ((line[:1], line[1:]) for line in file))


def _header(sieve: Sieve) -> bytes:
    """The input's header with the contigs of the reference, and those of its own, declared."""
    header = sieve.header
    names = {c.name: c.length for c in sieve.reference.contigs}
    strange = {n: None for n, contig in sieve.contigs.items() if contig is None}
    declared = [
        f"##contig=<ID={name}" + (f",length={length}" if length else "") + ">"
        for name, length in {**names, **strange}.items()
    ]
    kept = [line for line in header.lines[1:] if not line.startswith(b"##contig=")]
    version = header.lines[0]
    if header.version == "3.3":
        version = b"##fileformat=VCFv4.2"
        kept = [line for line in kept if not OLD_DECLARATION.match(line)]
    lines = [version, *kept, *(d.encode() for d in declared), *sieve.tags.lines(), header.columns]
    return b"\n".join(lines) + b"\n"


def _append(path: Path, whole: IO[bytes]) -> None:
    with path.open("rb") as body:
        while block := body.read(1 << 20):
            whole.write(block)


def _demand_something_known(prepared: Prepared, sieve: Sieve) -> None:
    if prepared.records and prepared.reasons[NO_CONTIG] == prepared.records:
        names = ", ".join(list(sieve.contigs)[:6])
        raise VCFError(
            f"None of this file's contigs ({names}) is in {sieve.reference.name}. "
            "Please choose the reference the variants were called against."
        )


def _note(prepared: Prepared, sieve: Sieve, header: Header) -> None:
    """What the user should know of, for the log."""
    notes = [f"contig {old} is {new} here" for old, new in prepared.renamed.items()]
    notes += [] if prepared.is_sorted else ["the records were not in order and have been sorted"]
    notes += [f"REF differs: {words}" for words in sieve.mismatches]
    if header.version == "3.3":
        notes.append("VCF 3.3: its own tag declarations are left out, values are kept")
    if sieve.tags.missing:
        names = ", ".join(name.decode("utf-8", "replace") for _, name in sieve.tags.missing)
        notes.append(f"tags that the header does not declare are kept as text: {names}")
    if any(b"##INFO=<ID=BCSQ," in line for line in header.lines):
        notes.append("an earlier BCSQ annotation was replaced")
    prepared.notes = notes


def _short(bases: bytes) -> str:
    return bases[:10].decode() + ("…" if len(bases) > 10 else "")
