"""Makes what the INFO of a chunk's records gains, and names of known variants for their IDs."""

from typing import NamedTuple

import numpy as np

from ann.findings import ChunkFindings
from ann.known_hits import Hits
from ann.table import Bytes, Ints, Segments
from ann.texts import Texts, offsets_of

ESCAPES = {"%": "%25", ",": "%2C", ";": "%3B", "=": "%3D"}
INFO_TEXT = str.maketrans({**ESCAPES, " ": "_"})
ESCAPED = str.maketrans({**ESCAPES, " ": "%20", "|": "%7C"})


class Piece(NamedTuple):
    """A piece of INFO for each record, behind its semicolon: places in `text`."""

    text: Bytes
    places: Segments

    def of(self, record: int) -> bytes:
        start = self.places.starts[record]
        return self.text[start : start + self.places.lengths[record]].tobytes()


class Gains(NamedTuple):
    """The gains of some records: pieces in the order of the tags; names of variants by record."""

    pieces: list[Piece]
    names: dict[int, bytes]


def gains(findings: ChunkFindings, hits: Hits) -> Gains:
    """All that the records of a chunk gain."""
    chunk, spans = findings.alleles.chunk, _record_spans(findings)
    by_record = np.append(findings.alleles.first_of_record, len(findings.alleles))
    pieces = [
        Piece(chunk.text.data, chunk.bcsq),
        _of_rows(findings.genome.info, by_record),
        _of_rows(findings.names.coding.info, spans),
        _of_rows(findings.names.protein.info, spans),
    ]
    others = _others(findings, hits, by_record)
    if others:
        lengths = np.zeros(len(chunk.rows), np.int64)
        lengths[list(others)] = [len(text) for text in others.values()]
        text = np.frombuffer(b"".join(others.values()), np.uint8)
        pieces.append(Piece(text, Segments(offsets_of(lengths)[:-1], lengths)))
    return Gains(pieces, _names(findings, hits))


def _record_spans(findings: ChunkFindings) -> Ints:
    """The first entry of each record, and the end of the last."""
    firsts = np.append(findings.alleles.first_of_record, len(findings.alleles))
    spans: Ints = findings.spans[firsts]
    return spans


def _of_rows(texts: Texts, spans: Ints) -> Piece:
    places = texts.offsets[spans]
    return Piece(texts.data, Segments(places[:-1], np.diff(places)))


def _names(findings: ChunkFindings, hits: Hits) -> dict[int, bytes]:
    """The names by which the variants of a record are known, each once."""
    found: dict[int, dict[str, None]] = {}
    records = findings.alleles.records
    for allele, known_id in sorted(hits.ids.items()):
        found.setdefault(int(records[allele]), {})[known_id] = None
    return {record: ";".join(names).encode() for record, names in found.items()}


def _others(findings: ChunkFindings, hits: Hits, by_record: Ints) -> dict[int, bytes]:
    """The rarer tags of the records that have some."""
    tags: list[tuple[str, dict[int, str]]] = [
        ("GAS_REGION", {n: "|".join(r).translate(INFO_TEXT) for n, r in findings.regions.items()}),
        *hits.tags.items(),
    ]
    corrected = _corrected(findings)
    touched = {n for _, values in tags for n in values}.union(*hits.flags.values())
    records, flags = findings.alleles.records, hits.flags.items()
    found = {}
    for record in sorted({int(records[n]) for n in touched} | corrected.keys()):
        first, stop = int(by_record[record]), int(by_record[record + 1])
        parts = [f";GAS_CSQ={corrected[record]}"] if record in corrected else []
        if stop - first == 1:
            parts += [f";{tag}={values[first]}" for tag, values in tags if first in values]
        else:
            parts += _of_several(tags, range(first, stop))
        parts += [f";{tag}" for tag, n in flags if not n.isdisjoint(range(first, stop))]
        found[record] = "".join(parts).encode()
    return found


def _of_several(tags: list[tuple[str, dict[int, str]]], alleles: range) -> list[str]:
    """The values of a record with several alleles: one for each, or a dot."""
    return [
        f";{tag}=" + ",".join(values.get(n, ".") for n in alleles)
        for tag, values in tags
        if any(n in values for n in alleles)
    ]


def _corrected(findings: ChunkFindings) -> dict[int, str]:
    """The entries of each record that csq lacks or has wrong, as GAS_CSQ has them."""
    found: dict[int, str] = {}
    owners = findings.alleles.records[findings.entries.alleles]
    for n in findings.corrected:
        kind, record = findings.kinds[findings.entries.kinds[n]], int(owners[n])
        words = "&".join(kind.meaning.words)
        gene, biotype = (kind.gene or "").translate(ESCAPED), kind.biotype or ""
        entry = f"{words}|{gene}|{kind.transcript or ''}|{biotype}"
        found[record] = f"{found[record]},{entry}" if record in found else entry
    return found
