"""Tells the records that bcftools csq may see from those to set aside, and why."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ann.csq_crashes import LowestBases
from ann.fasta import UPPER, MappedFasta
from ann.reader import Block
from ann.records import BASES, MAX_ALLELES, MAX_POS, Header, VCFError
from ann.references import Contig, Reference
from ann.table import (
    ALT,
    CHROM,
    FILTER,
    FORMAT,
    POS,
    QUAL,
    REF,
    Ints,
    Mask,
    RecordTable,
    Segments,
    changes,
    letters,
    positions,
    ragged,
    strangers,
)
from vcf.file_type import shown

MISMATCH_SHARE = 0.2
"""REF bases that disagree with the reference: beyond this share it is another assembly."""
MISMATCHES_EXCUSED = 2
"""So few may be mere slips, unless they are most of the file."""
MISMATCHES_SHOWN = 3
CONTIGS_SHOWN = 6
MOST_ALLELE_BYTES = 1_000_000
PLAIN_ALTS = re.compile(rb"[ACGTacgt]+(?:,[ACGTacgt]+)*")
AMBIGUOUS_BASES = frozenset(b"RYSWKMBDHVryswkmbdhv")
NO_CONTIG = "contig not in the reference"
OUTSIDE = "position outside the contig"
WRONG_REF = "REF differs from the reference"
SYMBOLIC = "symbolic allele or breakend"
NO_ALLELE = "no alternative sequence (. or *)"
AMBIGUOUS = "ambiguous base (not A, C, G or T)"
TOO_LONG = f"alleles of more than {MOST_ALLELE_BYTES:,} bases"
AT_CDS_END = "one base becomes several at the end of a coding sequence"
OF_ALLELES = (SYMBOLIC, NO_ALLELE, AMBIGUOUS, TOO_LONG, AT_CDS_END)
REASONS = ("", NO_CONTIG, OUTSIDE, WRONG_REF, *OF_ALLELES)
"""A record's status is a place in this table; the first is that of a clean one."""
CODES = {reason: code for code, reason in enumerate(REASONS)}
ACGT, LETTERS = letters(b"ACGTacgt,"), letters(bytes(range(65, 91)) + bytes(range(97, 123)))
NUMERIC = letters(b"-+0123456789.eE")
COMMA = ord(",")


class ContigPlacement(NamedTuple):
    """The place of a file's contig in the reference; `contig` is None for one it lacks.

    `turn` counts the file's names for one contig: each needs a csq of its own, being in a block
    of its own.
    """

    name: bytes
    contig: Contig | None
    turn: int = 0


class ContigRun(NamedTuple):
    """Records `start` to `stop` of a block, which are on one contig."""

    start: int
    stop: int
    placement: ContigPlacement


@dataclass
class Screened:
    """A block of records, and what was found of each; `status` are places in REASONS."""

    block: Block
    pos: Ints
    n_alts: Ints
    status: NDArray[np.int8]
    runs: list[ContigRun]

    @property
    def table(self) -> RecordTable:
        return self.block.table


