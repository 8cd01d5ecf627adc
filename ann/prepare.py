"""Chooses the reference of a VCF, and has the pre-pass and csq go through it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ann.choice import Choice, ReferenceFit, candidates, decide
from ann.csq import AUTO, HAPLOTYPE, LOCAL, Csq
from ann.pre_pass import Announcer, Prepared, PrePass, Progress
from ann.reader import Block, Reader
from ann.records import VCFError
from ann.references import Reference
from ann.screening import Screening
from ann.table import CHROM, RecordTable, changes
from vcf.file_type import shown

PEEK = 1000
"""Records looked at to choose the reference, and to see early that it cannot be right."""
CONTIGS_NOTED = 30
MODE_WORDS = {
    LOCAL: "allele by allele (local)",
    HAPLOTYPE: "haplotype by haplotype: the genotypes are phased",
}


@dataclass(frozen=True)
class Request:
    """The user's wishes: a reference's name, or none, and AUTO, LOCAL or HAPLOTYPE."""

    reference: str
    mode: str = AUTO


def prepare(
    reader: Reader,
    request: Request,
    offer: list[Reference],
    start_csq: Callable[[Reference], Csq],
    folder: Path,
    progress: Progress,
    announce: Announcer,
) -> Prepared:
    """Read all, and have csq annotate what it can. Raises VCFError, and what csq raises.

    The files are announced once they can be read while they grow, and when they are made anew.
    """
    progress("reading")
    blocks = reader.blocks()
    head = next(blocks, None)
    reference, also_fits = choose(reader, head, request.reference, offer)
    screening = Screening(reference, reader.header, reader.check)
    csq = start_csq(reference)
    pre_pass = PrePass(screening, reader.header, csq, folder, request.mode, announce)
    try:
        prepared = pre_pass.run(itertools.chain([head] if head else [], blocks), progress)
        screening.demand_right_assembly()
        screening.demand_something_known(prepared.records)
        prepared.contigs = {name: screening.placements[name].contig for name in pre_pass.seen}
        if not pre_pass.is_sorted:
            progress("sorting")
            pre_pass.put_in_order()
        progress("annotating")
        prepared.csq = csq.finish()
    except BaseException:
        csq.abandon()
        raise
    prepared.mode, prepared.codes = csq.mode, sorted(csq.codes)
    prepared.notes = [also_fits] * bool(also_fits) + _notes(pre_pass)
    return prepared


def choose(reader: Reader, head: Block | None, wanted: str, offer: list[Reference]) -> Choice:
    """The reference that the first records agree with best.

    Raises VCFError where none fits, and where nothing tells which of several.
    """
    first = _first(head.table) if head else None
    seen = _contigs(first) if first else []
    try:
        fitting = candidates(reader.header, seen, wanted, offer)
    except VCFError:
        later = _all_contigs(reader) if not wanted and first else seen
        if later == seen:
            raise
        seen = later
        fitting = candidates(reader.header, seen, wanted, offer)
    screenings = [Screening(r, reader.header, reader.check) for r in fitting]
    if first and head:
        for screening in screenings:
            screening.screen(head._replace(table=first))
    fits = [ReferenceFit(screening.reference, screening.misfits()) for screening in screenings]
    choice = decide(fits, reader.header, seen)
    screenings[fitting.index(choice.reference)].demand_right_assembly()
    return choice


def _first(table: RecordTable) -> RecordTable:
    if len(table) <= PEEK:
        return table
    seps = table.seps[:PEEK]
    return RecordTable(table.text[: int(seps[-1, -1]) + 1], seps)


def _contigs(table: RecordTable) -> list[str]:
    names = [table.cell(n, CHROM).decode("utf-8", "replace") for n in changes(table, CHROM)]
    return list(dict.fromkeys(names))


def _all_contigs(reader: Reader) -> list[str]:
    """Every contig of the file, for one whose first records fit no reference."""
    found: dict[str, None] = {}
    with Reader(reader.path, reader.bounds) as again:
        for block in again.blocks():
            found |= dict.fromkeys(_contigs(block.table))
    return list(found)


def _notes(pre_pass: PrePass) -> list[str]:
    """The notes for the user, written in the log."""
    screening, prepared = pre_pass.screening, pre_pass.prepared
    tags, reference = prepared.tags, screening.reference
    notes = [
        f"contig {shown(p.name)[1:-1]} is {p.contig.name} in {reference.name}"
        for p in screening.placements.values()
        if p.contig and p.name != p.contig.name.encode()
    ][:CONTIGS_NOTED]
    if not pre_pass.is_sorted:
        notes.append("the records were not in order and have been sorted")
    notes.append(f"consequences called {MODE_WORDS[prepared.mode]}")
    notes += [f"REF differs: {words}" for words in screening.examples]
    if screening.strange:
        notes.append(f"records on contigs that {reference.name} has not: {screening.strangers()}")
    if prepared.header.version == "3.3":
        notes.append("VCF 3.3: its own tag declarations are left out, values are kept")
    if tags.missing:
        notes.append(f"tags that the header does not declare are declared now: {tags.names()}")
    if tags.had_ours:
        notes.append("an earlier annotation (BCSQ) was replaced")
    return [*notes, *pre_pass.csq.notes]
