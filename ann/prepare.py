"""The pre-pass: checks a VCF against its reference and picks the sites for bcftools csq.

csq sees bare sites only, so that nothing else in a record can mislead, crash or bloat it, and the
record itself comes out as it went in. Records that csq cannot take (another contig, another REF,
symbolic alleles) are marked, each with a reason.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ann.records import Header, Reader, Record
from ann.references import Contig, Reference, candidates
from ann.screening import ContigPlacement, Screening
from ann.sorting import in_order
from ann.tags import Tags, declares_ours, without_ours

PEEK = 1000
"""Records looked at to choose the reference, and to see early that it cannot be right."""
OLD_DECLARATION = re.compile(rb"##(INFO|FORMAT|FILTER)=[^<]")
CONTIG_NAME = re.compile(rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""What a ##contig line may declare (VCF 4.3, 1.4.7)."""
SITES_HEADER = b"##fileformat=VCFv4.2\n%s#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
SITE = b"%s\t%s\t.\t%s\t%s\t.\t.\t.\n"
CLEAN, ASIDE = b"+", b"-"
Progress = Callable[[str], None]


@dataclass
class Prepared:
    """What the pre-pass leaves, and what it noticed.

    `lines` has every record, in order, behind a mark: CLEAN or ASIDE. `sites` is a VCF of the
    clean ones' sites; `present` are their contigs, in its order. `meta` are the result's header
    lines between the first and the column line.
    """

    reference: Reference
    lines: Path
    sites: Path
    version: bytes = b""
    meta: list[bytes] = field(default_factory=list)
    columns: bytes = b""
    records: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    present: list[Contig] = field(default_factory=list)
    is_sorted: bool = True
    notes: list[str] = field(default_factory=list)


def prepare(
    reader: Reader, wanted: str, offer: list[Reference], folder: Path, progress: Progress
) -> Prepared:
    """Read all; write `lines` and `sites` in `folder`, sorted. Raises VCFError."""
    progress("reading")
    records = reader.records()
    head = list(itertools.islice(records, PEEK))
    sieve = _fitting(reader.header, head, wanted, offer)
    tags = Tags(reader.header)
    prepared = Prepared(sieve.reference, folder / "lines.txt", folder / "sites.vcf")
    _split(prepared, sieve, tags, itertools.chain(head, records))
    sieve.demand_right_assembly()
    sieve.demand_something_known(prepared.records)
    if not prepared.is_sorted:
        progress("sorting")
        _sort(prepared, sieve)
    places = sorted(sieve.places.values(), key=lambda place: place.rank)
    prepared.present = list(dict.fromkeys(place.contig for place in places if place.contig))
    _head(prepared, sieve, tags)
    prepared.notes = _notes(prepared, sieve, tags)
    return prepared


def _fitting(header: Header, head: list[Record], wanted: str, offer: list[Reference]) -> Screening:
    """The sieve of the reference that the first records agree with best."""
    seen = (record.contig.decode("utf-8", "replace") for record in head)
    sieves = [Screening(r, header) for r in candidates(header, seen, wanted, offer)]
    best = min(sieves, key=lambda sieve: sieve.misfits(head))
    best.demand_right_assembly()
    return Screening(best.reference, header)


def _split(prepared: Prepared, sieve: Screening, tags: Tags, records: Iterable[Record]) -> None:
    """Write each record behind its mark, mended where it must be, and the clean ones' sites."""
    last = (-1, -1)
    reasons = prepared.reasons
    with prepared.lines.open("wb") as lines, prepared.sites.open("wb") as sites:
        sites.write(_sites_header(sieve.reference))
        for record in records:
            prepared.records += 1
            place = sieve.place(record.contig)
            key = (place.rank, record.pos)
            if key < last:
                prepared.is_sorted = False
            last = key
            reason = sieve.reason(record, place)
            line = _mended(record, place, tags)
            if reason:
                reasons[reason] += 1
                lines.write(b"-%s\n" % line)
            else:
                lines.write(b"+%s\n" % line)
                sites.write(SITE % (place.name, b"%d" % record.pos, record.ref, record.alts))


def _mended(record: Record, place: ContigPlacement, tags: Tags) -> bytes:
    """The record's line without our tags, under its contig's name in the reference."""
    if tags.note(record):
        record = without_ours(record)
    if record.contig == place.name:
        return record.line
    return place.name + record.line[len(record.contig) :]


def _sort(prepared: Prepared, sieve: Screening) -> None:
    """Sort by contig and position, stable, in bounded memory, and write the sites anew."""
    ranks = {place.name: place.rank for place in sieve.places.values()}

    def key(line: bytes) -> tuple[int, int]:
        contig, pos, _ = line[1:].split(b"\t", 2)
        return ranks[contig], int(pos)

    ordered = prepared.lines.with_suffix(".sorted")
    with (
        prepared.lines.open("rb") as marked,
        ordered.open("wb") as lines,
        prepared.sites.open("wb") as sites,
    ):
        sites.write(_sites_header(sieve.reference))
        for line in in_order(marked, key, ordered.parent):
            lines.write(line)
            if line.startswith(CLEAN):
                contig, pos, _, ref, alts, _ = line[1:].split(b"\t", 5)
                sites.write(SITE % (contig, pos, ref, alts))
    ordered.replace(prepared.lines)


def _sites_header(reference: Reference) -> bytes:
    return SITES_HEADER % b"".join(line + b"\n" for line in _declared(reference))


def _declared(reference: Reference) -> Iterator[bytes]:
    for contig in reference.contigs:
        yield b"##contig=<ID=%s,length=%d>" % (contig.name.encode(), contig.length)


def _head(prepared: Prepared, sieve: Screening, tags: Tags) -> None:
    """The input's header with the contigs of the reference, and those of its own, declared."""
    header = sieve.header
    strange = [b"##contig=<ID=%s>" % n for n in sieve.strange if CONTIG_NAME.fullmatch(n)]
    kept = [line for line in header.lines[1:] if not line.startswith(b"##contig=")]
    kept = [line for line in kept if not declares_ours(line)]
    prepared.version, prepared.columns = header.lines[0], header.columns
    if header.version == "3.3":
        prepared.version = b"##fileformat=VCFv4.2"
        kept = [line for line in kept if not OLD_DECLARATION.match(line)]
    prepared.meta = [*_declared(sieve.reference), *strange, *tags.lines(), *kept]


def _notes(prepared: Prepared, sieve: Screening, tags: Tags) -> list[str]:
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
        notes.append(f"tags that the header does not declare are kept as text: {tags.names()}")
    if tags.had_ours:
        notes.append("an earlier annotation (BCSQ) was replaced")
    return notes
