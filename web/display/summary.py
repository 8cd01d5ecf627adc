"""What a job's summary.json tells, ready for its page; whatever is missing is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web.display.charts import Bar, Column, bars, columns

MAX_CONTIGS = 30
MAX_GENES = 10


@dataclass(frozen=True)
class ContigDensity:
    """Where a contig's variants are: a histogram along its length (bases)."""

    name: str
    length: int
    columns: list[Column]

    @property
    def busiest(self) -> Column:
        return max(self.columns, key=lambda c: c.count)


class Summary:
    """The counts of one result; false where there is none."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told

    def __bool__(self) -> bool:
        return bool(self.told)

    @property
    def consequence_bars(self) -> list[Bar]:
        return bars(self._counts("consequences"))

    @property
    def gene_bars(self) -> list[Bar]:
        return bars(self._counts("genes"), MAX_GENES)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why records were not annotated, the most frequent first."""
        return sorted(self._counts("not_annotated").items(), key=lambda r: -r[1])

    @property
    def types(self) -> list[tuple[str, int]]:
        return sorted(self._counts("by_type").items(), key=lambda t: -t[1])

    @property
    def contigs(self) -> list[ContigDensity]:
        """The first contigs that have variants, in the reference's order."""
        density = self._counts("density")
        lengths = self._reference().get("contigs") or {}
        placed = [(name, lengths[name], bins) for name, bins in density.items() if name in lengths]
        return [
            ContigDensity(n, length, columns(bins, length))
            for n, length, bins in placed[:MAX_CONTIGS]
        ]

    @property
    def versions(self) -> dict[str, str]:
        """What made the result: the reference, then the tools."""
        told = self._reference()
        named = {told["name"]: told.get("version") or ""} if "name" in told else {}
        return {**named, **self._counts("tools")}

    def _reference(self) -> dict[str, Any]:
        return self._counts("reference")

    def _counts(self, name: str) -> dict[str, Any]:
        told = self.told.get(name)
        return dict(told) if isinstance(told, Mapping) else {}
