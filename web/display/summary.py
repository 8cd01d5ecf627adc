"""A job's summary.json, ready for its page; whatever is missing in it is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web.display.charts import Bar, Column, bars, columns

MAX_CONTIGS = 30
MAX_GENES = 10
NO_TRANSCRIPT = "outside the reach of any transcript"
REASON_WORDS = {
    NO_TRANSCRIPT: "outside the reach of any transcript: between genes, or in a control region"
}
"""Reasons of the annotator's whose meaning is not plain to everybody."""


@dataclass(frozen=True)
class ContigDensity:
    """A histogram of a contig's variants along its length (bases)."""

    name: str
    length: int
    columns: list[Column]

    @property
    def busiest(self) -> Column:
        return max(self.columns, key=lambda c: c.count)


class Summary:
    """The counts of one result; false where there is none."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def __bool__(self) -> bool:
        return bool(self.document)

    @property
    def consequence_bars(self) -> list[Bar]:
        consequences = self._section("consequences")
        return bars(consequences, len(consequences))

    @property
    def gene_bars(self) -> list[Bar]:
        return bars(self._section("genes"), MAX_GENES)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons why records were not annotated, the most frequent first."""
        return sorted(self._section("not_annotated").items(), key=lambda r: -r[1])

    @property
    def set_aside(self) -> int:
        """The records that could not be annotated: to have no transcript near is no fault."""
        return sum(count for reason, count in self.reasons if reason != NO_TRANSCRIPT)

    @property
    def types(self) -> list[tuple[str, int]]:
        return sorted(self._section("by_type").items(), key=lambda t: -t[1])

    @property
    def contigs(self) -> list[ContigDensity]:
        """The first contigs that have variants, in the reference's order."""
        density = self._section("density")
        lengths = self._reference().get("contigs") or {}
        placed = [(name, lengths[name], bins) for name, bins in density.items() if name in lengths]
        return [
            ContigDensity(n, length, columns(bins, length))
            for n, length, bins in placed[:MAX_CONTIGS]
        ]

    @property
    def reference_name(self) -> str:
        return str(self._reference().get("name", ""))

    @property
    def reference_version(self) -> str:
        return str(self._reference().get("version") or "")

    @property
    def tools(self) -> dict[str, str]:
        """The versions of the tools behind the result."""
        return self._section("tools")

    def _reference(self) -> dict[str, Any]:
        return self._section("reference")

    def _section(self, name: str) -> dict[str, Any]:
        section = self.document.get(name)
        return dict(section) if isinstance(section, Mapping) else {}
