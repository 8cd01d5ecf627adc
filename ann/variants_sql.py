"""The SQL of the pass over a job's variants, step by step; `ann.variants` runs it."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

import re

from ann.consequences import NON_CODING, NON_CODING_EXON, SEVERITY, START_LOST, STOP_LOST
from ann.protein import THREE

RECORD_COLUMNS = {
    "record": "BIGINT",
    "line": "BIGINT",
    "chrom": "VARCHAR",
    "contig": "VARCHAR",
    "pos": "BIGINT",
    "id": "VARCHAR",
    "ref": "VARCHAR",
    "alts": "VARCHAR",
    "qual": "VARCHAR",
    "filter": "VARCHAR",
    "reason": "VARCHAR",
    "n_called": "INTEGER",
    "n_het": "INTEGER",
    "n_hom": "INTEGER",
    "gt": "VARCHAR",
    "bcsq": "VARCHAR",
}
"""A chunk's columns: records.tsv's, and BCSQ."""
BIN_BASES = 4096
"""Intervals are looked up by stretches of this length."""
NO_CONSEQUENCE = "outside the reach of any transcript"
ANNOTATED = "annotated"
ADDED = 1_000_000
"""The number of an entry that csq does not have."""


def read(path: str, columns: dict[str, str]) -> str:
    """A file of ours as a table."""
    described = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"read_csv({text(path)}, delim='\t', quote='', escape='', header=false, "
        f"auto_detect=false, max_line_size=67108864, columns={{{described}}})"
    )


def text(value: str) -> str:
    """A SQL string."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A SQL name."""
    return '"' + value.replace('"', '""') + '"'


MACROS = f"""
CREATE OR REPLACE MACRO three(residue) AS CASE WHEN residue = '*' THEN 'Ter' ELSE
    [{", ".join(text(THREE[c]) if c in THREE else "NULL" for c in map(chr, range(65, 91)))}]
    [ascii(residue) - 64] END;
CREATE OR REPLACE MACRO complement(base) AS translate(base, 'ACGTacgt', 'TGCATGCA');
CREATE OR REPLACE MACRO unescaped(word) AS
    CASE WHEN contains(word, '%') THEN url_decode(word) ELSE word END;
CREATE OR REPLACE MACRO escaped(word) AS replace(replace(replace(replace(replace(replace(
    word, '%', '%25'), ',', '%2C'), ';', '%3B'), '=', '%3D'), ' ', '%20'), '|', '%7C');
CREATE OR REPLACE MACRO info_text(word) AS replace(replace(replace(replace(replace(
    word, '%', '%25'), ',', '%2C'), ';', '%3B'), '=', '%3D'), ' ', '_');
CREATE OR REPLACE MACRO is_plain(bases) AS regexp_full_match(bases, '[ACGTNacgtn]*');
CREATE OR REPLACE MACRO protein_of_codons(change) AS
    CASE WHEN contains(change, '>') THEN
        'p.(' || three(right(split_part(change, '>', 1), 1)) || left(split_part(change, '>', 1), -1)
        || three(right(change, 1)) || ')'
    ELSE 'p.(' || three(right(change, 1)) || left(change, -1) || '=)' END;
"""
"""`protein_of_codons` takes what csq says of one codon: 85T>85M, 17N."""

ALLELES = """
CREATE OR REPLACE TEMP TABLE alleles AS
SELECT * EXCLUDE (part, applies),
    CASE WHEN applies THEN part[1] END AS consequence,
    CASE WHEN applies THEN unescaped(part[2]) END AS gene,
    CASE WHEN applies THEN nullif(part[3], '') END AS transcript,
    CASE WHEN applies THEN part[4] END AS biotype, CASE WHEN applies THEN part[5] END AS strand,
    CASE WHEN applies THEN part[6] END AS codons, CASE WHEN applies THEN part[7] END AS dna,
    {flags}
FROM (
    SELECT *, CASE WHEN is_multi THEN part[7] IS NULL OR list_contains(
        string_split(upper(part[7]), '+'), upper(pos || ref || '>' || alt)) ELSE true END AS applies
    FROM (
        SELECT record, chrom, contig, pos, nullif(id, '.') AS id, ref, alt,
            contains(alts, ',') AS is_multi, number, qual, filter, reason, n_called, n_het, n_hom,
            gt, bcsq,
            strlen(ref) = 1 AND strlen(alt) = 1 AND is_plain(alt) AND is_plain(ref) AS is_snv,
            reason IS NULL AND NOT (strlen(ref) = 1 AND strlen(alt) = 1) AND is_plain(ref)
                AND is_plain(alt) AND upper(ref) <> upper(alt) AS is_described,
            CASE WHEN NOT contains(bcsq, ',') AND NOT contains(bcsq, '@')
                THEN string_split(bcsq, '|') END AS part
        FROM (
            SELECT *, unnest(string_split(alts, ',')) AS alt,
                unnest(range(1, 1 + len(string_split(alts, ',')))) AS number
            FROM {chunk}
        )
    )
)
"""
"""A row for each allele, with its consequence where BCSQ has but one entry. The flags say in which
tables it stands."""
MARK = "UPDATE alleles SET {flag} = true WHERE rowid IN (SELECT allele FROM {table})"

