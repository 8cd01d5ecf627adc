"""The SQL that makes the rows of variants.parquet, and what INFO gains, of a chunk's entries."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

from collections.abc import Sequence

from ann.consequences import NON_CODING, NON_CODING_EXON
from ann.info_sql import column
from ann.references import JobSource, KnownSource, Reference
from ann.variants_sql import ADDED, ANNOTATED, NO_CONSEQUENCE, name, text

ROLES = {"known_id": "id", "af": "af", "significance": "significance", "disease": "disease"}
"""Columns that are filled by the first source that has a field of that role."""
NOBODY = -1
"""The number of an allele that stands in every table, so that a join finds a row for each row.

Such a join keeps the order of the rows but where two keys collide; one that may find none, or
several, never does. So the order is looked at, and rows are sorted only where it was lost.
"""
SORTED = "CREATE OR REPLACE TEMP TABLE computed AS FROM computed ORDER BY allele"
PART = "CASE WHEN c.parts = 1 THEN 1 ELSE len(list_filter(c.starts, lambda s: s <= e.pos)) END"
HGVS = """
    CASE WHEN d.allele <> -1 THEN d.hgvs_c
        WHEN e.strand IS NULL OR NOT e.is_snv OR e.pos > c.stops[e.part] THEN NULL
        WHEN c.is_reverse THEN 'c.' || (c.bases[e.part] - e.pos) || complement(upper(e.ref)) || '>'
            || complement(upper(e.alt))
        ELSE 'c.' || (c.bases[e.part] + e.pos) || upper(e.ref) || '>' || upper(e.alt) END AS hgvs_c,
    CASE WHEN d.allele <> -1 THEN d.hgvs_p
        WHEN e.codons IS NOT NULL AND e.is_snv THEN protein_of_codons(e.codons) END AS hgvs_p"""
HGVS = HGVS.replace("[e.part]", f"[{PART}]")
CODING = "JOIN coding c ON c.transcript = coalesce(e.transcript, '')"
STRUCT = """{'gene': gene, 'transcript': transcript, 'biotype': biotype, 'strand': strand,
    'consequence': array_to_string(terms, '&'), 'impact': impact, 'hgvs_c': hgvs_c,
    'hgvs_p': hgvs_p}"""
TAGGED = """transcript || ':' || hgvs_c AS info_c,
    transcript || ':' || replace(hgvs_p, '=', '%3D') AS info_p,
    CASE WHEN is_corrected THEN array_to_string(words, '&') || '|' || escaped(gene) || '|'
        || coalesce(transcript, '') || '|' || biotype END AS info_csq"""
GROUPED = f"""
CREATE OR REPLACE TEMP TABLE grouped AS
SELECT allele,
    arg_min({{'c': terms[1], 'impact': impact, 'gene': gene, 'transcript': transcript,
        'biotype': biotype, 'hgvs_c': hgvs_c, 'hgvs_p': hgvs_p}}, place) AS best,
    in_order(list(gene ORDER BY place)) AS genes,
    in_order(flatten(list(terms ORDER BY place))) AS terms,
    list({STRUCT} ORDER BY place) AS consequences,
    list(words) AS words,
    string_agg(info_c, ',' ORDER BY number) AS info_c,
    string_agg(info_p, ',' ORDER BY number) AS info_p,
    string_agg(info_csq, ',' ORDER BY number) AS info_csq
