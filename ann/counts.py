"""Counts what a job's variants are, chunk by chunk, in the tables that they are in."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours

from collections import Counter
from dataclasses import dataclass, field

import duckdb

from ann.references import Reference

BINS = 100
"""Bars in the density plot along each contig."""
RECORDS = """
SELECT count(*) FILTER (number = 1), count(DISTINCT record) FILTER (status = 'annotated'),
    count(DISTINCT record) FILTER (is_known)
FROM variants
"""
TYPES = """
SELECT type, CASE WHEN type = 'SNV' THEN upper(ref || alt) IN ('AG', 'GA', 'CT', 'TC') END,
    count(*) FROM variants GROUP BY ALL
"""
CONSEQUENCES = """
SELECT m.words, n FROM (SELECT code, count(*) AS n FROM variants GROUP BY code) v
JOIN meanings m USING (code)
UNION ALL SELECT w, count(*) FROM (SELECT unnest(words) AS w FROM grouped) GROUP BY w
"""
GENES = """
SELECT gene, count(*) FROM (
    SELECT gene FROM variants WHERE code IS NOT NULL AND NOT is_multi
    UNION ALL SELECT unnest(g.genes) FROM grouped g JOIN variants v USING (allele)
    WHERE NOT is_multi
    UNION ALL SELECT gene FROM (
        SELECT record, gene FROM variants WHERE code IS NOT NULL AND is_multi
        UNION SELECT record, unnest(g.genes) FROM grouped g JOIN variants v USING (allele)
        WHERE is_multi)
) WHERE gene <> '' GROUP BY gene
"""
"""A gene counts once a record."""
REASONS = """
SELECT status, count(*) FROM (SELECT first(status ORDER BY number) AS status FROM variants
    WHERE is_multi GROUP BY record HAVING bool_and(status <> 'annotated')
    UNION ALL SELECT status FROM variants WHERE NOT is_multi AND status <> 'annotated')
GROUP BY status
"""
DENSITY = f"""
SELECT chrom, c.length, least({BINS - 1}, greatest(0, pos - 1) * {BINS} // c.length) AS bin,
    count(*)
FROM variants JOIN contigs c USING (contig) WHERE number = 1 GROUP BY ALL
ORDER BY min(record)
"""
IMPACTS = "SELECT impact, count(*) FROM variants WHERE impact IS NOT NULL GROUP BY impact"
SIGNIFICANCE = """
SELECT significance, count(*) FROM variants WHERE significance IS NOT NULL GROUP BY significance
"""
REGIONS = """
SELECT region, count(DISTINCT record) FROM (SELECT record, unnest(regions) AS region FROM variants)
GROUP BY region
"""
CORRECTED = "SELECT count(info_csq) FROM variants"


@dataclass
class Counts:
    """Everything that is counted over the records of a result."""

    records: int = 0
    annotated: int = 0
    known: int = 0
    transitions: int = 0
    transversions: int = 0
    consequences: Counter[str] = field(default_factory=Counter)
    by_type: Counter[str] = field(default_factory=Counter)
    genes: Counter[str] = field(default_factory=Counter)
    density: dict[str, list[int]] = field(default_factory=dict)
    contigs: dict[str, int] = field(default_factory=dict)
    """Lengths of the contigs that have records, by the file's own names, as in `density`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why records have no consequence."""
    impacts: Counter[str] = field(default_factory=Counter)
    significance: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    """Alleles that each source of known variants lists."""
    corrected: int = 0
    """Consequences that differ from csq's, or that it does not have."""

    @property
    def ts_tv(self) -> float | None:
        return round(self.transitions / self.transversions, 3) if self.transversions else None


class Tally:
    """The counts over all chunks taken in so far."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.total = Counts()

    def take(self, db: duckdb.DuckDBPyConnection) -> None:
        """Add the chunk that the tables hold now."""
        total = self.total
        records, annotated, known = db.execute(RECORDS).fetchall()[0]
        total.records += records
        total.annotated += annotated
        total.known += known
        for words, number in db.execute(CONSEQUENCES).fetchall():
            for word in words:
                total.consequences[word.removesuffix("_exon")] += number
        for kind, is_transition, number in db.execute(TYPES).fetchall():
            total.by_type[kind] += number
            total.transitions += number if is_transition else 0
            total.transversions += number if is_transition is False else 0
        self._add(db)

    def _add(self, db: duckdb.DuckDBPyConnection) -> None:
        total = self.total
        simple = [
            (GENES, total.genes),
            (REASONS, total.reasons),
            (IMPACTS, total.impacts),
            (SIGNIFICANCE, total.significance),
            (REGIONS, total.regions),
        ]
        for query, counter in simple:
            counter.update(dict(db.execute(query).fetchall()))
        total.corrected += db.execute(CORRECTED).fetchall()[0][0]
        for number, source in enumerate(self.reference.known):
            hits = db.execute(f"SELECT count(*) FROM known_{number} WHERE allele >= 0").fetchall()[
                0
            ][0]
            total.by_source[source.name] += hits
        for chrom, length, bin_, number in db.execute(DENSITY).fetchall():
            total.density.setdefault(chrom, [0] * BINS)[bin_] += number
            total.contigs[chrom] = length

    def counts(self) -> Counts:
        return self.total
