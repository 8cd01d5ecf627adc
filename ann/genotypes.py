"""The genotypes of a block of records: who has what, as counts, as text, and whether phased."""

from dataclasses import dataclass

import numpy as np

from ann.table import FORMAT, NEWLINE, TAB, Bytes, Ints, Mask, RecordTable, Segments

MOST_SHOWN = 100
"""Genotypes are written out for so many samples; beyond, there are counts only."""
COLON, COMMA, DOT, SLASH, BAR, ZERO, NINE = (ord(c) for c in ":,./|09")
CELL_BYTES = 4
"""A usual genotype and what ends it: 0/1 and a colon, a tab or a newline."""
MOST_INDEX_DIGITS = 5


@dataclass
class Genotypes:
    """The genotypes of a block's records; `lengths` of the texts are 0 where GT is not given.

    `is_phased` holds where each has indices within its alleles and is phased or homozygous.
    """

    text: Bytes
    segments: Segments
    has_gt: Mask
    called: Ints
    het: Ints
    hom: Ints
    is_phased: Mask


def genotypes(table: RecordTable, n_alts: Ints, with_text: bool) -> Genotypes:
    """The genotypes of all records of a table that has samples; their texts only where wanted."""
    samples = table.width - FORMAT - 1
    cells = _cells(table)
    found, is_usual = _usual(cells, n_alts, samples)
    found.has_gt = _has_gt(table)
    is_odd = found.has_gt & ~is_usual
    found.segments.lengths[~found.has_gt | (not with_text)] = 0
    found.is_phased &= found.has_gt
    if is_odd.any():
        _odd(table, found, np.flatnonzero(is_odd), n_alts, with_text)
    return found


def _cells(table: RecordTable) -> Bytes:
    """The first bytes of each sample's column: records by samples by four."""
    starts = table.seps[:, FORMAT:-1] + 1
    fours = np.ndarray((len(table.data) - CELL_BYTES + 1,), "<u4", table.data, strides=(1,))
    cells: Bytes = fours[starts].view(np.uint8).reshape(*starts.shape, CELL_BYTES)
    return cells


def _has_gt(table: RecordTable) -> Mask:
    starts, lengths = table.segments(FORMAT)
    data = table.data
    is_gt = (data[starts] == ord("G")) & (data[starts + 1] == ord("T")) & (lengths >= 2)
    found: Mask = is_gt & ((lengths == 2) | (data[starts + 2] == COLON))
    return found


def _usual(cells: Bytes, n_alts: Ints, samples: int) -> tuple[Genotypes, Mask]:
    """Diploid genotypes of one digit each; and which records have but these."""
    first, mark, second, end = (np.ascontiguousarray(cells[:, :, n]) for n in range(CELL_BYTES))
    is_bar = mark == BAR
    usual = _is_allele(first) & _is_allele(second) & (is_bar | (mark == SLASH))
    usual &= (end == COLON) | (end == TAB) | (end == NEWLINE)
    is_same = first == second
    is_missing = (first == DOT) | (second == DOT)
    most = np.minimum(n_alts, 9).astype(np.uint8)[:, None] + ZERO
    is_phased = (is_bar | is_same) & (first <= most) & (second <= most)
    cells[:, :, 3] = COMMA
    n = len(cells)
    starts = np.arange(n) * samples * CELL_BYTES
    lengths = np.full(n, max(0, samples * CELL_BYTES - 1))
    found = Genotypes(
        cells.ravel(),
        Segments(starts, lengths),
        np.ones(n, np.bool_),
        samples - is_missing.sum(axis=1),
        (~is_missing & ~is_same).sum(axis=1),
        (~is_missing & is_same & (first != ZERO)).sum(axis=1),
        is_phased.all(axis=1),
    )
    return found, usual.all(axis=1)


def _is_allele(values: Bytes) -> Mask:
    allele: Mask = ((values >= ZERO) & (values <= NINE)) | (values == DOT)
    return allele


def _odd(
    table: RecordTable, found: Genotypes, records: Ints, n_alts: Ints, with_text: bool
) -> None:
    """Put in the records with haploid, polyploid, long or broken genotypes, one by one."""
    texts, size = [found.text], len(found.text)
    kinds: dict[tuple[bytes, int], tuple[bool, bool, bool, bool]] = {}
    for record in records.tolist():
        start, end = int(table.seps[record, FORMAT]) + 1, int(table.seps[record, -1])
        cells = [cell.partition(b":")[0] for cell in table.text[start:end].split(b"\t")]
        most = int(n_alts[record])
        found_kinds = []
        for cell in cells:
            kind = kinds.get((cell, most))
            if kind is None:
                kind = kinds[cell, most] = _kind(cell, most)
            found_kinds.append(kind)
        called, het, hom, phased = zip(*found_kinds, strict=True)
        found.called[record], found.het[record] = sum(called), sum(het)
        found.hom[record], found.is_phased[record] = sum(hom), all(phased)
        text = b",".join(cells) if with_text else b""
        texts.append(np.frombuffer(text, np.uint8))
        found.segments.starts[record], found.segments.lengths[record] = size, len(text)
        size += len(text)
    found.text = np.concatenate(texts)


def _kind(cell: bytes, most: int) -> tuple[bool, bool, bool, bool]:
    """Tell whether a genotype is called, heterozygous, homozygous for an ALT, and phased."""
    alleles = cell.replace(b"|", b"/").split(b"/")
    is_valid = all(
        a == b"." or (a.isdigit() and len(a) <= MOST_INDEX_DIGITS and int(a) <= most)
        for a in alleles
    )
    is_called = b"." not in alleles and all(alleles)
    is_same = len(set(alleles)) == 1
    is_phased = is_valid and len(alleles) <= 2 and (is_same or b"/" not in cell)
    return (
        is_called,
        is_called and not is_same,
        is_called and is_same and alleles[0] != b"0",
        is_phased,
    )