FROM (
    SELECT *, rank * {ADDED * 10} + number AS place, {TAGGED} FROM (
        SELECT e.allele, e.number, m.rank, m.impact, m.terms, m.words, e.gene, e.transcript,
            e.biotype, e.strand, coalesce(e.consequence <> d.consequence, false)
                OR e.number = {ADDED} AS is_corrected, {HGVS.replace("<> -1", "IS NOT NULL")}
        FROM entries e
        LEFT JOIN described_entries d ON d.allele = e.allele AND d.number = e.number
        LEFT JOIN meanings m ON m.consequence = coalesce(d.consequence, e.consequence)
        {CODING}
    )
)
GROUP BY allele;
INSERT INTO grouped (allele) VALUES ({NOBODY});
CREATE OR REPLACE TEMP TABLE described_single AS
SELECT allele, hgvs_c, hgvs_p, consequence FROM described_entries WHERE number = 1
UNION ALL SELECT {NOBODY}, NULL, NULL, NULL;
INSERT INTO described_alleles (allele) VALUES ({NOBODY});
INSERT INTO in_regions (allele) VALUES ({NOBODY})
"""
"""Everything of the alleles that have several entries, the most severe first."""
IN_ORDER = """
CREATE OR REPLACE MACRO in_order(items) AS
    list_filter(items, lambda item, place: list_position(items, item) = place)
"""
"""A list's items, each once, where they come first."""
SINGLE = f"""
CREATE OR REPLACE TEMP VIEW single AS
SELECT e.*, m.code, m.terms[1] AS term, m.impact, m.words,
    coalesce(e.consequence <> d.consequence, false) AS is_corrected, {HGVS}
FROM (SELECT rowid AS allele, * FROM alleles) e
JOIN described_single d
    ON d.allele = CASE WHEN e.in_described_single THEN e.allele ELSE {NOBODY} END
JOIN meanings m ON m.consequence = CASE WHEN e.in_exonic THEN '{NON_CODING_EXON}'
    ELSE coalesce(d.consequence, e.consequence, '') END
{CODING}
"""
"""Every allele, with all of its one entry where BCSQ has but one."""
EXONIC = f"""
CREATE OR REPLACE TEMP TABLE exonic AS
SELECT DISTINCT h.allele FROM rna_hits h JOIN alleles a ON a.rowid = h.allele
WHERE h.is_own AND a.consequence = '{NON_CODING}'
"""
"""Alleles in an RNA gene's exon, of which csq says `non_coding` alone."""
TYPE = """CASE WHEN a.alt IN ('.', '*') OR upper(a.alt) = upper(a.ref) THEN 'reference'
    WHEN a.is_snv THEN 'SNV'
    WHEN NOT is_plain(a.alt) THEN 'symbolic'
    WHEN strlen(a.ref) = strlen(a.alt) THEN CASE strlen(a.ref) WHEN 1 THEN 'SNV' ELSE 'MNV' END
    WHEN strlen(a.ref) = 1 AND upper(a.alt[1]) = upper(a.ref) THEN 'insertion'
    WHEN strlen(a.alt) = 1 AND upper(a.ref[1]) = upper(a.alt) THEN 'deletion'
    ELSE 'indel' END"""
"""The Sequence Ontology's SNV (SO:0001483), MNV (SO:0002007), insertion, deletion, indel."""
NORMALISED = """
CREATE OR REPLACE TEMP TABLE normalised AS
SELECT rowid AS allele, contig, pos, upper(ref) AS ref, upper(alt) AS alt FROM alleles
WHERE is_snv AND reason IS NULL
UNION ALL
SELECT d.allele, a.contig, d.pos, d.ref, d.alt FROM described_alleles d
JOIN alleles a ON a.rowid = d.allele
"""
REGIONS = """
CREATE OR REPLACE TEMP TABLE in_regions AS
SELECT a.rowid AS allele, list(r.name ORDER BY r.number) AS regions
FROM alleles a JOIN (SELECT DISTINCT ON (name, contig, start) * FROM regions) r
    ON r.contig = a.contig AND a.pos <= r.stop AND a.pos + strlen(a.ref) - 1 >= r.start
WHERE a.reason IS NULL AND is_plain(a.alt) GROUP BY a.rowid
"""


def lookups(reference: Reference) -> list[str]:
    """The tables that hold some of the alleles, each with a flag of its name in `alleles`."""
    known = [f"known_{number}" for number in range(len(reference.known))]
    return ["exonic", "described_single", "grouped", "in_regions", *known]


