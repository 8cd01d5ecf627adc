"""The INFO, FILTER and FORMAT tags of a VCF: what its header omits, and what is ours.

Tools drop or refuse what is not declared, so the pre-pass declares it: reserved tags as the VCF
specification types them, others as text. What an earlier annotation left (BCSQ, GAS_…) is taken
out, lest it be counted as this one's.
"""

import itertools
import re

import numpy as np

from ann.records import Header
from ann.table import (
    FILTER,
    FORMAT,
    INFO,
    LONGEST_LOOKED_AT,
    Ints,
    RecordTable,
    Segments,
    Source,
    TextArray,
    changes,
    hashes,
    ragged,
    table_of,
)
from vcf.file_type import shown
from vcf.reserved import NOTE, reserved

OURS = re.compile(rb"BCSQ|GAS_[A-Za-z0-9_.]*")
IN_RECORD = re.compile(rb"[\t;:](?:BCSQ|GAS_)")
END, LENGTH = b"END", b"LEN"
"""Tags that are one, or have the other in their names, say how far a record reaches."""
DECLARED = re.compile(rb"##(INFO|FILTER|FORMAT)=<(?:.*,)?ID=([^,>]+)")
UNTYPED = b'Number=.,Type=String,Description="Not declared in the input">'
FLAG = b'Number=0,Type=Flag,Description="Not declared in the input">'
NO_TYPE = b'Description="Not declared in the input">'
TYPE = re.compile(rb"Type=(Integer|Float)")
WHOLE = rb"[-+]?0*(?:\d{1,9}|1\d{9})"
"""What fits into 32 bits (VCF 4.3, 1.3)."""
DECIMAL = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?0*(?:[12]?\d|3[0-7]))?|(?i:[-+]?(?:nan|inf))"
NO_VALUE = {
    type_: re.compile(rb"^(?!(?:\.|%b)(?:,(?:\.|%b))*$).*\n" % (one, one), re.MULTILINE)
    for type_, one in ((b"Integer", WHOLE), (b"Float", DECIMAL))
}
"""A line that is no list of such numbers."""
MOST_REMEMBERED = 20_000
"""Tags beyond so many are not declared; htslib itself takes them as text."""
MOST_COMPARED = 64
NAMES_SHOWN = 12
SEMICOLON, EQUALS = ord(";"), ord("=")


def is_ours(name: bytes) -> bool:
    return OURS.fullmatch(name) is not None


def declares_ours(line: bytes) -> bool:
    """True for a header line that the annotation writes itself."""
    match = DECLARED.match(line)
    if match is None:
        return line.startswith(b"##GAS_")
    return match[1] != b"FILTER" and is_ours(match[2])


class Tags:
    """Collects the tags of block after block.

    `may_reach_on` turns True where a record may reach beyond its REF: htslib has to say how far.
    """

    def __init__(self, header: Header) -> None:
        matches = [DECLARED.match(line) for line in header.lines]
        self.declared = {(m[1], m[2]) for m in matches if m}
        self.declared |= {(b"FILTER", b"PASS"), (b"FILTER", b"."), (b"INFO", b".")}
        self.declared |= {(b"FORMAT", b".")}
        self.missing: dict[tuple[bytes, bytes], bytes] = {}
        self.may_have_ours = self.had_ours = self.may_reach_on = False
        self._seen: dict[int, set[int]] = {INFO: set(), FILTER: set(), FORMAT: set()}

    def take(self, table: RecordTable) -> RecordTable:
        """Take in a block of records; the same without what an earlier annotation put in."""
        self._note(table)
        return self._stripped(table) if self.may_have_ours else table

    def _stripped(self, table: RecordTable) -> RecordTable:
        lines = table.text.split(b"\n")[:-1]
        kept = [_without_ours(line) if IN_RECORD.search(line) else line for line in lines]
        text = b"".join(b"%s\n" % line for line in kept)
        if text == table.text:
            return table
        self.had_ours = True
        return table_of(text, table.width) or table

    def _note(self, table: RecordTable) -> None:
        for name in self._new(table, FILTER, changes(table, FILTER)):
            for item in name.split(b";"):
                self._demand(b"FILTER", item, False)
        names, ends = _items(table)
        for item in self._unseen(table, INFO, names):
            name, has_value, _ = item.partition(b"=")
            self._demand(b"INFO", name, not has_value)
        self._demand_numbers(table, names, ends)
        if table.width > FORMAT:
            for form in self._new(table, FORMAT, changes(table, FORMAT)):
                for name in form.split(b":"):
                    self._demand(b"FORMAT", name, False)

    def _new(self, table: RecordTable, column: int, records: Ints) -> list[bytes]:
        """A column's texts that were not there yet, among these records."""
        starts, lengths = table.segments(column)
        return self._unseen(table, column, Segments(starts[records], lengths[records]))

    def _demand_numbers(self, table: RecordTable, names: Segments, ends: Ints) -> None:
        """Declare as text what the specification reserves for numbers, where others come.

        htslib makes a dot, or another number, of a value that is none.
        """
        types = [(n, TYPE.search(v)) for (kind, n), v in self.missing.items() if kind == b"INFO"]
        reserved = [(name, type_[1]) for name, type_ in types if type_]
        keys = hashes(table, names) if reserved else None
        for name, type_ in reserved:
            own = np.flatnonzero(keys == _key(name + b"="))
            values = _between(table, names.starts[own] + names.lengths[own], ends[own])
            if NO_VALUE[type_].search(values):
                self.missing[b"INFO", name] = UNTYPED

    def _unseen(self, table: RecordTable, column: int, segments: Segments) -> list[bytes]:
        seen, keys = self._seen[column], hashes(table, segments)
        left = np.arange(len(keys))
        if len(seen) <= MOST_COMPARED:
            for key in seen:
                left = left[keys[left] != key]
        else:
            left = left[~np.isin(keys, np.array(list(seen), np.uint64))]
        if len(left) and len(seen) > MOST_REMEMBERED:
            self.may_have_ours = self.may_reach_on = True
            return []
        if not len(left):
            return []
        new, places = np.unique(keys[left], return_index=True)
        seen.update(new.tolist())
        first = np.sort(left[places]).tolist()
        starts, lengths = segments.starts, segments.lengths
        return [table.text[starts[n] : starts[n] + lengths[n]] for n in first]

    def _demand(self, kind: bytes, name: bytes, is_flag: bool) -> None:
        if kind != b"FILTER":
            self.may_reach_on |= name == END or LENGTH in name
            if is_ours(name):
                self.may_have_ours = True
                return
        given = self.missing.get((kind, name))
        if kind == b"INFO" and given and is_flag is not (b"Type=Flag" in given):
            self.missing[kind, name] = UNTYPED
        if not name or (kind, name) in self.declared:
            return
        self.declared.add((kind, name))
        if kind == b"FILTER":
            self.missing[kind, name] = NO_TYPE
        else:
            self.missing[kind, name] = reserved(kind, name, is_flag) or (
                FLAG if is_flag else UNTYPED
            )

    def has_typed_samples(self) -> bool:
        """Tell if samples have undeclared tags that the specification wants numbers of."""
        typed = [v for (kind, _), v in self.missing.items() if kind == b"FORMAT"]
        return any(b"Type=Integer" in v or b"Type=Float" in v for v in typed)

    def declare_as_text(self) -> bool:
        """Declare as text what was declared as the specification types it; False if nothing was.

        A value that is not of its tag's type makes htslib give up a record.
        """
        typed = [k for k, v in self.missing.items() if NOTE.encode() in v and b"Flag" not in v]
        self.missing |= dict.fromkeys(typed, UNTYPED)
        return bool(typed)

    def names(self) -> str:
        """The undeclared tags, safe to show; so many at most."""
        names = [shown(name)[1:-1] for _, name in itertools.islice(self.missing, NAMES_SHOWN)]
        return ", ".join(names) + (", …" if len(self.missing) > NAMES_SHOWN else "")

    def lines(self) -> list[bytes]:
        """The header lines that declare what was missing."""
        missing = self.missing.items()
        return [b"##%s=<ID=%s,%s" % (kind, name, rest) for (kind, name), rest in missing]


