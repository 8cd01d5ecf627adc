"""The choice of the reference that a VCF was called against."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ann.records import Header, VCFError
from ann.references import Reference
from vcf.file_type import shown

SHOWN = 6


class ReferenceFit(NamedTuple):
    """A reference that has contigs of the file, and how many records do not agree with it."""

    reference: Reference
    misfits: int


class Choice(NamedTuple):
    """The reference that was chosen, and words about the others that fit; empty: none does."""

    reference: Reference
    note: str = ""


def candidates(
    header: Header, seen: Iterable[str], wanted: str, offer: list[Reference]
) -> list[Reference]:
    """The reference that the user `wanted`, else those that fit, the likeliest first.

    `seen` are contig names of records. A contig that only the header names fits where its length
    is stated; a file without any contig fits all. Raises VCFError where none fits.
    """
    names = list(dict.fromkeys(seen))
    if wanted:
        return _wanted(wanted, offer)
    fitting = _fitting(offer, header, names) or _fitting(offer, header, _measured(header))
    if not fitting and (names or header.contigs):
        raise VCFError(_none_fits(header, names or list(header.contigs), offer))
    return sorted(fitting or offer, key=lambda r: not _is_named(r, header))


def decide(fits: list[ReferenceFit], header: Header, seen: Iterable[str]) -> Choice:
    """The best of several fits.

    Fewest misfits count first, then what the header calls the reference, then how many of the
    file's contigs it has. Of references that are alike in all of these, one is as good as another
    where the contigs of the records have the same sequence (the smallest is taken); where not,
    the user has to say: VCFError.
    """
    names = list(dict.fromkeys(seen))
    least = min(fit.misfits for fit in fits)
    alike = [fit.reference for fit in fits if fit.misfits == least]
    best = _best(alike, header, names)
    if names and len({_sequences(reference, names) for reference in best}) > 1:
        raise VCFError(
            f"This file fits several references alike: {_listed(best)}. Its REF bases and its "
            "header do not tell which. Please choose the one that the variants were called against."
        )
    chosen = min(best, key=lambda reference: len(reference.contigs))
    others = ", ".join(r.name for r in alike if r is not chosen)
    return Choice(
        chosen, f"the reference {chosen.name} was chosen; also fits {others}" * bool(others)
    )


def _best(alike: list[Reference], header: Header, names: list[str]) -> list[Reference]:
    """Of references with as few misfits those that the header names and that have most contigs."""
    named = [reference for reference in alike if _is_named(reference, header)] or alike
    everything = {*names, *_measured(header)}
    held = [sum(name in reference.names for name in everything) for reference in named]
    return [reference for reference, n in zip(named, held, strict=True) if n == max(held)]


def _is_named(reference: Reference, header: Header) -> bool:
    """Tell if the header's words have one of the reference's names as a word of its own."""
    names = (re.escape(name) for name in (reference.name, *reference.aliases) if name)
    word = rf"(?<![^\W_])(?:{'|'.join(names)})(?![^\W_])"
    return re.search(word, header.reference, re.IGNORECASE) is not None


def _sequences(reference: Reference, names: list[str]) -> frozenset[tuple[str, str]]:
    """The sequences that these contigs have in a reference."""
    return frozenset((n, reference.names[n].md5) for n in names if n in reference.names)


def _wanted(name: str, offer: list[Reference]) -> list[Reference]:
    named = [reference for reference in offer if reference.name == name]
    if not named:
        raise VCFError(f"There is no reference {name} here; on offer: {_listed(offer)}.")
    return named


def _measured(header: Header) -> list[str]:
    return [name for name, length in header.contigs.items() if length]


def _fitting(offer: list[Reference], header: Header, names: list[str]) -> list[Reference]:
    """The references that have one of these contigs.

    Raises VCFError where none has, but one has a look-alike.
    """
    fitting, look_alikes = [], []
    for reference in offer:
        try:
            if any([reference.match(name, header.contigs.get(name)) for name in names]):
                fitting.append(reference)
        except VCFError as fault:
            look_alikes.append(fault)
    if look_alikes and not fitting:
        raise look_alikes[0]
    return fitting


def _none_fits(header: Header, names: list[str], offer: list[Reference]) -> str:
    stated = ""
    if header.reference:
        stated = f" Its header names the reference {_plain(header.reference)}."
    return (
        f"This looks like another assembly: none of the references here has the contigs of "
        f"this file ({_some(names) or 'none'}).{stated} On offer: {_listed(offer)}. "
        "Please choose variants of one of these, or ask the operators to add your genome."
    )


def _listed(offer: list[Reference]) -> str:
    return "; ".join(f"{r.name} ({r.title}: {_contigs(r)})" for r in offer) or "none"


def _contigs(reference: Reference) -> str:
    return _some([contig.name for contig in reference.contigs])


def _some(names: list[str]) -> str:
    return ", ".join(map(_plain, names[:SHOWN])) + (", …" if len(names) > SHOWN else "")


def _plain(text: str) -> str:
    """Text of the file, short and without control characters."""
    return shown(text.encode())[1:-1]
