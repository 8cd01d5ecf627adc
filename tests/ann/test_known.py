"""Known variants: the bundled sources row by row, and sources as their makers publish them."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ann.bundled import rebuild
from ann.known import KnownError, SourceRecipe, build, source_recipe
from ann.known_rows import RowError
from ann.manifest import faults
from ann.normalise import normalise
from ann.references import Reference

Row = dict[str, Any]
TABLES = ("dbsnp", "clinvar", "gnomad", "phylotree")
PRIVATE = (263, 750, 1438, 4769, 8860, 15326)
"""Places where rCRS has an allele of its own, which nearly everyone lacks."""
DISEASE = {
    (1555, "A", "G"): ("rs267606617", "drug response"),
    (3243, "A", "G"): ("rs199474657", "Pathogenic"),
    (3460, "G", "A"): ("rs199476118", "Pathogenic"),
    (8344, "A", "G"): ("rs118192098", "Pathogenic"),
    (8993, "T", "G"): ("rs199476133", "Pathogenic"),
    (8993, "T", "C"): ("rs199476133", "Pathogenic"),
    (11778, "G", "A"): ("rs199476112", "Pathogenic"),
    (13513, "G", "A"): ("rs267606897", "Pathogenic"),
    (14459, "G", "A"): ("rs199476105", "Pathogenic"),
    (14484, "T", "C"): ("rs199476104", "Pathogenic"),
}


def rows(path: Path) -> list[Row]:
    """Every row of a Parquet file."""
    with duckdb.connect() as db:
        cursor = db.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def known(reference: Reference, name: str) -> list[Row]:
    source = next(source for source in reference.known if source.name == name)
    return rows(reference.path(source.file))


def table(reference: Reference, name: str) -> list[dict[str, str]]:
    """The committed table that a source is made of."""
    recipe = json.loads(reference.path("recipe.json").read_text(encoding="utf-8"))
    file = next(source["from"] for source in recipe["known"] if source["name"] == name)
    with gzip.open(reference.path(file), "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("name", TABLES)
def test_no_row_has_an_allele_that_its_source_does_not_list(
    rcrs: Reference, sequence: str, name: str
) -> None:
    found = [(row["pos"], row["ref"], row["alt"]) for row in known(rcrs, name)]
    listed = [(int(r["pos"]), r["ref"], r["alt"]) for r in table(rcrs, name)]
    assert found == sorted(normalise(sequence, *allele) for allele in listed)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", TABLES)
def test_ref_is_the_reference_at_every_row(rcrs: Reference, sequence: str, name: str) -> None:
    for row in known(rcrs, name):
        assert row["chrom"] == "MT"
        assert sequence[row["pos"] - 1 :].startswith(row["ref"]), row
        assert normalise(sequence, row["pos"], row["ref"], row["alt"])[0] == row["pos"]


@pytest.mark.parametrize("allele", DISEASE)
def test_the_best_known_disease_variants_are_known(
    rcrs: Reference, allele: tuple[int, str, str]
) -> None:
    by_place = {
        name: {(r["pos"], r["ref"], r["alt"]): r for r in known(rcrs, name)} for name in TABLES
    }
    rsid, significance = DISEASE[allele]
    assert by_place["dbsnp"][allele]["rsid"] == rsid
    clinvar = by_place["clinvar"][allele]
    assert clinvar["significance"].lower().startswith(significance.lower())
    assert clinvar["conditions"]
    assert clinvar["variation_id"]
    assert clinvar["stars"] >= 1


def test_the_references_own_alleles_are_those_that_nearly_everyone_lacks(rcrs: Reference) -> None:
    common = [r for r in known(rcrs, "gnomad") if (r["af_hom"] or 0) > 0.9]
    assert [(r["pos"], r["ref"], r["alt"]) for r in common] == [(p, "A", "G") for p in PRIVATE]


def test_figures_of_sites_that_gnomad_distrusts_are_left_out(rcrs: Reference) -> None:
    distrusted = [r for r in known(rcrs, "gnomad") if r["filter"] != "PASS"]
    assert len(distrusted) == 236
    assert all(r["af_hom"] is None and r["an"] is None for r in distrusted)


def test_each_source_names_its_licence_date_and_fields(rcrs: Reference) -> None:
    tags = [field.tag for source in rcrs.known for field in source.fields]
    assert len(tags) == len(set(tags))
    for source in rcrs.known:
        assert all((source.title, source.version, source.date, source.licence, source.citation))
        columns = {*known(rcrs, source.name)[0]}
        assert columns == {"chrom", "pos", "ref", "alt", *(f.column for f in source.fields)}
    roles = {field.role for source in rcrs.known for field in source.fields}
    assert roles >= {"id", "af", "significance", "disease", "haplogroup", "filter"}


def test_the_shipped_tables_are_what_the_sources_make(rcrs: Reference, tmp_path: Path) -> None:
    description = rebuild(rcrs.folder, tmp_path)
    # Another version of DuckDB may write other bytes; what is shipped must be what is stated.
    assert description | {"files": {}} == rcrs.describe() | {"files": {}}
    assert not faults(rcrs)
    for source in rcrs.known:
        assert rows(tmp_path / source.file) == known(rcrs, source.name)
    assert rows(tmp_path / rcrs.genes) == rows(rcrs.path(rcrs.genes))


def recipe(*fields: dict[str, Any]) -> SourceRecipe:
    words = dict.fromkeys(("title", "version", "date", "licence", "citation", "url"), "made")
    return source_recipe({"name": "made", **words, "fields": fields})


def a_field(reads: str, kind: str = "String", **more: Any) -> dict[str, Any]:
    words = {"reads": reads, "column": reads.lower(), "tag": f"GAS_{reads}", "type": kind}
    return words | {"number": "1", "label": reads} | more


def made(rcrs: Reference, tmp_path: Path, text: str, *fields: dict[str, Any]) -> list[Row]:
    (tmp_path / "source").write_text(text)
    contigs, fasta = list(rcrs.contigs), rcrs.path(rcrs.fasta)
    build(recipe(*fields), tmp_path / "source", contigs, fasta, tmp_path / "out.parquet")
    return rows(tmp_path / "out.parquet")


VCF = """##fileformat=VCFv4.1
##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">
##INFO=<ID=AD,Number=R,Type=Integer,Description="counts">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""


