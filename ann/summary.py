"""Counts what came of the annotation: the summary for the plots, and the log for people."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ann.references import Reference
from ann.tags import substance

BINS = 100
"""Bars in the density plot along each contig."""
GENES = 25
BCSQ = re.compile(rb"(?:^|;)BCSQ=([^;]+)")
KNOWN = re.compile(rb"(?:^|;)KNOWN(?:;|$)")
TRANSITIONS = {b"AG", b"GA", b"CT", b"TC"}
NO_CONSEQUENCE = "outside the reach of any transcript"
PLAIN = frozenset(b"ACGTNacgtn")


@dataclass
class Counts:
    """Everything that is counted over the records of a result."""

    records: int = 0
    substance: int = 0
    annotated: int = 0
    known: int = 0
    transitions: int = 0
    transversions: int = 0
    consequences: Counter[str] = field(default_factory=Counter)
    by_type: Counter[str] = field(default_factory=Counter)
    genes: Counter[str] = field(default_factory=Counter)
    density: dict[str, list[int]] = field(default_factory=dict)

    @property
    def ts_tv(self) -> float | None:
        return round(self.transitions / self.transversions, 3) if self.transversions else None


class Counting:
    """Passes lines through and counts the records among them."""

    def __init__(self, reference: Reference) -> None:
        self.counts = Counts()
        self.lengths = {c.name.encode(): c.length for c in reference.contigs}
        self.bins = {name: [0] * BINS for name in self.lengths}

    def over(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The same lines, counted as they pass."""
        for line in lines:
            if not line.startswith(b"#"):
                self.count(line)
            yield line

    def count(self, line: bytes) -> None:
        """One record."""
        contig, pos, _, ref, alts, _, _, info = line.rstrip(b"\r\n").split(b"\t", 8)[:8]
        counts = self.counts
        counts.records += 1
        counts.substance += substance(line)
        self._place(contig, int(pos))
        for alt in alts.split(b","):
            self._allele(ref.upper(), alt.upper())
        counts.known += KNOWN.search(info) is not None
        found = BCSQ.search(info)
        if found:
            counts.annotated += 1
            self._consequences(found[1].decode())

    def _consequences(self, value: str) -> None:
        """Each consequence of each allele; `@pos` refers to a record that has been counted."""
        genes = set()
        for entry in value.split(","):
            if entry.startswith("@"):
                continue
            terms, gene = (entry.split("|", 2) + [""])[:2]
            self.counts.consequences.update(terms.lstrip("*").split("&"))
            genes.add(gene)
        self.counts.genes.update(genes - {""})

    def _allele(self, ref: bytes, alt: bytes) -> None:
        kind = variant_type(ref, alt)
        self.counts.by_type[kind] += 1
        if kind == "SNV" and ref + alt in TRANSITIONS:
            self.counts.transitions += 1
        elif kind == "SNV":
            self.counts.transversions += 1

    def _place(self, contig: bytes, pos: int) -> None:
        length = self.lengths.get(contig)
        if length:
            bin_ = min(BINS - 1, max(0, pos - 1) * BINS // length)
            self.bins[contig][bin_] += 1

    def done(self) -> Counts:
        """The counts, with the density of the contigs that have records."""
        told = {name.decode(): bins for name, bins in self.bins.items() if any(bins)}
        self.counts.density = told
        return self.counts


def variant_type(ref: bytes, alt: bytes) -> str:
    """SNV, MNV, insertion, deletion, indel, symbolic, or reference (no alternative allele).

    The Sequence Ontology's SNV (SO:0001483), MNV (SO:0002007), insertion, deletion, indel.
    """
    if alt in (b".", b"*") or alt == ref:
        return "reference"
    if not PLAIN.issuperset(alt):
        return "symbolic"
    if len(ref) == len(alt):
        return "SNV" if len(ref) == 1 else "MNV"
    if len(ref) < len(alt) and alt.startswith(ref[:1]) and len(ref) == 1:
        return "insertion"
    if len(ref) > len(alt) and ref.startswith(alt) and len(alt) == 1:
        return "deletion"
    return "indel"


def summary(
    counts: Counts,
    reasons: dict[str, int],
    reference: Reference,
    **more: Any,
) -> dict[str, Any]:
    """What .summary.json holds; `more` goes in as it is (file, tools, seconds, notes)."""
    unreached = counts.records - counts.annotated - sum(reasons.values())
    not_annotated = {**reasons, NO_CONSEQUENCE: unreached}
    return {
        **more,
        "records": counts.records,
        "annotated": counts.annotated,
        "not_annotated": {reason: n for reason, n in not_annotated.items() if n},
        "consequences": dict(counts.consequences.most_common()),
        "by_type": dict(counts.by_type.most_common()),
        "ts": counts.transitions,
        "tv": counts.transversions,
        "ts_tv": counts.ts_tv,
        "known": counts.known if reference.known else None,
        "genes": dict(counts.genes.most_common(GENES)),
        "density": counts.density,
        "reference": {
            "name": reference.name,
            "title": reference.title,
            "version": reference.version,
            "contigs": {c.name: c.length for c in reference.contigs if c.name in counts.density},
        },
    }


def log_text(told: dict[str, Any]) -> str:
    """The .vcf.count.log: the summary as a person reads it."""
    ts_tv = "none" if told["ts_tv"] is None else told["ts_tv"]
    known = "this reference has no known variants" if told["known"] is None else told["known"]
    reference = told["reference"]
    lines = [
        f"GAS annotation of {told['file']}",
        "",
        *_rows({"records": told["records"], "annotated with a consequence": told["annotated"]}),
        *_rows({"not annotated": told["records"] - told["annotated"]}),
        *_rows({f"  {reason}": n for reason, n in told["not_annotated"].items()}),
        *_section("Consequences (one for each allele and transcript)", told["consequences"]),
        *_section("Alleles by type", told["by_type"]),
        *_section("Transitions and transversions", {"ts": told["ts"], "tv": told["tv"]}),
        *_rows({"ts/tv": ts_tv}),
        *_section("Known variants", {"in the known-variant set": known}),
        *_section("Reference", {"name": reference["name"], "version": reference["version"]}),
        *_section("Tools", told["tools"]),
        *_section("Run", {"finished": _now(), "seconds": told["seconds"]}),
    ]
    if told["notes"]:
        lines += ["", "Notes", *(f"  {note}" for note in told["notes"])]
    return "\n".join(lines) + "\n"


def _section(title: str, rows: dict[str, Any]) -> list[str]:
    return ["", title, *_rows(rows)]


def _rows(rows: dict[str, Any]) -> list[str]:
    return [f"  {name:<44} {_figure(value)}" for name, value in rows.items()]


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
