"""The pre-pass: checks a VCF against its reference and writes what bcftools csq may have.

Records that csq cannot take (another contig, another REF, symbolic alleles) are set aside, each
with a reason; csq's bogus answers for breakends and its crash on headers without contigs are
thereby out of reach.
"""

import itertools
import re
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ann.references import Contig, Reference, candidates
from ann.sieve import Place, Sieve
from ann.sorting import in_order
from ann.tags import Tags, declares_ours, substance, without_ours
from ann.vcf import Header, Reader, Record

PEEK = 1000
"""Records looked at to choose the reference, and to see early that it cannot be right."""
OLD_DECLARATION = re.compile(rb"##(INFO|FORMAT|FILTER)=[^<]")
CONTIG_NAME = re.compile(rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""What a ##contig line may declare (VCF 4.3, 1.4.7)."""
CLEAN, ASIDE = b"+", b"-"
Progress = Callable[[str], None]


@dataclass
class Prepared:
    """What the pre-pass leaves: two files in one order, and what it noticed.

    `aside_places` are the places, among all records, of those in `aside`; `present` are the
    contigs of those in `clean`, in its order.
    """

    reference: Reference
    clean: Path
    aside: Path
    records: int = 0
    substance: int = 0
    aside_places: "array[int]" = field(default_factory=lambda: array("Q"))
    reasons: Counter[str] = field(default_factory=Counter)
    present: list[Contig] = field(default_factory=list)
    is_sorted: bool = True
    notes: list[str] = field(default_factory=list)


def prepare(
    reader: Reader, wanted: str, offer: list[Reference], folder: Path, progress: Progress
) -> Prepared:
    """Read all; write `clean.vcf` and `aside.txt` in `folder`, sorted. Raises VCFError."""
    progress("reading")
    records = reader.records()
    head = list(itertools.islice(records, PEEK))
    sieve = _fitting(reader.header, head, wanted, offer)
    tags = Tags(reader.header)
    prepared = Prepared(sieve.reference, folder / "clean.vcf", folder / "aside.txt")
    body = folder / "clean.body"
    _split(prepared, sieve, tags, itertools.chain(head, records), body)
    sieve.demand_right_assembly()
    sieve.demand_something_known(prepared.records)
    if not prepared.is_sorted:
        progress("sorting")
        _sort(prepared, sieve, body)
    with prepared.clean.open("wb") as whole, body.open("rb") as lines:
        whole.write(_header(sieve, tags))
        shutil.copyfileobj(lines, whole, 1 << 20)
    body.unlink()
    prepared.present = _present(sieve)
    prepared.notes = _notes(prepared, sieve, tags)
    return prepared


def _fitting(header: Header, head: list[Record], wanted: str, offer: list[Reference]) -> Sieve:
    """The sieve of the reference that the first records agree with best."""
    seen = (record.contig.decode("utf-8", "replace") for record in head)
    sieves = [Sieve(r, header) for r in candidates(header, seen, wanted, offer)]
    best = min(sieves, key=lambda sieve: sieve.misfits(head))
    best.demand_right_assembly()
    return Sieve(best.reference, header)


def _split(
    prepared: Prepared, sieve: Sieve, tags: Tags, records: Iterable[Record], body: Path
) -> None:
    """Write each record, mended where it must be, to the clean ones or to those set aside."""
    last = (-1, -1)
    with body.open("wb") as clean, prepared.aside.open("wb") as aside:
        for number, record in enumerate(records):
            place = sieve.place(record.contig)
            key = (place.rank, record.pos)
            if key < last:
                prepared.is_sorted = False
            last = key
            mended = without_ours(record) if tags.note(record) else record
            prepared.substance += substance(mended.line, mended.info)
            prepared.records += 1
            reason = sieve.reason(record, place)
            if reason:
                prepared.reasons[reason] += 1
                prepared.aside_places.append(number)
            _put(_moved(mended, place), aside if reason else clean)


def _moved(record: Record, place: Place) -> bytes:
    """The record's line under its contig's name in the reference."""
    if record.contig == place.name:
        return record.line
    return place.name + record.line[len(record.contig) :]


def _put(line: bytes, file: IO[bytes]) -> None:
    file.write(line)
    file.write(b"\n")


def _sort(prepared: Prepared, sieve: Sieve, body: Path) -> None:
    """Sort by contig and position, stable, in bounded memory; both files keep one order."""
    ranks = {place.name: place.rank for place in sieve.places.values()}

    def key(line: bytes) -> tuple[int, int]:
        contig, pos, _ = line[1:].split(b"\t", 2)
        return ranks[contig], int(pos)

    marked = in_order(_marked(prepared, body), key, body.parent)
    sorted_body, sorted_aside = body.with_suffix(".sorted"), prepared.aside.with_suffix(".sorted")
    places = array("Q")
    with sorted_body.open("wb") as clean, sorted_aside.open("wb") as aside:
        for number, line in enumerate(marked):
            is_aside = line.startswith(ASIDE)
            if is_aside:
                places.append(number)
            (aside if is_aside else clean).write(line[1:])
    prepared.aside_places = places
    sorted_body.replace(body)
    sorted_aside.replace(prepared.aside)


def _marked(prepared: Prepared, body: Path) -> Iterator[bytes]:
    """Both files' lines in their common order, each behind a mark of its file."""
    places = iter(prepared.aside_places)
    next_aside = next(places, None)
    with body.open("rb") as clean, prepared.aside.open("rb") as aside:
        for number in range(prepared.records):
            if number == next_aside:
                next_aside = next(places, None)
                yield ASIDE + aside.readline()
            else:
                yield CLEAN + clean.readline()


def _present(sieve: Sieve) -> list[Contig]:
    places = sorted(sieve.places.values(), key=lambda place: place.rank)
    return list(dict.fromkeys(place.contig for place in places if place.contig))


def _header(sieve: Sieve, tags: Tags) -> bytes:
    """The input's header with the contigs of the reference, and those of its own, declared."""
    header = sieve.header
    ours = [b"##contig=<ID=%s,length=%d>" % (n, c.length) for n, c in _contigs(sieve.reference)]
    strange = [b"##contig=<ID=%s>" % n for n in sieve.strange if CONTIG_NAME.fullmatch(n)]
    kept = [line for line in header.lines[1:] if not line.startswith(b"##contig=")]
    kept = [line for line in kept if not declares_ours(line)]
    version = header.lines[0]
    if header.version == "3.3":
        version = b"##fileformat=VCFv4.2"
        kept = [line for line in kept if not OLD_DECLARATION.match(line)]
    lines = [version, *kept, *ours, *strange, *tags.lines(), header.columns]
    return b"\n".join(lines) + b"\n"


def _contigs(reference: Reference) -> list[tuple[bytes, Contig]]:
    return [(contig.name.encode(), contig) for contig in reference.contigs]


def _notes(prepared: Prepared, sieve: Sieve, tags: Tags) -> list[str]:
    """What the user should know of, for the log."""
    notes = [
        f"contig {old.decode()} is {place.contig.name} here"
        for old, place in sieve.places.items()
        if place.contig and old != place.name
    ]
    if not prepared.is_sorted:
        notes.append("the records were not in order and have been sorted")
    notes += [f"REF differs: {words}" for words in sieve.mismatches]
    if sieve.strange:
        notes.append(f"records on contigs that {sieve.reference.name} has not: {sieve.strangers()}")
    if sieve.header.version == "3.3":
        notes.append("VCF 3.3: its own tag declarations are left out, values are kept")
    if tags.missing:
        names = ", ".join(name.decode("utf-8", "replace") for _, name in tags.missing)
        notes.append(f"tags that the header does not declare are kept as text: {names}")
    if tags.had_ours:
        notes.append("an earlier annotation (BCSQ) was replaced")
    return notes