ENTRY_BOUNDARY = (
    ",([*]?(?:"
    + "|".join(w for w in SEVERITY if w != NON_CODING_EXON)
    + ")(?:[&][a-z0-9_&]+)?[|]|@)"
)
"""Entries of BCSQ are parted by commas that a consequence or a reference (@) follows: gene names
may hold commas of their own (yeast's DUR1,2)."""

ENTRIES = f"""
CREATE OR REPLACE TEMP TABLE entries AS
SELECT allele, number, contig, pos, ref, alt, is_snv, part[1] AS consequence,
    unescaped(part[2]) AS gene, nullif(part[3], '') AS transcript, part[4] AS biotype,
    part[5] AS strand, part[6] AS codons, part[7] AS dna
FROM (
    SELECT * EXCLUDE (entry), string_split(entry, '|') AS part FROM (
        SELECT allele, unnest(range(1, 1 + len(list))) AS number,
            contig, pos, ref, alt, is_snv, is_multi, unnest(list) AS entry
        FROM (
            SELECT rowid AS allele, contig, pos, ref, alt, is_snv, is_multi, string_split(
                regexp_replace(bcsq, {text(ENTRY_BOUNDARY)}, chr(1) || '\\1', 'g'), chr(1)) AS list
            FROM alleles WHERE contains(bcsq, ',') OR contains(bcsq, '@')
        )
    )
)
WHERE CASE WHEN is_multi THEN part[7] IS NULL OR list_contains(
    string_split(upper(part[7]), '+'), upper(pos || ref || '>' || alt)) ELSE true END
"""
"""A row for each entry, where BCSQ has several. An entry that tells no base (intron, splice site,
RNA) holds for every allele of its record."""

COMPOUNDS = """
INSERT INTO compounds SELECT DISTINCT contig, pos, consequence, gene, transcript, biotype, strand,
    codons, dna FROM entries WHERE contains(dna, '+')
    UNION SELECT contig, pos, consequence, gene, transcript, biotype, strand, codons, dna
    FROM alleles WHERE contains(dna, '+');
"""
RESOLVED = """
INSERT INTO entries
SELECT e.allele, e.number, e.contig, e.pos, e.ref, e.alt, e.is_snv, c.consequence, c.gene,
    c.transcript, c.biotype, c.strand, c.codons, c.dna
FROM entries e JOIN compounds c ON c.contig = e.contig AND '@' || c.pos = e.consequence
    AND list_contains(string_split(upper(c.dna), '+'), upper(e.pos || e.ref || '>' || e.alt));
DELETE FROM entries WHERE consequence[1] = '@';
"""
"""Entries that name another record (@pos), whose consequence is theirs as well."""

MODELS = """
CREATE OR REPLACE TEMP TABLE models AS FROM read_parquet({genes}) WHERE {near};
CREATE OR REPLACE TEMP TABLE coding AS
SELECT transcript, strand = '-' AS is_reverse, len(cds) AS parts,
    list_transform(cds, lambda c: c.start) AS starts,
    list_transform(cds, lambda c: c.stop) AS stops,
    list_transform(cds, lambda c: c."offset" - coalesce(phase, 0) + 1
        + CASE WHEN strand = '-' THEN c.stop ELSE -c.start END) AS bases
FROM models WHERE len(cds) > 0;
INSERT INTO coding (transcript) SELECT DISTINCT coalesce(transcript, '') FROM alleles
WHERE coalesce(transcript, '') NOT IN (SELECT transcript FROM coding);
INSERT INTO coding (transcript) SELECT DISTINCT coalesce(transcript, '') FROM entries
WHERE coalesce(transcript, '') NOT IN (SELECT transcript FROM coding);
CREATE OR REPLACE TEMP TABLE rna AS
SELECT DISTINCT contig, e.start AS start, e.stop AS stop, name AS gene, biotype,
    unnest(range((e.start - 4096) // 4096, e.stop // 4096 + 1)) AS bin
FROM (SELECT contig, name, biotype, unnest(exons) AS e FROM models WHERE len(cds) = 0)
"""
"""Gene models of the chunk; `coding` has every transcript that csq named. The number of a coding
base is its part's in `bases` + pos, on the reverse strand - pos."""

