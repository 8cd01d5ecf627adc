"""Tells the counts: the summary for the plots, and the log for people."""

import itertools
import time
from collections import Counter
from typing import Any

from ann.counts import Counts
from ann.references import Reference

GENES = 25
CONTIGS_NAMED = 1000


def summary(counts: Counts, reference: Reference, **more: Any) -> dict[str, Any]:
    """The content of .summary.json; `more` goes in as it is (file, tools, seconds, notes)."""
    return {
        **more,
        "records": counts.records,
        "annotated": counts.annotated,
        "not_annotated": _ranked(counts.reasons),
        "consequences": _ranked(counts.consequences),
        "impacts": _ranked(counts.impacts),
        "corrected": counts.corrected,
        "by_type": _ranked(counts.by_type),
        "ts": counts.transitions,
        "tv": counts.transversions,
        "ts_tv": counts.ts_tv,
        "known": counts.known if reference.has_known else None,
        "sources": _sources(counts, reference),
        "significance": _ranked(counts.significance),
        "regions": _ranked(counts.regions),
        "genes": _ranked(counts.genes, GENES),
        "density": dict(itertools.islice(counts.density.items(), CONTIGS_NAMED)),
        "reference": {
            "name": reference.name,
            "title": reference.title,
            "version": reference.version,
            "contigs": dict(itertools.islice(counts.contigs.items(), CONTIGS_NAMED)),
        },
    }


def _ranked(counted: Counter[str], most: int | None = None) -> dict[str, int]:
    """The most frequent first; what is equally frequent, by name."""
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:most])


def _sources(counts: Counts, reference: Reference) -> list[dict[str, Any]]:
    """The sources of known variants, each with its date, which says how old its word is."""
    return [
        {
            "name": source.name,
            "title": source.title,
            "version": source.version,
            "date": source.date,
            "alleles": counts.by_source[source.name],
        }
        for source in reference.known
    ]


def log_text(document: dict[str, Any]) -> str:
    """The .vcf.count.log: the summary as a person reads it."""
    ts_tv = "none" if document["ts_tv"] is None else document["ts_tv"]
    reference, records = document["reference"], document["records"]
    annotated = document["annotated"]
    lines = [
        f"GAS annotation of {document['file']}",
        "",
        *_rows({"records": records, "annotated with a consequence": annotated}),
        *_rows({"not annotated": records - annotated}),
        *_rows({f"  {reason}": n for reason, n in document["not_annotated"].items()}),
        *_section("Consequences (one for each allele and transcript)", document["consequences"]),
        *_rows({"of these corrected, see GAS_CSQ": document["corrected"]}),
        *_section("Alleles by their most severe impact", document["impacts"]),
        *_section("Alleles by type", document["by_type"]),
        *_section("Transitions and transversions", {"ts": document["ts"], "tv": document["tv"]}),
        *_rows({"ts/tv": ts_tv}),
        *_known(document),
        *_section("Reference", {"name": reference["name"], "version": reference["version"]}),
        *_section("Tools", document["tools"]),
        *_section("Run", {"finished": _now(), "seconds": document["seconds"]}),
    ]
    if document["notes"]:
        lines += ["", "Notes", *(f"  {note}" for note in document["notes"])]
    return "\n".join(lines) + "\n"


def _known(document: dict[str, Any]) -> list[str]:
    """Lines on the known variants, each source with its date."""
    known = document["known"]
    listed = {"this reference has": "no source of them"}
    if known is not None:
        listed = {"records that a source lists": known}
    lines = _section("Known variants", listed)
    for source in document["sources"]:
        lines += _rows({f"alleles in {_source(source)}": source["alleles"]})
    if document["significance"]:
        classified = [s for s in document["sources"] if s["name"] == "clinvar"]
        names = ", ".join(map(_source, classified)) or "the sources"
        lines += _section(f"Alleles by classification in {names}", document["significance"])
    if document["regions"]:
        lines += _section("Records in named parts outside the genes", document["regions"])
    return lines


def _source(source: dict[str, Any]) -> str:
    """A source's title, with its version where that is another thing than its date."""
    version = "" if source["version"] == source["date"] else f" {source['version']}"
    return f"{source['title']}{version}, {source['date']}"


def _section(title: str, rows: dict[str, Any]) -> list[str]:
    return ["", title, *_rows(rows)] if rows else []


def _rows(rows: dict[str, Any]) -> list[str]:
    return [f"  {name:<44} {_figure(value)}" for name, value in rows.items()]


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
