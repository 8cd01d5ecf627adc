"""The INFO, FILTER and FORMAT tags of a VCF: what its header omits, and what is ours.

Tools drop or refuse what is not declared, so the pre-pass declares it, as text. What an earlier
annotation left (BCSQ, GAS_KNOWN) is taken out, lest it be counted as this one's.
"""

import itertools
import re

from ann.csq import KNOWN
from ann.records import Header, Record
from vcf.file_type import shown

OURS = {b"BCSQ", KNOWN}
DECLARED = re.compile(rb"##(INFO|FILTER|FORMAT)=<(?:.*,)?ID=([^,>]+)")
UNTYPED = b'Number=.,Type=String,Description="Not declared in the input">'
FLAG = b'Number=0,Type=Flag,Description="Not declared in the input">'
VALUES = re.compile(rb"=[^;]*")
MOST_REMEMBERED = 20_000
NAMES_SHOWN = 12


def declares_ours(line: bytes) -> bool:
    """Whether a header line declares a tag that the annotation will declare itself."""
    told = DECLARED.match(line)
    return told is not None and told[1] != b"FILTER" and told[2] in OURS


class Tags:
    """Collects the tags of record after record."""

    def __init__(self, header: Header) -> None:
        told = [DECLARED.match(line) for line in header.lines]
        self.declared = {(m[1], m[2]) for m in told if m}
        self.declared |= {(b"FILTER", b"PASS"), (b"FILTER", b"."), (b"INFO", b".")}
        self.declared |= {(b"FORMAT", b".")}
        self.missing: dict[tuple[bytes, bytes], bytes] = {}
        self.had_ours = False
        self._seen: dict[bytes, bool] = {}

    def note(self, record: Record) -> bool:
        """Take in one record; whether it has tags of ours in it."""
        names = VALUES.sub(b"=", record.info)
        key = b"%s\t%s\t%s" % (record.filters, names, record.format or b"")
        has_ours = self._seen.get(key)
        if has_ours is None:
            if len(self._seen) > MOST_REMEMBERED:
                self._seen.clear()
            has_ours = self._seen[key] = self._note(record.filters, names, record.format or b"")
            self.had_ours = self.had_ours or has_ours
        return has_ours

    def _note(self, filters: bytes, info: bytes, form: bytes) -> bool:
        for name in filters.split(b";"):
            self._demand(b"FILTER", name, b'Description="Not declared in the input">')
        has_ours = False
        for item in info.split(b";"):
            name, has_value, _ = item.partition(b"=")
            has_ours = has_ours or name in OURS
            self._demand(b"INFO", name, UNTYPED if has_value else FLAG)
        for name in form.split(b":"):
            has_ours = has_ours or name in OURS
            self._demand(b"FORMAT", name, UNTYPED)
        return has_ours

    def _demand(self, kind: bytes, name: bytes, rest: bytes) -> None:
        is_ours = name in OURS and kind != b"FILTER"
        if name and not is_ours and (kind, name) not in self.declared:
            self.declared.add((kind, name))
            self.missing[kind, name] = rest

    def names(self) -> str:
        """The undeclared tags, safe to show; so many at most."""
        told = [shown(name)[1:-1] for _, name in itertools.islice(self.missing, NAMES_SHOWN)]
        return ", ".join(told) + (", …" if len(self.missing) > NAMES_SHOWN else "")

    def lines(self) -> list[bytes]:
        """The header lines that declare what was missing."""
        missing = self.missing.items()
        return [b"##%s=<ID=%s,%s" % (kind, name, rest) for (kind, name), rest in missing]


def without_ours(record: Record) -> Record:
    """The record without what an earlier annotation put into it."""
    columns = record.line.split(b"\t")
    kept = [i for i in record.info.split(b";") if i.partition(b"=")[0] not in OURS]
    columns[7] = b";".join(kept) or b"."
    form = record.format
    if form and OURS.intersection(form.split(b":")):
        places = [n for n, name in enumerate(form.split(b":")) if name not in OURS]
        columns[8:] = [_only(places, column) for column in columns[8:]]
        form = columns[8]
    return record._replace(info=columns[7], format=form, line=b"\t".join(columns))


def _only(places: list[int], column: bytes) -> bytes:
    """A FORMAT or sample column cut down to some of its places; short ones stay short."""
    parts = column.split(b":")
    return b":".join(parts[place] for place in places if place < len(parts)) or b"."
