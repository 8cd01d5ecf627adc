"""Predicts what a change of the coding sequence makes of the protein, as HGVS names it (p.).

https://hgvs-nomenclature.org/stable/recommendations/protein/. Descriptions compare the two
proteins, the most C-terminal residue taken as changed, in parentheses: nothing here was seen in an
experiment.
"""

from collections.abc import Sequence

from ann.genetic_codes import STOP, GeneticCode
from ann.hgvs import Change

THREE = {
    **{"A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu"},
    **{"G": "Gly", "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe"},
    **{"P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "X": "Xaa"},
    **{"*": "Ter", "U": "Sec", "O": "Pyl"},
}
UNPREDICTABLE = "p.?"
START_LOST = "p.(Met1?)"


class Coding:
    """A transcript's coding sequence in its own direction, and what is transcribed behind it."""

    def __init__(self, coding: str, tail: str, code: GeneticCode) -> None:
        self.coding, self.tail, self.code = coding, tail, code

    def residue(self, number: int) -> str:
        """The reference's amino acid, counted from 0; empty behind the last whole codon.

        What begins a protein is methionine, whatever the codon stands for elsewhere.
        """
        codon = self.coding[3 * number : 3 * number + 3]
        if number == 0 and codon in self.code.starts:
            return "M"
        return self.code.translate(codon) if len(codon) == 3 else ""

    def describe(self, change: Change) -> str:
        """The protein that a change of the coding sequence predicts; bases counted from its A."""
        return _Comparison(self, change).words()

    def codons(self, changes: Sequence[Change]) -> str:
        """The codon that these substitutions change, as VEP writes it before and after: aTg/aCg.

        Empty where they are no substitutions, or not all in one whole codon.
        """
        numbers = {n // 3 for start, end, _ in changes for n in (start, end - 1)}
        first = 3 * min(numbers, default=0)
        old = list(self.coding[first : first + 3].lower())
        are_substitutions = all(len(new) == end - start > 0 for start, end, new in changes)
        if len(numbers) != 1 or len(old) != 3 or not are_substitutions:
            return ""
        after = old.copy()
        for start, end, new in changes:
            place = slice(start - first, end - first)
            old[place], after[place] = [base.upper() for base in old[place]], new
        return f"{''.join(old)}/{''.join(after)}"


class _Comparison:
    """The two proteins from the first codon that the change touches."""

    def __init__(self, reference: Coding, change: Change) -> None:
        start, end, new = change
        self.reference, self.first = reference, start // 3
        coding, begin = reference.coding, 3 * self.first
        self.new = coding[begin:start] + new + coding[end:] + reference.tail
        self.grown = len(new) - (end - start)
        self.touched = -(-end // 3) - self.first if end > start or start % 3 else 0

    def words(self) -> str:
        """The change as HGVS names it, predicted and so in parentheses: `p.(Ala72Val)`."""
        if self.first == 0 and self._loses_start():
            return START_LOST
        at = self._first_difference()
        if at is None:
            residue = THREE[self.reference.residue(self.first) or "X"]
            return f"p.({residue}{self.first + 1}=)"
        old, new = self.reference.residue(self.first + at), self._residue(at)
        if not old or not new:
            return UNPREDICTABLE
        place = f"{THREE[old]}{self.first + at + 1}"
        if old == STOP:
            return f"p.({place}{THREE[new]}extTer{self._stop_after(at) or '?'})"
        if new == STOP:
            return f"p.({place}Ter)"
        if self.grown % 3 or STOP in self._old():
            stop = self._stop_after(at)
            return f"p.({place}{THREE[new]}fsTer{stop + 1 if stop else '?'})"
        return f"p.({self._in_frame()})"

    def _loses_start(self) -> bool:
        codon = self.new[:3]
        return codon != self.reference.coding[:3] and codon not in self.reference.code.starts

    def _residue(self, number: int) -> str:
        """The new protein's amino acid, counted from the first codon touched."""
        codon = self.new[3 * number : 3 * number + 3]
        if number == self.first == 0:
            return "M"
        return self.reference.code.translate(codon) if len(codon) == 3 else ""

    def _first_difference(self) -> int | None:
        """The number of the first residue that differs; None where the proteins end alike."""
        number = 0
        while (old := self.reference.residue(self.first + number)) == self._residue(number):
            if old in (STOP, ""):
                return None
            number += 1
        return number

    def _stop_after(self, number: int) -> int:
        """The number of residues from this one to the new stop; 0 where none is in sight."""
        amino, new = self.reference.code.amino, self.new
        for begin in range(3 * number + 3, len(new) - 2, 3):
            if amino.get(new[begin : begin + 3]) == STOP:
                return begin // 3 - number
        return 0

    def _old(self) -> str:
        residues = range(self.first, self.first + self.touched)
        return "".join(map(self.reference.residue, residues))

    def _in_frame(self) -> str:
        old = self._old()
        new = "".join(map(self._residue, range(self.touched + self.grown // 3)))
        before, stop, _ = new.partition(STOP)
        return residues_changed(self.first, old, before + stop, self.reference)


def residues_changed(first: int, old: str, new: str, reference: Coding) -> str:
    """Residues `old`, from number `first` (counted from 0) on, become `new`."""
    while old and new and old[0] == new[0]:
        first, old, new = first + 1, old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    if not new:
        while reference.residue(first) == reference.residue(first + len(old)):
            first += 1
        return f"{_place(first, len(old), reference)}del"
    if not old:
        return _inserted(first, new, reference)
    if len(old) == len(new) == 1:
        return f"{THREE[old]}{first + 1}{THREE[new]}"
    return f"{_place(first, len(old), reference)}delins{_three(new)}"


def _inserted(first: int, new: str, reference: Coding) -> str:
    while reference.residue(first) == new[0]:
        first, new = first + 1, new[1:] + new[0]
    before = range(first - len(new), first)
    if before.start >= 0 and "".join(map(reference.residue, before)) == new:
        return f"{_place(before.start, len(new), reference)}dup"
    return f"{_place(first - 1, 2, reference)}ins{_three(new)}"


def _place(first: int, size: int, reference: Coding) -> str:
    """The first and the last of so many residues."""
    numbers = {first, first + size - 1}
    return "_".join(f"{THREE[reference.residue(n) or 'X']}{n + 1}" for n in sorted(numbers))


def _three(residues: str) -> str:
    return "".join(THREE[residue] for residue in residues)
