"""The contigs of a VCF against the genomes that are installed, by the first lines of the file.

The site judges them before an upload becomes a job; the browser before a byte is sent, by the same
rules and in the same words (web/static/contigs.js). The annotator, which sees the whole file, has
the last word.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CONTIG = re.compile(r"^##contig=<(?:.*?,)?ID=([^,>]+)")
LENGTH = re.compile(r"[,<]length=(\d{1,15})")
SHOWN = 6
WORDS = {
    "none": (
        "None of the contigs of this file ({found}) is of a genome that is installed here: "
        "{genomes}. Choose a file of one of these, or ask the operators to add your genome."
    ),
    "other": (
        "In this file {name} has {length} bases, in {genome} {expected}: it is another sequence. "
        "Lift the variants over to {genome}, or call them against it."
    ),
    "whole": "All contigs can be annotated ({genome}).",
    "part": (
        "Can be annotated: {known} ({genome}). Not of that genome: {unknown}; their records are "
        "kept as they are and listed as set aside."
    ),
}
"""The words of each verdict; the browser fills in the same."""


@dataclass(frozen=True)
class Genome:
    """An installed genome: its contigs' lengths (bases) by each of their names."""

    name: str
    title: str
    lengths: dict[str, int]


@dataclass(frozen=True)
class ContigVerdict:
    """`problem`: nothing of the file can be annotated, and why; else `note`: what can be."""

    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class SeenContigs:
    """The contigs of a file's first lines: of its records, and of its header with their lengths.

    `is_whole`: the header ends within these lines.
    """

    records: list[str]
    header: dict[str, int | None]
    is_whole: bool

    @property
    def names(self) -> list[str]:
        """Those of the records and of the header, each once."""
        return list(dict.fromkeys([*self.records, *self.header]))


def seen(text: str) -> SeenContigs:
    """The contigs in the first lines of a VCF; a last line without an end is left out."""
    lines = re.split(r"\r?\n", text)[:-1]
    header = {
        match[1]: int(length[1]) if (length := LENGTH.search(line)) else None
        for line in lines
        if (match := CONTIG.match(line))
    }
    records = (line.split("\t", 1)[0] for line in lines if line and not line.startswith("#"))
    return SeenContigs(
        list(dict.fromkeys(records)), header, any(line.startswith("#CHROM") for line in lines)
    )


def judge(contigs: SeenContigs, genomes: Sequence[Genome]) -> ContigVerdict:
    """Judge what of a file with these contigs can be annotated against one of these genomes."""
    names = contigs.names
    if not names or not genomes:
        return ContigVerdict()
    best = max(genomes, key=lambda genome: len(_known(contigs, genome)))
    known = _known(contigs, best)
    unknown = [name for name in names if name not in known]
    if known:
        kind = "part" if unknown else "whole"
        return ContigVerdict(note=_words(kind, best, known=_some(known), unknown=_some(unknown)))
    if not (contigs.is_whole and contigs.header):
        return ContigVerdict()
    return ContigVerdict(problem=_other(contigs, genomes) or _none(names, genomes))


def for_browser(genomes: Iterable[Genome]) -> dict[str, Any]:
    """The rules' data for the script: words, and each genome's names and lengths."""
    listed = [{"name": g.name, "title": g.title, "lengths": g.lengths} for g in genomes]
    return {"words": WORDS, "shown": SHOWN, "genomes": listed}


def _known(contigs: SeenContigs, genome: Genome) -> list[str]:
    """The file's contigs that the genome has, under one of their names and with their lengths."""
    return [
        name
        for name in contigs.names
        if name in genome.lengths and contigs.header.get(name) in (None, genome.lengths[name])
    ]


def _other(contigs: SeenContigs, genomes: Sequence[Genome]) -> str:
    """Words about the first contig that has a genome's name and another length; else empty."""
    for name, length in contigs.header.items():
        for genome in genomes:
            if length is not None and name in genome.lengths:
                expected = f"{genome.lengths[name]:,}"
                return _words("other", genome, name=name, length=f"{length:,}", expected=expected)
    return ""


def _none(names: list[str], genomes: Sequence[Genome]) -> str:
    listed = "; ".join(f"{genome.name} ({genome.title})" for genome in genomes)
    return WORDS["none"].format(found=_some(names), genomes=listed)


def _words(kind: str, genome: Genome, **values: str) -> str:
    return WORDS[kind].format(genome=genome.name, **values)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
