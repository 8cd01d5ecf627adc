"""Tells the counts: the summary for the plots, and the log for people."""

import time
from typing import Any

from ann.counts import Counts
from ann.references import Reference

GENES = 25
NO_CONSEQUENCE = "outside the reach of any transcript"


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
