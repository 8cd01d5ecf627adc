"""Names changes of DNA as HGVS recommends: on the genome (g., m.) and on a transcript (c.).

https://hgvs-nomenclature.org/stable/recommendations/DNA/. Deletions, duplications and insertions
are moved as far 3' as they go, in the direction of the reference that they are named on.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")
FORWARD, REVERSE = 1, -1
LOOK = 40
"""Bases looked at in one go."""


class Bases(Protocol):
    """A contig's sequence, upper case, counted from 0 (a str is one)."""

    def __getitem__(self, place: slice) -> str: ...

    def __len__(self) -> int: ...


class Change(NamedTuple):
    """The bases from `start` to `end` (counted from 0, end excluded) become `new`."""

    start: int
    end: int
    new: str


Namer = Callable[[int], str | None]
"""Names a base, counted from 1, on the reference wanted; None where that has no such base."""


def reverse_complement(bases: str) -> str:
    return bases.translate(COMPLEMENT)[::-1]


def trimmed(pos: int, ref: str, alt: str) -> Change:
    """An allele of a VCF, without the bases that REF and ALT share at their ends."""
    shorter = min(len(ref), len(alt))
    first = 0
    while first < shorter and ref[first] == alt[first]:
        first += 1
    last = 0
    while last < shorter - first and ref[-1 - last] == alt[-1 - last]:
        last += 1
    start = pos - 1 + first
    return Change(start, pos - 1 + len(ref) - last, alt[first : len(alt) - last])


def shifted(change: Change, bases: Bases, strand: int) -> Change:
    """A pure deletion or insertion, moved 3' on `strand` as far as it goes."""
    start, end, new = change
    if (start < end) == bool(new):
        return change
    steps = LOOK
    while steps == LOOK:
        steps = _steps(start, end, new, bases, strand)
        turn = strand * steps % len(new) if new else 0
        start, end = start + strand * steps, end + strand * steps
        new = new[turn:] + new[:turn]
    return Change(start, end, new)


def _steps(start: int, end: int, new: str, bases: Bases, strand: int) -> int:
    """The number of bases that a pure deletion or insertion can be moved, LOOK at most."""
    if strand == FORWARD:
        ahead = bases[end : min(end + LOOK, len(bases))]
        pattern = new or (bases[start:end] + ahead)
    else:
        ahead = bases[max(0, start - LOOK) : start][::-1]
        pattern = new[::-1] or (bases[start:end][::-1] + ahead)
    size = len(pattern)
    for steps, base in enumerate(ahead):
        if base != pattern[steps % size]:
            return steps
    return len(ahead)


def dna_change(change: Change, bases: Bases, strand: int, name: Namer) -> str | None:
    """The change as HGVS writes it behind `g.`, `m.` or `c.`, or None where it cannot be named.

    `change` is shifted; `strand` is the direction of the reference that `name` names bases on.
    """
    start, end, new = change
    ref = bases[start:end]
    if strand == REVERSE:
        ref, new = reverse_complement(ref), reverse_complement(new)
    if not ref:
        return _insertion(change, bases, strand, name, new) if new else None
    place = _span(start + 1, end, strand, name)
    if place is None:
        return None
    if len(ref) == len(new) == 1:
        return f"{place}{ref}>{new}"
    if not new:
        return f"{place}del"
    if new == reverse_complement(ref):
        return f"{place}inv"
    return f"{place}delins{new}"


def _insertion(change: Change, bases: Bases, strand: int, name: Namer, new: str) -> str | None:
    """A duplication of what stands 5' of it, else an insertion between two bases."""
    copy = copied(change, bases, strand)
    if copy:
        place = _span(copy[0] + 1, copy[1], strand, name)
        return place and f"{place}dup"
    place = _span(change.start, change.start + 1, strand, name)
    return place and f"{place}ins{new}"


def copied(change: Change, bases: Bases, strand: int) -> tuple[int, int] | None:
    """The bases 5' of an insertion that it is a copy of (counted from 0, end excluded), if any."""
    at, end, new = change
    first, last = (at - len(new), at) if strand == FORWARD else (at, at + len(new))
    is_copy = at == end and bool(new) and first >= 0 and bases[first:last] == new
    return (first, last) if is_copy else None


def _span(first: int, last: int, strand: int, name: Namer) -> str | None:
    """The names of the first and last base, 5' to 3', or the one name where they are the same."""
    ends = [name(first)] if first == last else [name(first), name(last)]
    if None in ends:
        return None
    return "_".join(str(end) for end in ends[::strand])