RNA_HITS = f"""
CREATE OR REPLACE TEMP TABLE rna_hits AS
SELECT DISTINCT a.rowid AS allele, r.gene, r.biotype, a.contig, a.pos, a.ref, a.alt, a.is_snv,
    a.gene IS NOT DISTINCT FROM r.gene AS is_own
FROM alleles a JOIN rna r ON a.contig = r.contig AND a.pos // {BIN_BASES} = r.bin
    AND a.pos + strlen(a.ref) - 1 >= r.start
    AND a.pos + (NOT a.is_snv AND a.ref[1] = a.alt[1])::INT <= r.stop
WHERE a.reason IS NULL AND is_plain(a.alt);
CREATE OR REPLACE TEMP TABLE added AS
SELECT * FROM rna_hits ANTI JOIN entries USING (allele, gene) WHERE NOT is_own;
UPDATE entries SET consequence = '{NON_CODING_EXON}' FROM rna_hits h
WHERE entries.consequence = '{NON_CODING}' AND h.allele = entries.allele
    AND h.gene = entries.gene;
INSERT INTO entries SELECT rowid, 1, contig, pos, ref, alt, is_snv, consequence, gene, transcript,
    biotype, strand, codons, dna FROM alleles
WHERE consequence IS NOT NULL AND rowid IN (SELECT allele FROM added);
INSERT INTO entries SELECT allele, {ADDED}, contig, pos, ref, alt, is_snv, '{NON_CODING_EXON}',
    gene, NULL, biotype, NULL, NULL, NULL FROM added
"""
"""RNA genes whose bases csq masks, being another gene's as well, get their consequence."""

PENDING_ALLELES = """
SELECT rowid, contig, pos, upper(ref), upper(alt) FROM alleles WHERE is_described ORDER BY rowid
"""
IS_PENDING = f"""(strand IS NOT NULL AND is_plain(alt) AND is_plain(ref)
    AND (NOT is_snv OR contains(dna, '+') OR contains(consequence, '{START_LOST}')
        OR contains(consequence, '{STOP_LOST}')))"""
PENDING_ENTRIES = f"""
SELECT allele, contig, pos, upper(ref), upper(alt), number, transcript, consequence,
    CASE WHEN contains(dna, '+') THEN codons END
FROM (
    SELECT allele, number, contig, pos, ref, alt, is_snv, transcript, consequence, strand, codons,
        dna FROM entries
    UNION ALL
    SELECT rowid, 1, contig, pos, ref, alt, is_snv, transcript, consequence, strand, codons,
        dna FROM alleles WHERE rowid NOT IN (SELECT allele FROM entries)
)
WHERE strand IS NOT NULL AND is_plain(alt) AND is_plain(ref)
    AND (NOT is_snv OR contains(dna, '+') OR contains(consequence, '{START_LOST}')
        OR contains(consequence, '{STOP_LOST}'))
ORDER BY allele, number
"""
PENDING_MODELS = """
SELECT transcript, contig, strand, genetic_code, coalesce(phase, 0),
    list_transform(exons, lambda e: (e.start, e.stop)),
    list_transform(cds, lambda c: (c.start, c.stop, c."offset"))
FROM models WHERE len(cds) > 0
"""
DESCRIBED_ALLELES = {"allele": "BIGINT", "pos": "BIGINT", "ref": "VARCHAR", "alt": "VARCHAR"}
DESCRIBED_ALLELES |= {"change": "VARCHAR"}
DESCRIBED_ENTRIES = {"allele": "BIGINT", "number": "BIGINT", "hgvs_c": "VARCHAR"}
DESCRIBED_ENTRIES |= {"hgvs_p": "VARCHAR", "consequence": "VARCHAR"}
ACCESSION = re.compile(r"(?:[A-Z]{2}_)?[A-Z]{0,6}[0-9]{5,}\.[0-9]+")
"""A sequence's accession with its version, of RefSeq or GenBank."""
COMPOUND_TABLE = """
CREATE OR REPLACE TEMP TABLE compounds (contig VARCHAR, pos BIGINT, consequence VARCHAR,
    gene VARCHAR, transcript VARCHAR, biotype VARCHAR, strand VARCHAR, codons VARCHAR, dna VARCHAR)
"""
SMALL_TABLES = {
    "contigs": """CREATE OR REPLACE TEMP TABLE contigs (contig VARCHAR, prefix VARCHAR,
        length BIGINT)""",
    "regions": """CREATE OR REPLACE TEMP TABLE regions (number INTEGER, name VARCHAR,
        contig VARCHAR, start BIGINT, stop BIGINT)""",
    "meanings": """CREATE OR REPLACE TEMP TABLE meanings (code INTEGER, consequence VARCHAR,
        words VARCHAR[], terms VARCHAR[], impact VARCHAR, rank INTEGER)""",
}
