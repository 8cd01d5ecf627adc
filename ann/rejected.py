"""Lists the records that were set aside, for their owner: rejected.tsv."""

from pathlib import Path
from types import TracebackType

import numpy as np

from ann.screening import (
    AMBIGUOUS,
    AT_CDS_END,
    NO_ALLELE,
    NO_CONTIG,
    OUTSIDE,
    REASONS,
    SYMBOLIC,
    TOO_LONG,
    WRONG_REF,
    ContigRun,
    Screened,
    Screening,
)
from ann.table import ALT, ID, POS, REF
from vcf.spreadsheet import harmless

COLUMNS = ("line", "contig", "pos", "id", "ref", "alts", "reason", "words")
SHOWN_CHARACTERS = 200
WORDS = {
    SYMBOLIC: "csq takes plain sequences; structural variants are not annotated",
    NO_ALLELE: "there is no other sequence to look at",
    AMBIGUOUS: "write A, C, G or T",
    TOO_LONG: "csq is not given so long a sequence",
    AT_CDS_END: "csq would crash; leave out what REF and ALT share in front, and move POS",
}


class Rejected:
    """The file, written as blocks pass; a context manager."""

    def __init__(self, path: Path, screening: Screening) -> None:
        self.screening = screening
        self.file = path.open("w", encoding="utf-8", newline="\n")
        self.file.write("\t".join(COLUMNS) + "\n")

    def __enter__(self) -> "Rejected":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.file.close()

    def add(self, screened: Screened) -> None:
        """The records of a block that are not clean."""
        if not screened.status.any():
            return
        for run in screened.runs:
            aside = np.flatnonzero(screened.status[run.start : run.stop]) + run.start
            self.file.writelines(self._row(screened, run, n) for n in aside.tolist())

    def _row(self, screened: Screened, run: ContigRun, record: int) -> str:
        reason = REASONS[screened.status[record]]
        cells = [screened.table.cell(record, column) for column in (POS, ID, REF, ALT)]
        texts = [str(screened.block.number + record), _shown(run.placement.name)]
        texts += [*map(_shown, cells), reason, self._words(screened, run, record, reason)]
        return "\t".join(texts) + "\n"

    def _words(self, screened: Screened, run: ContigRun, record: int, reason: str) -> str:
        reference, contig = self.screening.reference, run.placement.contig
        if contig is None or reason == NO_CONTIG:
            return f"{reference.name} has no such contig"
        if reason == OUTSIDE:
            return f"{contig.name} has {contig.length:,} bases in {reference.name}"
        if reason == WRONG_REF:
            return self.screening.difference(screened, run, record)
        return WORDS[reason]


def _shown(cell: bytes) -> str:
    """A cell for people and spreadsheets: short, printable, no formula."""
    text = cell[: SHOWN_CHARACTERS + 1].decode("utf-8", "replace")
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}…"
    return harmless(text)
