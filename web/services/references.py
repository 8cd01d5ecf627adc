"""The reference genomes that are installed, as listed in the references bucket."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Self

from aws.storage.files import Files
from vcf.contig_check import Genome

log = logging.getLogger(__name__)

FRESH_S = 60
RETRY_S = 10
ENDING = "/reference.json"


@dataclass(frozen=True)
class OfferedReference:
    """One reference that a job may name."""

    name: str
    title: str
    known: list[dict[str, Any]] = field(default_factory=list, compare=False)
    """Its sources of known variants as reference.json has them: title, version, date, fields."""
    lengths: dict[str, int] = field(default_factory=dict, compare=False)
    """Its contigs' lengths (bases), by each of their names."""
    contigs: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """All names of each contig, by the one that its FASTA has."""
    fasta: str = ""
    genes: str = ""
    """The names of its files: the sequence, and the gene models (Parquet)."""
    genes_sha256: str = ""

    def contig_of(self, name: str) -> str | None:
        """The contig that goes by this name, as the FASTA calls it."""
        return next((contig for contig, names in self.contigs.items() if name in names), None)

    @classmethod
    def of(cls, name: str, document: dict[str, Any]) -> Self:
        """From its reference.json."""
        listed = document.get("contigs") or []
        contigs = {c["name"]: (c["name"], *c.get("aliases", [])) for c in listed}
        lengths = {alias: int(c["length"]) for c in listed for alias in contigs[c["name"]]}
        title = str(document.get("title") or name)
        known = list(document.get("known") or [])
        fasta, genes = (PurePosixPath(document.get(k) or "").name for k in ("fasta", "genes"))
        checksum = (document.get("files") or {}).get(genes, {}).get("sha256", "")
        return cls(name, title, known, lengths, contigs, fasta, genes, checksum)


class OfferedReferences:
    """The installed references, read again once a minute."""

    def __init__(self, files: Files, clock: Callable[[], float]) -> None:
        self.files, self.clock = files, clock
        self._lock = threading.Lock()
        self._found: list[OfferedReference] = []
        self._until = 0.0

    def installed(self) -> list[OfferedReference]:
        """By name; empty where no annotator has listed any yet, last known while S3 is silent."""
        with self._lock:
            if self.clock() >= self._until:
                self._refresh()
            return self._found

    def genomes(self, chosen: str = "") -> list[Genome]:
        """The same for the check of contigs: the one that was chosen, or all."""
        offered = self.installed()
        return [Genome(r.name, r.title, r.lengths) for r in offered if chosen in ("", r.name)]

    def _refresh(self) -> None:
        try:
            self._found = sorted(self._read(), key=lambda r: r.name)
            self._until = self.clock() + FRESH_S
        except Exception:
            log.exception("the list of references cannot be read; the last one stays")
            self._until = self.clock() + RETRY_S

    def _read(self) -> list[OfferedReference]:
        bucket = self.files.references
        keys = [o.key for o in self.files.listing(bucket) if o.key.endswith(ENDING)]
        documents = {key.removesuffix(ENDING): self.files.read_json(bucket, key) for key in keys}
        return [OfferedReference.of(name, document) for name, document in documents.items()]
