"""Alleles in their one form: trimmed and left-aligned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ann.normalise import normalise

SEQUENCE = "GATTTTACACACAGGNCC"


def applied(sequence: str, pos: int, ref: str, alt: str) -> str:
    """The sequence with the change made; REF must be there."""
    assert sequence[pos - 1 : pos - 1 + len(ref)] == ref
    return sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((2, "A", "G"), (2, "A", "G")),
        ((2, "a", "g"), (2, "A", "G")),
        ((6, "T", "TT"), (2, "A", "AT")),  # an insertion in a run goes to its left end
        ((5, "TT", "T"), (2, "AT", "A")),
        ((9, "ACA", "A"), (6, "TAC", "T")),  # a repeat of two
        ((1, "GA", "A"), (1, "GA", "A")),  # nothing stands before the first base
        ((1, "GAT", "GCT"), (2, "A", "C")),
        ((1, "GAT", "GAC"), (3, "T", "C")),
        ((1, "GAT", "TAG"), (1, "GAT", "TAG")),
        ((2, "AT", "A"), (2, "AT", "A")),
        ((1, "G", "GG"), (1, "G", "GG")),
        ((14, "GGN", "GG"), (15, "GN", "G")),
    ],
)
def test_each_kind_of_allele(given: tuple[int, str, str], wanted: tuple[int, str, str]) -> None:
    assert normalise(SEQUENCE, *given) == wanted


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, int, str, str]:
    """A sequence of few letters, so that repeats abound, and a change in it."""
    sequence = draw(st.text("ACG", min_size=1, max_size=25))
    start = draw(st.integers(0, len(sequence) - 1))
    end = draw(st.integers(start + 1, len(sequence)))
    return sequence, start + 1, sequence[start:end], draw(st.text("ACG", min_size=1, max_size=6))


@given(changes())
def test_the_change_stays_the_same_and_is_minimal(change: tuple[str, int, str, str]) -> None:
    sequence, pos, ref, alt = change
    new = normalise(sequence, pos, ref, alt)
    assert applied(sequence, *new) == applied(sequence, pos, ref, alt)
    assert normalise(sequence, *new) == new
    _, short, other = new
    assert short
    assert other
    if ref != alt and len(short) > 1 and len(other) > 1:
        assert short[0] != other[0]
        assert short[-1] != other[-1]


@given(changes(), st.integers(0, 3), st.integers(0, 3))
def test_every_writing_of_a_change_gets_the_same_form(
    change: tuple[str, int, str, str], left: int, right: int
) -> None:
    sequence, pos, ref, alt = change
    if ref == alt:
        return
    end = pos - 1 + len(ref)
    left, right = min(left, pos - 1), min(right, len(sequence) - end)
    before, after = sequence[pos - 1 - left : pos - 1], sequence[end : end + right]
    wide = (pos - left, before + ref + after, before + alt + after)
    assert normalise(sequence, *wide) == normalise(sequence, pos, ref, alt)


@given(st.text("AC", min_size=2, max_size=16), st.data())
def test_deleting_any_unit_of_a_repeat_is_one_change(sequence: str, data: st.DataObject) -> None:
    """All single deletions that leave the same sequence get the same form."""
    n = data.draw(st.integers(1, len(sequence) - 1))
    forms: dict[str, set[tuple[int, str, str]]] = {}
    for pos in range(1, len(sequence) - n + 1):
        ref, alt = sequence[pos - 1 : pos + n], sequence[pos - 1]
        forms.setdefault(applied(sequence, pos, ref, alt), set()).add(
            normalise(sequence, pos, ref, alt)
        )
    assert all(len(found) == 1 for found in forms.values())