def _items(table: RecordTable) -> tuple[Segments, Ints]:
    """The names of all INFO items, with the equals sign that follows; and where the items end."""
    segments = table.segments(INFO)
    kept = segments.lengths > 0
    semicolons, equals = _marks(table, segments)
    starts = np.sort(np.concatenate([segments.starts[kept], semicolons + 1]))
    ends = np.sort(np.concatenate([(segments.starts + segments.lengths)[kept], semicolons]))
    stops = ends
    if len(equals):
        first = equals[np.minimum(np.searchsorted(equals, starts), len(equals) - 1)]
        stops = np.where((first >= starts) & (first < ends), first + 1, ends)
    return Segments(starts, stops - starts), ends


def _key(name: bytes) -> np.uint64:
    whole = Segments(np.zeros(1, np.int64), np.array([len(name)]))
    found: np.uint64 = hashes(TextArray(name), whole)[0]
    return found


def _between(table: RecordTable, starts: Ints, ends: Ints) -> bytes:
    """Some texts of a table, a line each."""
    source = Source(table.data)
    newline = source.constant(b"\n", len(starts))
    return source.stitch([Segments(starts, ends - starts), newline])


def _marks(table: RecordTable, segments: Segments) -> tuple[Ints, Ints]:
    """The offsets of INFO's semicolons and equals signs."""
    if segments.lengths.sum() <= LONGEST_LOOKED_AT * 4:
        offsets = ragged(segments)
        values = table.data[offsets]
        return offsets[values == SEMICOLON], offsets[values == EQUALS]
    found = []
    for mark in (SEMICOLON, EQUALS):
        offsets = np.flatnonzero(table.data == mark)
        rows = np.minimum(np.searchsorted(table.seps[:, -1], offsets), len(table) - 1)
        is_in = (offsets >= segments.starts[rows]) & (offsets < table.seps[rows, INFO])
        found.append(offsets[is_in])
    return found[0], found[1]


def _without_ours(line: bytes) -> bytes:
    columns = line.split(b"\t")
    kept = [i for i in columns[INFO].split(b";") if not is_ours(i.partition(b"=")[0])]
    columns[INFO] = b";".join(kept) or b"."
    names = columns[FORMAT].split(b":") if len(columns) > FORMAT else []
    if any(is_ours(name) for name in names):
        places = [n for n, name in enumerate(names) if not is_ours(name)]
        columns[FORMAT:] = [_only(places, column) for column in columns[FORMAT:]]
    return b"\t".join(columns)


def _only(places: list[int], column: bytes) -> bytes:
    """A FORMAT or sample column cut down to some of its places; short ones stay short."""
    parts = column.split(b":")
    return b":".join(parts[place] for place in places if place < len(parts)) or b"."