def test_clinvars_vcf_is_read_as_it_is_published(rcrs: Reference, tmp_path: Path) -> None:
    info = (
        "CLNDN=Mitochondrial_disease|MELAS%2C_mild;CLNREVSTAT=criteria_provided,"
        "_multiple_submitters,_no_conflicts;CLNSIG=Pathogenic/Likely_pathogenic;RS=199474657"
    )
    text = VCF + f"MT\t3243\t9589\tA\tG\t.\t.\t{info}\n"
    fields = (
        a_field("ID", "Integer"),
        a_field("CLNSIG", convert="words"),
        a_field("CLNREVSTAT", convert="stars", type="Integer"),
        a_field("CLNDN", convert="words"),
        a_field("RS", convert="rs"),
        a_field("ABSENT"),
    )
    (row,) = made(rcrs, tmp_path, text, *fields)
    assert row["id"] == 9589
    assert row["clnsig"] == "Pathogenic/Likely pathogenic"
    assert row["clnrevstat"] == 2
    assert row["clndn"] == "Mitochondrial disease|MELAS, mild"
    assert row["rs"] == "rs199474657"
    assert row["absent"] is None


def test_each_allele_of_a_record_gets_its_own_part(rcrs: Reference, tmp_path: Path) -> None:
    text = VCF + "chrM\t72\t.\tTA\tTG,TC,T\t.\tPASS\tAF=0.1,0.2,.;AD=9,8,7,6\n"
    found = made(rcrs, tmp_path, text, a_field("AF", "Float"), a_field("AD", "Integer"))
    assert [(r["pos"], r["ref"], r["alt"], r["af"], r["ad"]) for r in found] == [
        (72, "TA", "T", None, 6),
        (73, "A", "C", 0.2, 7),
        (73, "A", "G", 0.1, 8),
    ]


def test_rows_come_sorted_and_once_whatever_the_sources_order(
    rcrs: Reference, tmp_path: Path
) -> None:
    text = VCF + "M\t146\tb\tT\tC\t.\t.\t.\nM\t73\ta\tA\tG\t.\t.\t.\nM\t73\tz\tA\tG\t.\t.\t.\n"
    found = made(rcrs, tmp_path, text, a_field("ID"))
    assert [(r["pos"], r["id"]) for r in found] == [(73, "a"), (146, "b")]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("1\t73\t.\tA\tG", "1 on other contigs"),
        ("MT\t73\t.\tT\tG", "1 with another REF"),
        ("MT\t99999\t.\tT\tG", "1 with another REF"),
        ("MT\t73\t.\tA\t<DEL>", "1 of no plain bases"),
    ],
)
def test_a_source_of_which_nothing_fits_is_refused(
    rcrs: Reference, tmp_path: Path, record: str, words: str
) -> None:
    with pytest.raises(KnownError, match=words):
        made(rcrs, tmp_path, VCF + record + "\t.\t.\t.\n", a_field("ID"))


def test_a_source_of_another_assembly_is_refused(rcrs: Reference, tmp_path: Path) -> None:
    records = "".join(f"MT\t{pos}\t.\tG\tA\t.\t.\t.\n" for pos in range(1, 60))
    with pytest.raises(KnownError, match="another assembly"):
        made(rcrs, tmp_path, VCF + records, a_field("ID"))


def test_a_table_names_its_columns(rcrs: Reference, tmp_path: Path) -> None:
    (row,) = made(
        rcrs, tmp_path, "#CHROM\tPOS\tREF\tALT\tNote\nMT\t73\ta\tg\tmy own\n", a_field("note")
    )
    assert (row["ref"], row["alt"], row["note"]) == ("A", "G", "my own")
    with pytest.raises(RowError, match="names no column note"):
        made(rcrs, tmp_path, "pos\tref\talt\n73\tA\tG\n", a_field("note"))
