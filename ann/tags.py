"""The INFO, FILTER and FORMAT tags of a VCF that its header does not declare.

htslib drops or refuses what is not declared, so the pre-pass declares it, as text.
"""

import re

from ann.vcf import Header

DECLARED = re.compile(rb"##(INFO|FILTER|FORMAT)=<(?:.*,)?ID=([^,>]+)")
UNTYPED = b'Number=.,Type=String,Description="Not declared in the input">'
FLAG = b'Number=0,Type=Flag,Description="Not declared in the input">'


def substance(line: bytes) -> int:
    """How much a record has to lose: its columns, and the values in its INFO but for BCSQ's.

    Under memory pressure htslib has been seen to drop a value without a word.
    """
    info = line.split(b"\t", 8)[7].rstrip(b"\r\n")
    empty = info.count(b"=;") + info.endswith(b"=")
    ours = info.startswith(b"BCSQ=") or b";BCSQ=" in info
    return line.count(b"\t") + info.count(b"=") - empty - ours


class Tags:
    """Collects the tags of record after record."""

    def __init__(self, header: Header) -> None:
        told = [DECLARED.match(line) for line in header.lines]
        pairs = {(m[1], m[2]) for m in told if m}
        self.info, self.filter, self.format = (
            {name for kind, name in pairs if kind == wanted}
            for wanted in (b"INFO", b"FILTER", b"FORMAT")
        )
        self.filter |= {b"PASS", b"."}
        self.info.add(b".")
        self.missing: dict[tuple[bytes, bytes], bytes] = {}

    def note(self, line: bytes) -> None:
        """Take in one record."""
        columns = line.split(b"\t", 9)[6:9]
        for name in columns[0].split(b";"):
            if name not in self.filter:
                self.filter.add(name)
                self.missing[b"FILTER", name] = b'Description="Not declared in the input">'
        for item in columns[1].split(b";"):
            name, has_value, _ = item.partition(b"=")
            if name not in self.info:
                self.info.add(name)
                self.missing[b"INFO", name] = UNTYPED if has_value else FLAG
        if len(columns) > 2:
            self._note_format(columns[2])

    def _note_format(self, column: bytes) -> None:
        for name in column.split(b":"):
            if name not in self.format:
                self.format.add(name)
                self.missing[b"FORMAT", name] = UNTYPED

    def lines(self) -> list[bytes]:
        """The header lines that declare what was missing."""
        return [
            b"##%s=<ID=%s,%s" % (kind, name, rest)
            for (kind, name), rest in self.missing.items()
            if name
        ]
