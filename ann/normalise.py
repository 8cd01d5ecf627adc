"""Brings an allele into the one form that all writings of the same change share."""

from typing import Protocol


class ContigBases(Protocol):
    """A contig's sequence, upper case: bases by their number from 0 (a str is one)."""

    def __getitem__(self, number: int) -> str: ...


def normalise(contig_sequence: ContigBases, pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The allele trimmed, left-aligned and in upper case; `pos` counts from 1.

    `ref` must be the contig's sequence at `pos`, and both alleles bases (A, C, G, T, N).
    The method is that of vt normalize (Tan, Abecasis and Kang 2015, Bioinformatics 31:2202): cut
    equal last bases, going left for a base wherever an allele would end empty, then equal first
    ones. An insertion or deletion keeps the base before it; at the contig's first base, where
    there is none, it keeps the base after it.
    """
    ref, alt = ref.upper(), alt.upper()
    if ref == alt or len(ref) == len(alt) == 1:
        return pos, ref, alt
    pos, ref, alt = _left_aligned(contig_sequence, pos, ref, alt)
    spare = min(len(ref), len(alt)) - 1
    same = next((n for n in range(spare) if ref[n] != alt[n]), spare)
    return pos + same, ref[same:], alt[same:]


def _left_aligned(bases: ContigBases, pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The allele without equal last bases, as far left as it goes, a base in front if need be."""
    common = _common_end(ref, alt)
    ref, alt = ref[: len(ref) - common], alt[: len(alt) - common]
    while not (ref and alt):
        if pos == 1:
            return pos, ref + bases[len(ref)], alt + bases[len(ref)]
        pos -= 1
        before = bases[pos - 1]
        longer = ref or alt
        if longer[-1] == before:  # the change may begin a base earlier: turn it by one
            turned = before + longer[:-1]
            ref, alt = (turned, "") if ref else ("", turned)
        else:
            ref, alt = before + ref, before + alt
    return pos, ref, alt


def _common_end(ref: str, alt: str) -> int:
    shorter = min(len(ref), len(alt))
    return next((n for n in range(shorter) if ref[-1 - n] != alt[-1 - n]), shorter)
