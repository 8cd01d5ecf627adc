"""The consequences of a variant for codons and proteins, in sentences."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

AMINO_ACIDS = {
    "Ala": "alanine", "Arg": "arginine", "Asn": "asparagine", "Asp": "aspartic acid",
    "Cys": "cysteine", "Gln": "glutamine", "Glu": "glutamic acid", "Gly": "glycine",
    "His": "histidine", "Ile": "isoleucine", "Leu": "leucine", "Lys": "lysine",
    "Met": "methionine", "Phe": "phenylalanine", "Pro": "proline", "Ser": "serine",
    "Thr": "threonine", "Trp": "tryptophan", "Tyr": "tyrosine", "Val": "valine",
    "Sec": "selenocysteine", "Pyl": "pyrrolysine", "Xaa": "an unknown amino acid", "Ter": "a stop",
}  # fmt: skip
RESIDUE = "|".join(AMINO_ACIDS)
ONE = re.compile(rf"p\.\(({RESIDUE})(\d+)(=|\?|{RESIDUE})((?:fs|ext)Ter(\d+|\?))?\)")
SEVERAL = re.compile(
    rf"p\.\(({RESIDUE})(\d+)(?:_({RESIDUE})(\d+))?(delins|del|dup|ins)((?:{RESIDUE})*)\)"
)
CODONS = re.compile(r"[acgtACGT]{3}/[acgtACGT]{3}")
CODING = re.compile(r"c\.(\d+)\D.*")
MOST_NAMED = 5
STOP = "Ter"
UNPREDICTABLE = "p.?"


def sentences(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The sentences about a variant's consequences, each with the transcripts that it holds for."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        words = sentence(entry)
        if words:
            found.setdefault(words, []).append(entry["transcript"] or entry["gene"] or "")
    return found


def sentence(entry: Mapping[str, Any]) -> str:
    """A consequence as a sentence; empty where no protein is concerned."""
    codon, protein = _codon(entry), _protein(entry.get("hgvs_p") or "", bool(entry.get("codons")))
    parts = [part for part in (codon, protein) if part]
    words = ": ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _codon(entry: Mapping[str, Any]) -> str:
    """The codon's change; its number is that of the residue, and of the bases by threes."""
    codons, coding = entry.get("codons") or "", CODING.fullmatch(entry.get("hgvs_c") or "")
    if not coding or not CODONS.fullmatch(codons):
        return ""
    old, new = codons.upper().split("/")
    return f"codon {(int(coding[1]) + 2) // 3} changes from {old} to {new}"


def _protein(hgvs_p: str, has_codon: bool) -> str:
    """The protein's change; behind that of a codon it need not say where it is."""
    if hgvs_p == UNPREDICTABLE:
        return "what this does to the protein cannot be predicted"
    if match := ONE.fullmatch(hgvs_p):
        old, number, new, kind, stop = match.groups()
        name = "the stop" if old == STOP else AMINO_ACIDS[old]
        place = name if has_codon else f"{name} {number}"
        if kind and kind.startswith("fs"):
            return _shifted(f"{name} {number}", stop)
        if kind:
            return f"{place} becomes {AMINO_ACIDS[new]}, and the protein goes on{_until(stop)}"
        return _substituted(place, old, int(number), new, has_codon)
    match = SEVERAL.fullmatch(hgvs_p)
    return _of_several(*match.groups()) if match else ""


def _substituted(place: str, old: str, number: int, new: str, has_codon: bool) -> str:
    if new == "?":
        return "it no longer starts the protein" if has_codon else "the protein loses its start"
    if new == STOP:
        return f"{place} becomes a stop, and the protein ends there"
    if new != "=":
        return f"{place} becomes {AMINO_ACIDS[new]}"
    if not has_codon:
        return f"{place} stays as it is"
    if old == STOP:
        return "it is still a stop"
    return "it still starts the protein" if number == 1 else f"it still stands for {place}"


def _shifted(place: str, stop: str) -> str:
    """HGVS counts the new stop from the first residue that differs."""
    end = _until(str(int(stop) - 1) if stop.isdecimal() else stop)
    return f"the reading frame shifts at {place}, and all that follows is read otherwise{end}"


def _until(stop: str) -> str:
    if not stop.isdecimal():
        return "; no stop is in sight"
    return f", to a stop {stop} codon{'' if stop == '1' else 's'} on"


def _of_several(
    first: str, number: str, last: str | None, end: str | None, kind: str, new: str
) -> str:
    names = [f"{AMINO_ACIDS[first]} {number}"]
    if last and end:
        names.append(f"{AMINO_ACIDS[last]} {end}")
    place = names[0] if len(names) == 1 else f"what is from {names[0]} to {names[1]}"
    if kind == "del":
        return f"the protein loses {place}"
    if kind == "dup":
        return f"{place} comes twice"
    if kind == "ins":
        return f"the protein gains {_named(new)} between {' and '.join(names)}"
    return f"{place} becomes {_named(new)}"


def _named(residues: str) -> str:
    """Residues by name, or their number where they are many."""
    found = [AMINO_ACIDS[residues[at : at + 3]] for at in range(0, len(residues), 3)]
    if len(found) > MOST_NAMED:
        return f"{len(found)} amino acids"
    *before, last = found or ["nothing"]
    return f"{', '.join(before)} and {last}" if before else last