def known_table(number: int, source: KnownSource, file: str, near: str) -> str:
    """The alleles of the chunk that a source lists; `near` limits what is read of it."""
    fields = ", ".join(f"k.{name(f.column)} AS {name(column(source, f))}" for f in source.fields)
    return f"""
CREATE OR REPLACE TEMP TABLE known_{number} AS
SELECT n.allele, {fields} FROM normalised n JOIN (FROM read_parquet({text(file)}) WHERE {near}) k
    ON k.chrom = n.contig AND k.pos = n.pos AND k.ref = n.ref AND k.alt = n.alt;
INSERT INTO known_{number} (allele) VALUES ({NOBODY})
"""


def interval_table(number: int, source: JobSource, file: str, near: str) -> str:
    """The alleles whose REF touches intervals: the names of these, and their highest score.

    Contigs and positions become one number, so that a single range join finds the pairs.
    """
    names, *scores = (name(field.column) for field in source.fields)
    tag, *best = (name(column(source, field)) for field in source.fields)
    values = [f"string_agg(DISTINCT k.{names}, '|' ORDER BY k.{names}) AS {tag}"]
    values += [f"max(k.{score}) AS {to}" for score, to in zip(scores, best, strict=True)]
    return f"""
CREATE OR REPLACE TEMP TABLE known_{number} AS
SELECT a.allele, {", ".join(values)}
FROM (
    SELECT a.rowid AS allele, (c.rowid << 32) + a.pos AS low, low + strlen(a.ref) - 1 AS high
    FROM alleles a JOIN contigs c ON c.contig = a.contig
) a JOIN (
    SELECT k.*, (c.rowid << 32) + k.start AS first, (c.rowid << 32) + k.stop AS last
    FROM (FROM read_parquet({text(file)}) WHERE {near}) k JOIN contigs c ON c.contig = k.chrom
) k ON a.low <= k.last AND a.high >= k.first
GROUP BY a.allele;
INSERT INTO known_{number} (allele) VALUES ({NOBODY})
"""


def known_columns(reference: Reference) -> dict[str, str]:
    """Columns that the sources bring, by name, as expressions over their tables.

    Those of a user's own come before what is known.
    """
    columns = {
        column(source, field): f"known_{n}.{name(column(source, field))}"
        for n, source in enumerate(reference.known)
        for field in source.fields
        if isinstance(source, JobSource)
    }
    for role_column, role in ROLES.items():
        found = [
            f"known_{n}.{name(column(source, field))}"
            for n, source in enumerate(reference.known)
            if (field := source.with_role(role))
        ]
        kind = "DOUBLE" if role == "af" else "VARCHAR"
        value = f"coalesce({', '.join(found)})" if found else "NULL"
        columns[role_column] = f"CAST({value} AS {kind})"
    for n, source in enumerate(reference.known):
        for field in source.fields:
            columns[column(source, field)] = f"known_{n}.{name(column(source, field))}"
    return columns


def computed(reference: Reference) -> str:
    """All that is found out of each allele, in the order of `alleles`."""
    columns = [f"{value} AS {name(key)}" for key, value in known_columns(reference).items()]
    listed = [n for n, s in enumerate(reference.known) if not isinstance(s, JobSource)]
    is_known = " OR ".join(f"a.in_known_{n}" for n in listed) or "false"
    return f"""
CREATE OR REPLACE TEMP TABLE computed AS
SELECT a.allele,
    {TYPE} AS type,
    CASE WHEN a.reason IS NOT NULL THEN a.reason
        WHEN a.consequence IS NULL AND NOT a.in_grouped THEN '{NO_CONSEQUENCE}'
        ELSE '{ANNOTATED}' END AS status,
    {", ".join(_best())},
    CASE WHEN a.reason IS NULL THEN p.prefix || CASE WHEN a.is_snv AND upper(a.ref) <> upper(a.alt)
        THEN a.pos || upper(a.ref) || '>' || upper(a.alt) ELSE d.change END END AS hgvs_g,
    r.regions,
    {", ".join(columns)},
    CASE WHEN NOT a.in_grouped AND a.code > 0 THEN a.code END AS code,
    g.genes AS all_genes, g.terms AS all_terms, g.consequences AS all_consequences,
    g.info_c AS all_c, g.info_p AS all_p,
    {is_known} AS is_known,
    CASE WHEN a.in_grouped THEN g.info_csq WHEN a.is_corrected THEN
        array_to_string(a.words, '&') || '|' || escaped(a.gene) || '|'
        || coalesce(a.transcript, '') || '|' || a.biotype END AS info_csq,
    NULL::VARCHAR AS several_info, NULL::VARCHAR AS several_ids
FROM single a
JOIN grouped g ON g.allele = CASE WHEN a.in_grouped THEN a.allele ELSE {NOBODY} END
JOIN contigs p ON p.contig = coalesce(a.contig, '')
JOIN described_alleles d ON d.allele = CASE WHEN a.is_described THEN a.allele ELSE {NOBODY} END
JOIN in_regions r ON r.allele = CASE WHEN a.in_in_regions THEN a.allele ELSE {NOBODY} END
{_joins(reference)}
"""


