"""One pass over a job's records and what csq found: variants.parquet, INFO's gains, the counts.

DuckDB takes the records chunk by chunk, so that memory does not grow with the file; each chunk
leaves a piece of Parquet, and the pieces are joined without being read (`ann.parquet_pieces`).
"""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ann import info_sql, rows_sql, variants_sql
from ann.chunks import chunks
from ann.consequences import NON_CODING_EXON, meaning
from ann.counts import Counts, Tally
from ann.described import Allele, Describer, Entry, write_alleles, write_entries
from ann.parquet_pieces import join_pieces
from ann.references import Contig, JobSource, Reference
from ann.variants_sql import name, text

ROW_GROUP_ROWS = 20480
PARQUET = (
    "FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
    f"DICTIONARY_SIZE_LIMIT 2000, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
)
LINES = "FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER false, NULLSTR ''"
SPANS_NAMED = 20
MITOCHONDRIAL = {"mt", "m", "chrm", "chrmt", "mito", "mitochondrion"}


@dataclass(frozen=True)
class Found:
    """The outputs of the pass: a line for each record (INFO's gains, its ID), and the table."""

    info: Path
    parquet: Path
    counts: Counts


def annotate_variants(
    records: Path,
    csq: Sequence[Path],
    reference: Reference,
    folder: Path,
    *,
    memory_mb: int,
) -> Found:
    """Make `info.tsv` and `variants.parquet` in `folder` of a job's records.tsv and csq's VCFs.

    `memory_mb` is for the engine; it writes to `folder` what does not fit. Raises GapError where
    csq's sites are not the records'.
    """
    with connect(folder, memory_mb) as db:
        work = _Pass(db, reference, folder)
        try:
            for chunk in chunks(records, csq, folder):
                work.take(chunk)
            return work.finish()
        finally:
            work.describer.close()


