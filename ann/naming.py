"""HGVS for plain single bases, all at once; `ann.described` names everything else.

Each name comes twice: as it is, and as INFO has it, behind what leads to it there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ann.models import NearbyModels
from ann.protein import THREE
from ann.table import Bytes, Ints, Mask, Segments, TextArray
from ann.texts import Texts, cells, compacted, digits, replaced, rounded

COMPLEMENT = np.arange(256, dtype=np.uint8)
COMPLEMENT[list(b"ACGTacgt")] = list(b"TGCATGCA")
ARROW = ord(">")
CODONS_WIDTH = 24
"""What csq says of one codon, 85T>85M, is shorter."""
MOST_NUMBER_BYTES = 8


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


RESIDUES = np.zeros(256, np.uint32)
for letter, words in THREE.items():
    RESIDUES[ord(letter)] = _word(words)
SAME, SAME_IN_INFO = np.uint32(_word("=")), np.uint32(_word("%3D"))


class NameTexts(NamedTuple):
    """The names of some rows, and what INFO has of them; empty for what has no name."""

    plain: Texts
    info: Texts

    def replaced(self, rows: Ints, plain: list[bytes], info: list[bytes]) -> "NameTexts":
        return NameTexts(replaced(self.plain, rows, plain), replaced(self.info, rows, info))


class BaseChanges(NamedTuple):
    """Single bases that change, with their numbers; `which` are those to be named."""

    numbers: Ints
    old: Bytes
    new: Bytes
    which: Mask


def names_of_bases(lead: Bytes, prefix: Bytes, bases: BaseChanges) -> NameTexts:
    """`prefix`, number, old base, >, new base; `lead` and `prefix` are rows of bytes."""
    decimals = digits(np.where(bases.which, bases.numbers, 0))
    front = lead.shape[1]
    at = front + prefix.shape[1]
    width = at + decimals.shape[1]
    rows = np.zeros((len(decimals), rounded(width + 3)), np.uint8)
    rows[:, :front], rows[:, front:at], rows[:, at:width] = lead, prefix, decimals
    rows[:, width], rows[:, width + 1], rows[:, width + 2] = bases.old, ARROW, bases.new
    rows[~bases.which] = 0
    return NameTexts(compacted(rows[:, front:]), compacted(rows))


class CodingBases(NamedTuple):
    """Single bases that change in coding sequences, each in its transcript and part of the CDS."""

    changes: BaseChanges
    pos: Ints
    transcripts: Ints
    parts: Ints


def coding_bases(
    transcripts: Ints, pos: Ints, old: Bytes, new: Bytes, which: Mask, models: NearbyModels
) -> CodingBases:
    """Bases of the contig as those of transcripts, which are the models' numbers, or -1."""
    which = which & (transcripts >= 0)
    numbers, parts = np.zeros(len(which), np.int64), np.zeros(len(which), np.int64)
    is_reverse = np.zeros(len(which), np.bool_)
    numbers[which], parts[which] = models.coding_numbers(transcripts[which], pos[which])
    is_reverse[which] = models.is_reverse[transcripts[which]]
    changes = BaseChanges(
        numbers,
        np.where(is_reverse, COMPLEMENT[old], old),
        np.where(is_reverse, COMPLEMENT[new], new),
        which & (numbers > 0),
    )
    return CodingBases(changes, pos, transcripts, parts)


class Residues(NamedTuple):
    """A codon's residue and what becomes of it, by number: Thr, 85, Met."""

    old: NDArray[np.uint32]
    number: Bytes
    new: NDArray[np.uint32]
    is_change: Mask
    is_known: Mask


def names_of_residues(lead: Bytes, found: Residues, which: Mask) -> NameTexts:
    """The proteins that changes of one codon make: p.(Thr85Met), p.(Asn17=)."""
    front = lead.shape[1]
    rows = np.zeros((len(which), rounded(front + 20)), np.uint8)
    body = rows[:, front:]
    rows[:, :front] = lead
    body[:, :3] = np.frombuffer(b"p.(", np.uint8)
    body[:, 3:7] = _bytes(found.old)
    body[:, 7:15] = found.number
    body[:, 15:19] = _bytes(np.where(found.is_change, found.new, SAME_IN_INFO))
    body[:, 19] = ord(")")
    rows[~which] = 0
    info = compacted(rows)
    body[:, 15:19] = _bytes(np.where(found.is_change, found.new, SAME)) * which[:, None]
    return NameTexts(compacted(body), info)


def _bytes(words: NDArray[np.uint32]) -> Bytes:
    return words.view(np.uint8).reshape(len(words), 4)


def residues(text: TextArray, places: Segments) -> Residues:
    """Read 85T>85M and 17N, whose numbers have at most eight digits."""
    lengths = places.lengths
    rows, row = cells(text, places, CODONS_WIDTH), np.arange(len(lengths))
    last = np.clip(lengths - 1, 0, CODONS_WIDTH - 1)
    size = np.maximum((lengths - 3) // 2, 0)
    is_change = rows[row, np.minimum(size + 1, CODONS_WIDTH - 1)] == ARROW
    size = np.where(is_change, size, lengths - 1)
    is_known = (size > 0) & (size <= MOST_NUMBER_BYTES)
    is_known &= is_change | ~(rows == ARROW).any(axis=1)
    old, new = RESIDUES[rows[row, np.clip(size, 0, CODONS_WIDTH - 1)]], RESIDUES[rows[row, last]]
    number = rows[:, :MOST_NUMBER_BYTES] * (np.arange(MOST_NUMBER_BYTES) < size[:, None])
    return Residues(old, number, new, is_change, is_known & (old != 0) & (new != 0))