class Screening:
    """One reference's view of a file's records; `check` examines a single line for faults."""

    def __init__(
        self, reference: Reference, header: Header, check: Callable[[bytes, int], None]
    ) -> None:
        self.reference, self.header, self.check = reference, header, check
        self.sequences, self.lowest = MappedFasta(reference), LowestBases(reference)
        self.placements: dict[bytes, ContigPlacement] = {}
        self.strange: Counter[bytes] = Counter()
        self.checked = self.mismatched = self.outside = 0
        self.examples: list[str] = []

    def screen(self, block: Block) -> Screened:
        """Look at a block of records. Raises VCFError for the first that is no VCF record."""
        table = block.table
        pos, is_number = positions(table)
        n_alts, is_odd = _alternatives(table)
        is_odd |= ~is_number | (pos > MAX_POS) | _unusual(table)
        status = np.zeros(len(table), np.int8)
        for record in np.flatnonzero(is_odd).tolist():
            self.check(table.line(record), block.number + record)
            status[record] = CODES[_odd(table.cell(record, REF), table.cell(record, ALT))]
        screened = Screened(block, pos, n_alts, status, self._runs(table))
        for run in screened.runs:
            self._compare(screened, run)
            self._spare_csq(screened, run)
        return screened

    def _runs(self, table: RecordTable) -> list[ContigRun]:
        starts = changes(table, CHROM).tolist()
        stops = [*starts[1:], len(table)]
        return [
            ContigRun(start, stop, self.placement(table.cell(start, CHROM)))
            for start, stop in zip(starts, stops, strict=True)
        ]

    def placement(self, name: bytes) -> ContigPlacement:
        """The contig's place in the reference. Raises VCFError for a look-alike's length."""
        found = self.placements.get(name)
        if found is None:
            text = name.decode("utf-8", "replace")
            contig = self.reference.match(text, self.header.contigs.get(text))
            turn = sum(p.contig == contig for p in self.placements.values()) if contig else 0
            found = self.placements[name] = ContigPlacement(name, contig, turn)
        return found

    def _compare(self, screened: Screened, run: ContigRun) -> None:
        """Hold a run against its contig: is it there, is it long enough, is REF the same."""
        contig = run.placement.contig
        status = screened.status[run.start : run.stop]
        if contig is None:
            self.strange[run.placement.name] += len(status)
            status[:] = CODES[NO_CONTIG]
            return
        starts, lengths = screened.table.segments(REF)
        starts, lengths = starts[run.start : run.stop], lengths[run.start : run.stop]
        offsets = screened.pos[run.start : run.stop] - 1
        is_inside = (offsets >= 0) & (offsets + lengths <= contig.length)
        status[~is_inside] = CODES[OUTSIDE]
        inside = np.flatnonzero(is_inside & (lengths <= MOST_ALLELE_BYTES))
        self.checked += len(inside)
        self.outside += int((~is_inside).sum())
        given = screened.table.data[ragged(Segments(starts[inside], lengths[inside]))] & UPPER
        places = ragged(Segments(offsets[inside], lengths[inside]))
        differs = given != self.sequences.at(contig.name, places)
        if differs.any():
            owners = np.repeat(inside, lengths[inside])
            self._mismatches(screened, run, np.unique(owners[differs]))

    def _spare_csq(self, screened: Screened, run: ContigRun) -> None:
        """Set aside what csq would crash on."""
        table, some = screened.table, slice(run.start, run.stop)
        refs, alts = (table.segments(column).lengths[some] for column in (REF, ALT))
        maybe = (screened.status[some] == 0) & (refs > 1) & (alts > refs)
        for record in (np.flatnonzero(maybe) + run.start).tolist():
            pos, alleles = int(screened.pos[record]), [table.cell(record, n) for n in (REF, ALT)]
            if self.lowest.crashes(cast(Contig, run.placement.contig).name, pos, *alleles):
                screened.status[record] = CODES[AT_CDS_END]

    def _mismatches(self, screened: Screened, run: ContigRun, records: Ints) -> None:
        for record in (records + run.start).tolist():
            ref = screened.table.cell(record, REF)
            if AMBIGUOUS_BASES.intersection(ref):
                screened.status[record] = CODES[AMBIGUOUS]
                continue
            screened.status[record] = CODES[WRONG_REF]
            self.mismatched += 1
            if len(self.examples) < MISMATCHES_SHOWN:
                self.examples.append(
                    f"{shown(run.placement.name)[1:-1]}:{screened.pos[record]} has "
                    f"{self.difference(screened, run, record)} "
                    f"(line {screened.block.number + record})"
                )

    def difference(self, screened: Screened, run: ContigRun, record: int) -> str:
        """Words for what REF says and what the reference has there."""
        ref, start = screened.table.cell(record, REF), int(screened.pos[record]) - 1
        contig = cast(Contig, run.placement.contig)
        bases = self.sequences.text(contig.name, start, start + len(ref))
        return f"REF {_short(ref)} where {self.reference.name} has {_short(bases)}"

    def misfits(self) -> int:
        """The number of records looked at that disagree with the reference."""
        return self.strange.total() + self.outside + self.mismatched

    def demand_right_assembly(self) -> None:
        """Raise VCFError where too many records disagree with the reference."""
        wrong, looked_at = self.mismatched + self.outside, self.checked + self.outside
        few = wrong <= MISMATCHES_EXCUSED and wrong * 2 <= looked_at
        if few or wrong <= looked_at * MISMATCH_SHARE:
            return
        faults = []
        if self.mismatched:
            faults.append(
                f"REF disagrees with {self.reference.name} in {self.mismatched:,} of "
                f"{looked_at:,} records, first {'; '.join(self.examples)}"
            )
        if self.outside:
            faults.append(
                f"{self.outside:,} of {looked_at:,} records lie beyond the end of their contig "
                f"in {self.reference.name}"
            )
        raise VCFError(
            f"This looks like another assembly: {'; '.join(faults)}. Please lift "
            f"the variants over to {self.reference.assembly}, or choose the reference they were "
            "called against."
        )

    def demand_something_known(self, records: int) -> None:
        """Raise VCFError where not one of the records has a contig of the reference."""
        if records and self.strange.total() == records:
            here = [contig.name for contig in self.reference.contigs]
            some = ", ".join(here[:CONTIGS_SHOWN]) + ", …" * (len(here) > CONTIGS_SHOWN)
            raise VCFError(
                f"No record of this file can be annotated: all are on {self.strangers()}, and "
                f"{self.reference.name} ({self.reference.title}), which the header fits best, has "
                f"only {some}. Please upload the records of {some}, choose another reference if "
                "one fits, or ask the operators to add yours."
            )

    def strangers(self) -> str:
        """The contigs that the reference has not, with their numbers of records."""
        found = [
            f"{shown(name)[1:-1]} ({n:,} record{'s' * (n > 1)})"
            for name, n in self.strange.most_common(CONTIGS_SHOWN)
        ]
        return ", ".join(found) + (", …" if len(self.strange) > CONTIGS_SHOWN else "")