def connect(folder: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """An engine of its own, which keeps rows in order and writes to `folder` only."""
    spill = folder / "duckdb"
    spill.mkdir(exist_ok=True)
    db = duckdb.connect(
        config={
            # Rows come out of a join in another order when several threads take part.
            "threads": 1,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    # A join whose sides are exchanged would not keep the order of the records.
    db.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    return db


class _Pass:
    """The pass, a chunk at a time."""

    def __init__(self, db: duckdb.DuckDBPyConnection, reference: Reference, folder: Path) -> None:
        self.db, self.reference, self.folder = db, reference, folder
        self.describer = Describer(reference)
        self.tally = Tally(reference)
        self.pieces: list[Path] = []
        self.terms: list[list[str]] = []
        self.rows = 0
        self.info = folder / "info.tsv"
        self.info.write_bytes(b"")
        db.execute(variants_sql.MACROS)
        db.execute(rows_sql.IN_ORDER)
        db.execute(variants_sql.COMPOUND_TABLE)
        self._table("contigs", ["contig", "prefix", "length"], _contigs(reference))
        places = [(n, r.name, r.contig, r.start, r.end) for n, r in enumerate(reference.regions)]
        self._table("regions", ["number", "name", "contig", "start", "stop"], places)

    def take(self, chunk: Path) -> None:
        """Add a chunk's rows, lines and counts to those before."""
        self._entries(chunk)
        self._models()
        self._describe()
        self._meanings()
        self._known()
        self.db.execute(rows_sql.GROUPED)
        for table in rows_sql.lookups(self.reference):
            if self._count(table):
                self.db.execute(variants_sql.MARK.format(flag=f"in_{table}", table=table))
        self.db.execute(rows_sql.SINGLE)
        self.db.execute(rows_sql.computed(self.reference))
        if self._count("computed WHERE allele <> rowid"):
            self.db.execute(rows_sql.SORTED)
        self.db.execute(rows_sql.variants(self.rows))
        self.db.execute(info_sql.info_of_several(self.reference))
        self._write()
        self.tally.take(self.db)
        self.rows += self._count("variants")

    def finish(self) -> Found:
        """Join the pieces; a file of no records has none, and gets an empty table."""
        if not self.pieces:
            empty = self.folder / "chunk.tsv"
            empty.write_bytes(b"")
            self.take(empty)
            empty.unlink()
        parquet = self.folder / "variants.parquet"
        join_pieces(self.pieces, parquet)
        return Found(self.info, parquet, self.tally.counts())

    def _entries(self, chunk: Path) -> None:
        source = variants_sql.read(str(chunk), variants_sql.RECORD_COLUMNS)
        flags = ", ".join(f"false AS in_{table}" for table in rows_sql.lookups(self.reference))
        self.db.execute(variants_sql.ALLELES.format(chunk=source, flags=flags))
        self.db.execute(variants_sql.ENTRIES)
        self.db.execute(variants_sql.COMPOUNDS)
        if self._count("entries WHERE consequence[1] = '@'"):
            self.db.execute(variants_sql.RESOLVED)

    def _models(self) -> None:
        genes = text(str(self.reference.path(self.reference.genes)))
        near = self._near(
            "alleles WHERE reason IS NULL",
            "contig = {contig} AND start <= {high} AND stop >= {low}",
            "contig IN (SELECT contig FROM alleles)",
        )
        self.db.execute(variants_sql.MODELS.format(genes=genes, near=near))
        self.db.execute(variants_sql.RNA_HITS)
        self.db.execute(rows_sql.EXONIC)

    def _describe(self) -> None:
        """Describe what needs the sequence; SQL makes the rest of csq's words."""
        describer, db = self.describer, self.db
        describer.models = {m[0]: m[1:] for m in db.execute(variants_sql.PENDING_MODELS).fetchall()}
        describer.transcript.cache_clear()
        found = map(Allele._make, db.execute(variants_sql.PENDING_ALLELES).fetchall())
        path = self.folder / "described.tsv"
        write_alleles(describer, found, path)
        self._load("described_alleles", path, variants_sql.DESCRIBED_ALLELES)
        entries = db.execute(variants_sql.PENDING_ENTRIES).fetchall()
        pairs = ((Allele._make(row[:5]), Entry._make(row[5:])) for row in entries)
        write_entries(describer, pairs, path)
        self._load("described_entries", path, variants_sql.DESCRIBED_ENTRIES)
        path.unlink()

    def _load(self, table: str, path: Path, columns: dict[str, str]) -> None:
        source = variants_sql.read(str(path), columns)
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {source}")

    def _meanings(self) -> None:
        """Look up the meanings of the consequences in this chunk."""
        seen = self.db.execute(
            "SELECT consequence FROM entries UNION SELECT consequence FROM described_entries "
            "UNION SELECT consequence FROM alleles WHERE consequence IS NOT NULL"
        ).fetchall()
        seen.append((NON_CODING_EXON,))
        words = enumerate(dict.fromkeys(word for (word,) in seen if word), 1)
        rows = [(code, word, *meaning(word)) for code, word in words]
        self.terms = [row[3] for row in rows]
        columns = ["code", "consequence", "words", "terms", "impact", "rank"]
        self._table("meanings", columns, [(0, "", None, None, None, None), *rows])

    def _known(self) -> None:
        self.db.execute(rows_sql.REGIONS)
        if not self.reference.known:
            return
        self.db.execute(rows_sql.NORMALISED)
        near = self._near(
            "normalised",
            "chrom = {contig} AND pos BETWEEN {low} AND {high}",
            "chrom IN (SELECT contig FROM normalised)",
        )
        for number, source in enumerate(self.reference.known):
            file = str(self.reference.path(source.file))
            if isinstance(source, JobSource) and source.has_intervals:
                self.db.execute(rows_sql.interval_table(number, source, file, self._touching()))
            else:
                self.db.execute(rows_sql.known_table(number, source, file, near))

    def _touching(self) -> str:
        """A condition that limits intervals to those that the chunk's records may touch."""
        return self._near(
            "alleles WHERE contig IS NOT NULL",
            "chrom = {contig} AND start <= {high} AND stop >= {low}",
            "chrom IN (SELECT contig FROM alleles)",
        )

    def _near(self, table: str, stretch: str, named: str) -> str:
        """A condition that limits what is read of a sorted file to the chunk's stretches.

        `stretch` takes contig, low and high of one; `named` is for chunks of many contigs.
        """
        found = self.db.execute(
            f"SELECT contig, min(pos), max(pos + strlen(ref)) FROM {table} GROUP BY contig"
        ).fetchall()
        if len(found) > SPANS_NAMED:
            return named
        parts = [stretch.format(contig=text(c), low=low, high=high) for c, low, high in found]
        return " OR ".join(f"({part})" for part in parts) or "false"

    def _write(self) -> None:
        self._write_piece()
        lines = self.folder / "info.piece"
        self.db.execute(f"COPY ({info_sql.info(self.reference)}) TO {text(str(lines))} ({LINES})")
        with self.info.open("ab") as out, lines.open("rb") as source:
            shutil.copyfileobj(source, out, 1 << 20)
        lines.unlink()

    def _write_piece(self) -> None:
        piece = self.folder / f"piece-{len(self.pieces)}.parquet"
        table = rows_sql.table(self.reference, self.terms)
        self.db.execute(f"COPY ({table}) TO {text(str(piece))} ({PARQUET})")
        self.pieces.append(piece)

    def _count(self, what: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {what}").fetchall()[0][0])

    def _table(self, table: str, columns: list[str], rows: Sequence[tuple[object, ...]]) -> None:
        """A small table of ours."""
        self.db.execute(variants_sql.SMALL_TABLES[table])
        if rows:
            names, lists = ", ".join(map(name, columns)), ", ".join("unnest(?)" for _ in columns)
            values = [list(column) for column in zip(*rows, strict=True)]
            self.db.execute(f"INSERT INTO {table} ({names}) SELECT {lists}", values)


def _contigs(reference: Reference) -> list[tuple[str, str, int]]:
    """Each contig's name, what HGVS puts in front of its changes, and its length."""
    return [("", "", 0), *((c.name, _prefix(c), c.length) for c in reference.contigs)]


def _prefix(contig: Contig) -> str:
    """The accession of the sequence, with its version, where one is known; m. for mitochondria."""
    names = [contig.name, *contig.aliases]
    accession = next((n for n in names if variants_sql.ACCESSION.fullmatch(n)), contig.name)
    kind = "m" if MITOCHONDRIAL & {n.lower() for n in names} else "g"
    return f"{accession}:{kind}."
