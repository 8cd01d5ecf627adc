"""Writes the names of changes of proteins, many at once: p.(Arg97ProfsTer23)."""

import numpy as np

from ann.in_frame import DELETION, DELETION_INSERTION, DUPLICATION, INSERTION, SUBSTITUTION
from ann.naming import RESIDUES
from ann.proteins import EXTENSION, FRAMESHIFT, SAME, START_LOST, UNPREDICTABLE, ProteinChanges
from ann.table import Bytes
from ann.texts import Objects, compacted, digits, marks, padded, side_by_side, some_digits

WORDS = {
    **{SUBSTITUTION: b"", DELETION: b"del", DUPLICATION: b"dup", INSERTION: b"ins"},
    **{DELETION_INSERTION: b"delins", UNPREDICTABLE: b"", START_LOST: b"?", SAME: b"="},
    **{EXTENSION: b"extTer", FRAMESHIFT: b"fsTer"},
}
IN_ORDER = padded([WORDS[kind] for kind in range(len(WORDS))])
LEAD, NO_NAME = (np.frombuffer(text, np.uint8).reshape(1, -1) for text in (b"p.(", b"p.?"))


def protein_texts(changes: ProteinChanges) -> Objects:
    """The names of these."""
    kinds, one = changes.kinds, changes.new[:, 0]
    has_stop = (kinds == FRAMESHIFT) | (kinds == EXTENSION)
    has_several = (kinds == INSERTION) | (kinds == DELETION_INSERTION)
    is_span = changes.last_numbers > changes.first_numbers
    columns = [
        LEAD,
        _three(changes.first),
        digits(changes.first_numbers),
        marks(is_span, b"_"),
        _three(np.where(is_span, changes.last, 0)),
        some_digits(changes.last_numbers, is_span),
        _three(np.where(has_stop | (kinds == SUBSTITUTION), one, 0)),
        IN_ORDER[kinds],
        *(_three(np.where(has_several, new, 0)) for new in changes.new.T),
        some_digits(changes.stops, has_stop & (changes.stops > 0)),
        marks(has_stop & (changes.stops == 0), b"?"),
        marks(np.ones_like(is_span), b")"),
    ]
    rows = side_by_side(len(kinds), columns)
    is_open = kinds == UNPREDICTABLE
    rows[is_open] = 0
    rows[is_open, : NO_NAME.shape[1]] = NO_NAME
    return compacted(rows).apart()


def _three(letters: Bytes) -> Bytes:
    return RESIDUES[letters].view(np.uint8).reshape(len(letters), 4)
