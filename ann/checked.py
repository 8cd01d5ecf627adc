"""Records that the pre-pass has checked, as it hands them on to the pass over the variants.

A file of pickles, each behind its size. One job's processes write and read it, in one prison; csq,
which a file may take over, can write there too.
"""

import io
import pickle
import struct
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ann.genotypes import MOST_SHOWN, Genotypes
from ann.growing import GrowingFile
from ann.screening import MOST_ALLELE_BYTES, Screened
from ann.table import (
    DELETE,
    FILTER,
    FORMAT,
    INFO,
    NEWLINE,
    SPACE,
    Ints,
    RecordTable,
    Segments,
    Source,
)

SIZE = struct.Struct("<Q")
CONTROL = bytes(n for n in range(128) if (n < SPACE and n not in b"\t\n") or n == DELETE)
PLAIN = bytes.maketrans(CONTROL, b"?" * len(CONTROL))
ALLELE_SHOWN = 100
SHOWN_WIDTH = FILTER + 1
PICKLED = {
    ("ann.checked", "Checked"),
    ("ann.checked", "Runs"),
    ("ann.genotypes", "Genotypes"),
    ("ann.table", "Segments"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
}
"""Records are made of these alone."""


class Runs(NamedTuple):
    """A column that changes seldom: its texts, and which of them each record has."""

    texts: list[str]
    codes: Ints

    @classmethod
    def of(cls, texts: list[str], lengths: Ints) -> "Runs":
        """The column of texts that hold for so many records each."""
        codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        of_runs = np.array([codes[text] for text in texts], np.int64)
        return cls(list(codes), np.repeat(of_runs, lengths))


class Checked(NamedTuple):
    """Some records: `text` has them as they go out, `seps` where they and their columns up to INFO
    end.

    `shown` are their columns up to FILTER as the table of variants has them; empty: as they are.
    `status` are places in REASONS; `names` are the contigs as the file has them, `contigs` as the
    reference has them, empty where it has none. `may_reach_on` is True where a record of the file
    so far may reach beyond its REF.
    """

    text: bytes
    seps: NDArray[np.int32]
    shown: bytes
    pos: Ints
    status: NDArray[np.int8]
    names: Runs
    contigs: Runs
    genotypes: Genotypes | None
    may_reach_on: bool

    def lines(self) -> RecordTable:
        """The records, in columns up to INFO and one for the rest."""
        return RecordTable(self.text, self.seps.astype(np.int64))


NO_RECORDS = Checked(
    b"",
    np.zeros((0, INFO + 1), np.int32),
    b"",
    np.zeros(0, np.int64),
    np.zeros(0, np.int8),
    Runs([], np.zeros(0, np.int64)),
    Runs([], np.zeros(0, np.int64)),
    genotypes=None,
    may_reach_on=False,
)


def checked(screened: Screened, genotypes: Genotypes | None, may_reach_on: bool) -> Checked:
    """The records of a block, to be handed on."""
    table, runs = screened.table, screened.runs
    lengths = np.array([run.stop - run.start for run in runs], np.int64)
    contigs = [run.placement.contig for run in runs]
    seps = table.seps[:, : INFO + 1]
    if table.width > seps.shape[1]:
        seps = np.concatenate([seps, table.seps[:, -1:]], axis=1)
    return Checked(
        table.text,
        seps.astype(np.int32),
        b"" if _is_plain(table) else _shown(table),
        screened.pos,
        screened.status,
        Runs.of([_plain(run.placement.name).decode() for run in runs], lengths),
        Runs.of([contig.name if contig else "" for contig in contigs], lengths),
        genotypes and _with_shown_text(genotypes, table.width - FORMAT - 1),
        may_reach_on,
    )


def write(file: BinaryIO, records: Checked) -> None:
    data = pickle.dumps(records, protocol=pickle.HIGHEST_PROTOCOL)
    file.write(SIZE.pack(len(data)))
    file.write(data)
    file.flush()


class CheckedFile(GrowingFile):
    """A file of checked records, read while it grows; a context manager."""

    def read(self) -> Checked | None:
        """The next records, once they are there; None at the file's end."""
        size = self.exactly(SIZE.size)
        if not size:
            return None
        found: Checked = _Reader(io.BytesIO(self.exactly(*SIZE.unpack(size)))).load()
        return found


class _Reader(pickle.Unpickler):
    """Makes records and nothing else: https://docs.python.org/3/library/pickle.html#restricting-globals"""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a record")
        return super().find_class(module, name)


def _is_plain(table: RecordTable) -> bool:
    """True where the records hold nothing but printable ASCII, and no endless alleles."""
    data = table.data[: len(table.text)]
    is_short = (table.seps[:, FILTER] - table.begins).max(initial=0) <= MOST_ALLELE_BYTES
    return bool(
        is_short
        and data.max(initial=0) < DELETE
        and np.count_nonzero(data < SPACE) == table.seps.size
    )


def _shown(table: RecordTable) -> bytes:
    """The columns up to FILTER, as UTF-8 without control characters; endless cells in short."""
    starts, lengths = table.begins.copy(), table.seps[:, FILTER] - table.begins
    source = Source(table.data)
    for record in np.flatnonzero(lengths > MOST_ALLELE_BYTES).tolist():
        cells = [table.cell(record, column) for column in range(SHOWN_WIDTH)]
        short = b"\t".join(
            cell if len(cell) <= MOST_ALLELE_BYTES else cell[:ALLELE_SHOWN] + b"..."
            for cell in cells
        )
        lengths[record] = len(short)
        starts[record] = source.add(np.frombuffer(short, np.uint8))
    return _plain(source.stitch([Segments(starts, lengths), source.constant(b"\n", len(table))]))


def _plain(text: bytes) -> bytes:
    """A text as UTF-8 without control characters, whatever the file holds."""
    if not text.isascii():
        text = text.decode("utf-8", "replace").encode()
    return text.translate(PLAIN)


def _with_shown_text(genotypes: Genotypes, samples: int) -> Genotypes:
    """The same, with the texts that are shown: UTF-8 without control characters; none of many."""
    starts, lengths = genotypes.segments
    text = genotypes.text
    if samples > MOST_SHOWN or not lengths.any():
        nothing = Segments(np.zeros_like(starts), np.zeros_like(lengths))
        return replace(genotypes, text=text[:0], segments=nothing)
    if text.max() < DELETE and text.min() >= SPACE:
        return genotypes
    source = Source(text)
    rows = source.stitch([genotypes.segments, source.constant(b"\n", len(starts))])
    plain = np.frombuffer(_plain(rows), np.uint8)
    ends = np.flatnonzero(plain == NEWLINE)
    begins = np.concatenate([[0], ends[:-1] + 1])
    return replace(genotypes, text=plain, segments=Segments(begins, ends - begins))
