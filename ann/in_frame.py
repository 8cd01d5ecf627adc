"""The words for residues that are replaced by others, many at once: del, dup, ins, delins.

The rules are those of `residues_changed` in `ann.protein`.
"""

from typing import NamedTuple

import numpy as np

from ann.spliced import STOP_LETTER, Spliced
from ann.table import Bytes, Ints, Mask, along

MOST = 3
"""Residues that go or come, at the most."""
SUBSTITUTION, DELETION, DUPLICATION, INSERTION, DELETION_INSERTION = range(5)
COLUMNS = np.arange(MOST)


class Replaced(NamedTuple):
    """The first `n_old` residues of `old`, from number `first` on, become the `n_new` of `new`.

    Numbers count from 0; residues are rows of letters, 0 where there is none.
    """

    transcripts: Ints
    first: Ints
    old: Bytes
    n_old: Ints
    new: Bytes
    n_new: Ints


class ResidueChange(NamedTuple):
    """The kinds of change of `sizes` residues from number `starts` on; `new` come, 0 for none.

    Where not `is_known` the rest means nothing.
    """

    is_known: Mask
    kinds: Ints
    starts: Ints
    sizes: Ints
    new: Bytes


def residue_changes(replaced: Replaced, spliced: Spliced, look: int) -> ResidueChange:
    """Find the words for each of these that is moved by fewer residues than are looked at."""
    cut = _without_common_ends(_until_stop(replaced))
    moved, is_near = _moved(cut, spliced, look)
    gone, come = moved.n_old, moved.n_new
    before = spliced.residues(moved.transcripts[:, None], (moved.first - come)[:, None] + COLUMNS)
    is_there = come[:, None] > COLUMNS
    is_copy = (gone == 0) & ((before == moved.new) | ~is_there).all(axis=1)
    kinds = np.full(len(gone), DELETION_INSERTION)
    for which, kind in (
        ((gone == 1) & (come == 1), SUBSTITUTION),
        (gone == 0, INSERTION),
        (is_copy, DUPLICATION),
        (come == 0, DELETION),
    ):
        kinds[which] = kind
    back = np.where(is_copy, come, gone == 0)
    sizes = np.where(is_copy, come, np.where(gone == 0, 2, gone))
    new = np.where(is_there & ~is_copy[:, None], moved.new, np.uint8(0))
    return ResidueChange(is_near & _are_whole(replaced), kinds, moved.first - back, sizes, new)


def _are_whole(replaced: Replaced) -> Mask:
    """Tell which of these have all the residues that they count."""
    old = (replaced.old != 0) | (replaced.n_old[:, None] <= COLUMNS)
    new = (replaced.new != 0) | (replaced.n_new[:, None] <= COLUMNS)
    found: Mask = (old & new).all(axis=1)
    return found


def _until_stop(replaced: Replaced) -> Replaced:
    """The same, no residue behind a new stop."""
    is_stop = (replaced.new == STOP_LETTER) & (replaced.n_new[:, None] > COLUMNS)
    n_new = np.where(is_stop.any(axis=1), is_stop.argmax(axis=1) + 1, replaced.n_new)
    return replaced._replace(n_new=n_new)


def _without_common_ends(replaced: Replaced) -> Replaced:
    """The same without residues that old and new have in common, in front first, then behind."""
    transcripts, first, old, n_old, new, n_new = replaced
    front = _common(old, new, np.minimum(n_old, n_new))
    kept = np.minimum(COLUMNS + front[:, None], MOST - 1)
    old, new = along(old, kept), along(new, kept)
    n_old, n_new = n_old - front, n_new - front
    behind = _common(_turned(old, n_old), _turned(new, n_new), np.minimum(n_old, n_new))
    return Replaced(transcripts, first + front, old, n_old - behind, new, n_new - behind)


def _turned(residues: Bytes, sizes: Ints) -> Bytes:
    """So many residues of each row from the last to the first."""
    return along(residues, np.maximum(sizes[:, None] - 1 - COLUMNS, 0))


def _common(one: Bytes, other: Bytes, most: Ints) -> Ints:
    """The number of columns from the first on that are the same in both."""
    is_same = (one == other) & (most[:, None] > COLUMNS)
    found: Ints = np.logical_and.accumulate(is_same, axis=1).sum(axis=1)
    return found


def _moved(replaced: Replaced, spliced: Spliced, look: int) -> tuple[Replaced, Mask]:
    """Pure deletions and insertions as far to the protein's end as they go; which are seen to."""
    transcripts, first, _, n_old, new, n_new = replaced
    steps, size = np.arange(look), np.maximum(n_new, 1)[:, None]
    owners, is_insertion = transcripts[:, None], n_old == 0
    pattern = np.where(
        is_insertion[:, None],
        along(new, steps % size),
        spliced.residues(owners, first[:, None] + steps),
    )
    differs = pattern != spliced.residues(owners, (first + n_old)[:, None] + steps)
    is_pure = is_insertion != (n_new == 0)
    by = np.where(is_pure, differs.argmax(axis=1), 0)
    turned = along(new, (COLUMNS + by[:, None]) % size)
    is_near = differs.any(axis=1) & (is_pure | ~is_insertion)
    return replaced._replace(first=first + by, new=turned), is_near