def _alternatives(table: RecordTable) -> tuple[Ints, Mask]:
    """The number of ALT alleles of each record, and a mask of those with other than bases."""
    starts, lengths = table.segments(ALT)
    segments = Segments(starts, np.where(lengths > MOST_ALLELE_BYTES, 0, lengths))
    is_odd = strangers(table, ALT, ACGT)
    counts = np.ones(len(table), np.int64)
    offsets = ragged(segments)
    is_comma = table.data[offsets] == COMMA
    if is_comma.any():
        places = offsets[is_comma]
        owners = np.repeat(np.arange(len(table)), segments.lengths)[is_comma]
        counts += np.bincount(owners, minlength=len(table))
        ends = segments.starts[owners] + segments.lengths[owners]
        is_loose = (places == segments.starts[owners]) | (places + 1 == ends)
        is_loose |= table.data[places + 1] == COMMA
        is_odd[owners[is_loose]] = True
    return counts, is_odd | (counts >= MAX_ALLELES)


def _unusual(table: RecordTable) -> Mask:
    """The records whose columns, ALT apart, deserve a closer look."""
    starts, lengths = table.segments(QUAL)
    is_odd = strangers(table, QUAL, NUMERIC) | strangers(table, REF, LETTERS)
    for column in (CHROM, POS, FILTER, *([FORMAT] if table.width > FORMAT else [])):
        is_odd |= table.segments(column).lengths == 0
    sizes = table.seps[:, ALT] - table.starts(REF)
    return is_odd | (sizes > MOST_ALLELE_BYTES)


def _odd(ref: bytes, alts: bytes) -> str:
    """The reason to keep these alleles from csq: it takes breakends and ambiguity for sequence.

    Beside a plain sequence it leaves <SYMBOLIC>, * and . alone.
    """
    if len(ref) + len(alts) > MOST_ALLELE_BYTES:
        return TOO_LONG
    if PLAIN_ALTS.fullmatch(alts):
        return ""
    alleles = alts.split(b",")
    if any(b"[" in a or b"]" in a or (b"." in a and a != b".") for a in alleles):
        return SYMBOLIC
    sequences = [a for a in alleles if BASES.fullmatch(a)]
    if not all(PLAIN_ALTS.fullmatch(a) for a in sequences):
        return AMBIGUOUS
    if sequences:
        return ""
    return SYMBOLIC if any(a.startswith(b"<") for a in alleles) else NO_ALLELE


def _short(bases: bytes) -> str:
    return bases[:10].decode() + ("…" if len(bases) > 10 else "")
