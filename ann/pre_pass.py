"""The pre-pass: checks a VCF against its reference and gives bcftools csq the sites.

csq sees bare sites only, so that nothing else in a record can mislead, crash or bloat it, and the
record itself comes out as it went in. Records that csq cannot take (another contig, another REF,
symbolic alleles) are set aside, each with a reason. csq runs beside the pre-pass.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ann.checked import checked, write
from ann.csq import AUTO, HAPLOTYPE, LOCAL, Csq
from ann.genotypes import MOST_SHOWN, Genotypes, genotypes
from ann.ordering import in_order_of_contigs
from ann.reader import Block
from ann.records import Header, VCFError
from ann.references import Contig, Reference
from ann.rejected import Rejected
from ann.screening import REASONS, Screened, Screening
from ann.sites import site_rows
from ann.table import FORMAT, part
from ann.tags import Tags

MOST_ROWS = 20_000
"""Records handed on together."""
MOST_SAMPLES = 10
"""Haplotype by haplotype csq takes 0.6 s more for each sample and 200,000 records."""
Progress = Callable[[str], None]


@dataclass
class Prepared:
    """The files that the pre-pass leaves, and what it noticed.

    `checked` has every record, in order (`ann.checked`); `csq` are the files that csq wrote, with a
    record's number as its ID. `mode` is LOCAL or HAPLOTYPE.
    """

    reference: Reference
    header: Header
    tags: Tags
    checked: Path
    rejected: Path
    csq: list[Path] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    records: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    contigs: dict[bytes, Contig | None] = field(default_factory=dict)
    mode: str = LOCAL
    notes: list[str] = field(default_factory=list)


Announcer = Callable[["Prepared"], None]


class PrePass:
    """One pass over a file, with csq fed beside it until the records prove to be unsorted."""

    def __init__(
        self,
        screening: Screening,
        header: Header,
        csq: Csq,
        folder: Path,
        mode: str,
        announce: Announcer,
    ) -> None:
        self.screening, self.csq, self.folder, self.mode = screening, csq, folder, mode
        self.announce, self.has_announced = announce, False
        self.prepared = Prepared(
            screening.reference,
            header,
            Tags(header),
            folder / "checked",
            folder / "rejected.tsv",
        )
        self.samples = max(0, header.width - FORMAT - 1)
        is_few = 0 < self.samples <= MOST_SAMPLES
        self.is_phased = mode == HAPLOTYPE or (mode == AUTO and is_few)
        if mode == HAPLOTYPE and not self.samples:
            raise VCFError(
                "The file has no samples, so that it cannot be called haplotype by haplotype. "
                "Please choose to have each allele called on its own."
            )
        self.is_sorted = True
        self.last_pos = 0
        self.seen: dict[bytes, None] = {}

    def run(self, blocks: Iterator[Block], progress: Progress) -> Prepared:
        """Write `checked` and `rejected`, and feed csq.

        They may be read once announced: csq has a record before `checked` has it.
        """
        prepared = self.prepared
        with (
            prepared.checked.open("wb") as out,
            Rejected(prepared.rejected, self.screening) as rejected,
        ):
            for block in in_parts(blocks):
                table = prepared.tags.take(block.table)
                screened = self.screening.screen(block._replace(table=table))
                self._follow(screened)
                self._hand_on(screened, out)
                self._count(screened)
                rejected.add(screened)
                if not self.has_announced and self.is_sorted and not self.is_phased:
                    self.has_announced = True
                    self.announce(prepared)
                progress(_words(prepared.records, block.share))
        return prepared

    def put_in_order(self) -> None:
        """Write `checked` anew, in order, and feed csq, which has to begin anew."""
        prepared, screening = self.prepared, self.screening
        again = Screening(screening.reference, screening.header, screening.check)
        ranks = {name: rank for rank, name in enumerate(self.seen)}
        prepared.records, ordered = 0, prepared.checked.with_suffix(".sorted")
        with ordered.open("wb") as out:
            blocks = in_order_of_contigs(prepared.checked, ranks, screening.header.width)
            for block in in_parts(blocks):
                self._hand_on(again.screen(block), out, feed=True)
        ordered.replace(prepared.checked)

    def _hand_on(self, screened: Screened, out: BinaryIO, feed: bool = False) -> None:
        calls = self._genotypes(screened)
        if self.is_sorted or feed:
            self._feed(screened, calls)
        write(out, checked(screened, calls, self.prepared.tags.may_reach_on))
        self.prepared.records += len(screened.table)

    def _genotypes(self, screened: Screened) -> Genotypes | None:
        if not self.samples:
            return None
        with_text = self.is_phased or self.samples <= MOST_SHOWN
        calls = genotypes(screened.table, screened.n_alts, with_text)
        if self.is_phased and not calls.is_phased.all():
            if self.mode == HAPLOTYPE:
                place = int((~calls.is_phased).argmax())
                raise VCFError(
                    f"Line {screened.block.number + place} has a genotype that is not phased "
                    "(0|1), or not given: the file cannot be called haplotype by haplotype. "
                    "Please phase it, or choose to have each allele called on its own."
                )
            self.is_phased = False
            self.csq.abandon_haplotypes()
        return calls

    def _count(self, screened: Screened) -> None:
        for code, number in enumerate(np.bincount(screened.status, minlength=len(REASONS))):
            if code and number:
                self.prepared.reasons[REASONS[code]] += int(number)

    def _feed(self, screened: Screened, calls: Genotypes | None) -> None:
        """Give csq the sites."""
        first = self.prepared.records
        for run in screened.runs:
            contig = run.placement.contig
            if contig is None:
                continue
            code, turn = contig.genetic_code, run.placement.turn
            self.csq.feed(code, turn, site_rows(screened, first, run))
            if self.is_phased:
                sites = site_rows(screened, first, run, calls)
                self.csq.feed_haplotypes(code, turn, sites, self.samples)

    def _follow(self, screened: Screened) -> None:
        """Look whether the order holds."""
        for run in screened.runs:
            name, pos = run.placement.name, screened.pos[run.start : run.stop]
            is_new = name not in self.seen
            if not is_new and (name != next(reversed(self.seen)) or pos[0] < self.last_pos):
                self._unsorted()
            if len(pos) > 1 and (pos[1:] < pos[:-1]).any():
                self._unsorted()
            if is_new:
                self.seen[name] = None
            self.last_pos = int(pos[-1])

    def _unsorted(self) -> None:
        if self.is_sorted:
            self.is_sorted = False
            self.csq.abandon()
            if self.has_announced:
                self.announce(self.prepared)


def in_parts(blocks: Iterable[Block]) -> Iterator[Block]:
    """The records of blocks, so many at a time that all of what is looked at stays in a cache."""
    before = 0.0
    for block in blocks:
        table, size = block.table, len(block.table)
        rows = -(-size // max(1, -(-size // MOST_ROWS)))
        for first in range(0, size, max(1, rows)):
            some = part(table, first, first + rows)
            done = (first + len(some)) / size
            yield Block(some, block.number + first, before * (1 - done) + block.share * done)
        before = block.share


def _words(records: int, share: float) -> str:
    """The pre-pass's progress for people; an estimate by the share of the file that was read."""
    if share >= 1:
        return f"annotating {records:,} of {records:,}"
    about = int(records / max(share, 1e-9))
    size = 10 ** max(0, len(str(about)) - 2)
    return f"annotating {records:,} of about {round(about / size) * size:,}"