def variants(first_row: int) -> str:
    """The chunk's rows, in file order: the records' own columns beside what was found out."""
    return f"""
CREATE OR REPLACE TEMP VIEW variants AS
SELECT {first_row} + c.allele AS "row", a.record, a.chrom, a.pos, a.id, a.ref, a.alt,
    try_cast(a.qual AS DOUBLE) AS qual, nullif(a.filter, '.') AS filter,
    a.n_called, a.n_het, a.n_hom, a.gt, a.number, a.is_multi, a.contig, a.bcsq, a.strand,
    a.in_grouped AS is_grouped, c.*,
    CASE WHEN a.in_grouped THEN c.all_c ELSE c.transcript || ':' || c.hgvs_c END AS info_c,
    CASE WHEN a.in_grouped THEN c.all_p
        ELSE c.transcript || ':' || replace(c.hgvs_p, '=', '%3D') END AS info_p
FROM alleles a POSITIONAL JOIN computed c
"""


def _joins(reference: Reference) -> str:
    return "\n".join(
        f"JOIN known_{n} "
        f"ON known_{n}.allele = CASE WHEN a.in_known_{n} THEN a.allele ELSE {NOBODY} END"
        for n in range(len(reference.known))
    )


def _best() -> list[str]:
    """The most severe consequence's columns."""
    columns = {"consequence": "a.term", "impact": "a.impact", "gene": "a.gene"}
    columns |= {"transcript": "a.transcript", "biotype": "a.biotype"}
    columns |= {"hgvs_c": "a.hgvs_c", "hgvs_p": "a.hgvs_p"}
    fields = {"consequence": "c"}
    return [
        f"CASE WHEN a.in_grouped THEN g.best.{fields.get(key, key)} ELSE {own} END AS {key}"
        for key, own in columns.items()
    ]


def table(reference: Reference, terms: Sequence[Sequence[str]]) -> str:
    """The rows of variants.parquet, in file order; `terms` are those of each meaning by its code.

    Without a join, so that the order is that of `variants`.
    """
    known = ", ".join(name(column) for column in known_columns(reference))
    lists = ", ".join(f"[{', '.join(map(text, words))}]" for words in terms) or "[NULL]"
    return f"""
SELECT "row", record, chrom, pos, id, ref, alt, type, qual, filter, status,
    consequence, impact, gene, transcript, biotype, hgvs_g, hgvs_c, hgvs_p,
    CASE WHEN is_grouped THEN all_genes WHEN code IS NOT NULL THEN [gene] END AS genes,
    CASE WHEN is_grouped THEN all_terms ELSE terms END AS terms,
    CASE WHEN is_grouped THEN all_consequences WHEN code IS NOT NULL THEN [{STRUCT}] END
        AS consequences,
    regions, {known}, n_called, n_het, n_hom, string_split(gt, ',') AS gt
FROM (SELECT *, ([{lists}])[code] AS terms FROM variants)
"""
