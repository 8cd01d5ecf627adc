"""The files of reference genomes: on this machine's disk, else in the references bucket."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from aws.storage.files import Files
from aws.storage.stored import S3Object
from web.services.explorer import Explorer
from web.services.parquet_engine import Row, quoted_text
from web.services.references import OfferedReference

GENES = "transcript, name, biotype, strand, start, stop, exons, cds"


class ReferenceFiles:
    """Reads some of a reference: `folders` hold those that are installed on this machine.

    An instance of the site has only what is bundled; operators copy theirs to the bucket.
    """

    def __init__(self, files: Files, folders: Sequence[Path], explorer: Explorer) -> None:
        self.files, self.folders, self.explorer = files, folders, explorer

    def part(self, reference: OfferedReference, file: str, first: int, n: int) -> bytes:
        """The `n` bytes from `first` on of a file, or what there is. Raises FileNotFoundError."""
        if not (path := self._local(reference, file)):
            return self.files.part(self.files.references, f"{reference.name}/{file}", first, n)
        with path.open("rb") as stream:
            stream.seek(first)
            return stream.read(n)

    def genes(
        self, reference: OfferedReference, contig: str, start: int, stop: int, most: int
    ) -> list[Row]:
        """GENES of the first transcripts that touch a stretch (from 1, both ends included).

        Raises FileNotFoundError, TooLarge, and what `ParquetEngine.rows` raises.
        """
        stored = S3Object(self.files.references, f"{reference.name}/{reference.genes}")
        path = self._local(reference, reference.genes)
        path = path or self.explorer.copies.fetch(stored, reference.genes_sha256)
        query = (
            f"SELECT {GENES} FROM read_parquet({quoted_text(str(path))}) "  # noqa: S608
            f"WHERE contig = ? AND start <= ? AND stop >= ? ORDER BY start, stop LIMIT {most}"
        )
        rows = partial(self.explorer.engine.rows, query, [contig, stop, start])
        return self.explorer.fresh(rows, stored, reference.genes_sha256)

    def _local(self, reference: OfferedReference, file: str) -> Path | None:
        found = (folder / reference.name / file for folder in self.folders)
        return next((path for path in found if path.is_file()), None)
