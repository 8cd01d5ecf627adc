"""The SQL of what INFO gains, made of the rows of `variants` (`ann.rows_sql`)."""

# ruff: noqa: S608  every name and value that is put into the SQL is ours or quoted

from ann.references import KnownField, KnownSource, Reference
from ann.variants_sql import name


def column(source: KnownSource, field: KnownField) -> str:
    """The field's column of variants.parquet."""
    return f"{source.name}_{field.column}"


def _tags(reference: Reference) -> list[tuple[str, str]]:
    """Tags with a value for each allele, and the value's expression; NULL where there is none."""
    tags = [("GAS_HGVSG", "hgvs_g")]
    for source in reference.known:
        for field in source.fields:
            value = name(column(source, field))
            if field.type == "String":
                plain = f"replace({value}, ',', '|')" if field.number == "." else value
                value = f"info_text({plain})"
            if field.type != "Flag":
                tags.append((field.tag, f"CAST({value} AS VARCHAR)"))
    return tags


def _flags(reference: Reference) -> list[tuple[str, str]]:
    return [
        (field.tag, name(column(source, field)))
        for source in reference.known
        for field in source.fields
        if field.type == "Flag"
    ]


LISTS = {"GAS_HGVSC": "info_c", "GAS_HGVSP": "info_p", "GAS_CSQ": "info_csq"}
REGION = "info_text(array_to_string(regions, '|'))"


def info(reference: Reference) -> str:
    """A row for each record: the gains of its INFO, and its ID where it has none of its own."""
    tags, flags = _tags(reference), _flags(reference)
    parts = ["'BCSQ=' || bcsq", *(f"'{tag}=' || {value}" for tag, value in tags[:1])]
    parts += [f"'{tag}=' || {value}" for tag, value in LISTS.items()]
    parts += [f"'GAS_REGION=' || {REGION}"]
    parts += [f"'{tag}=' || {value}" for tag, value in tags[1:]]
    parts += [f"CASE WHEN {value} THEN '{tag}' END" for tag, value in flags]
    return f"""
SELECT CASE WHEN is_multi THEN several_info ELSE concat_ws(';', {", ".join(parts)}) END,
    CASE WHEN id IS NULL THEN CASE WHEN is_multi THEN several_ids ELSE known_id END END
FROM variants WHERE number = 1
"""


def info_of_several(reference: Reference) -> str:
    """Fill in the gains of INFO for records with several alleles, on each one's first row."""
    tags, flags = _tags(reference), _flags(reference)
    parts = ["'BCSQ=' || any_value(bcsq)", *(_of_alleles(*tag) for tag in tags[:1])]
    parts += [f"'{t}=' || string_agg({value}, ',' ORDER BY number)" for t, value in LISTS.items()]
    parts += [_of_alleles("GAS_REGION", REGION), *(_of_alleles(*tag) for tag in tags[1:])]
    parts += [f"CASE WHEN bool_or({value}) THEN '{tag}' END" for tag, value in flags]
    ids = "in_order(list(known_id ORDER BY number) FILTER (known_id IS NOT NULL))"
    return f"""
UPDATE computed SET several_info = m.info, several_ids = m.ids
FROM (
    SELECT min(allele) AS allele, concat_ws(';', {", ".join(parts)}) AS info,
        array_to_string({ids}, ';') AS ids
    FROM variants WHERE is_multi GROUP BY record
) m WHERE computed.allele = m.allele
"""


def _of_alleles(tag: str, value: str) -> str:
    values = f"string_agg(coalesce({value}, '.'), ',' ORDER BY number)"
    return f"CASE WHEN count({value}) > 0 THEN '{tag}=' || {values} END"
