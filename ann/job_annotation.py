"""A user's own BED or VCF, given with a job, as one more source beside the reference's."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ann.bed import intervals
from ann.known import SQL_TYPES, AlleleTally, FieldRecipe, SourceRecipe, build_of
from ann.known_rows import KnownRow, alleles_of
from ann.known_spec import Head, field_of, read_head
from ann.pre_pass import Prepared
from ann.reader import Reader, readable, unpacked
from ann.records import Bounds, VCFError, printable
from ann.references import JobSource, KnownField, Reference
from ann.row_table import RowTable
from ann.task import Annotation
from vcf.file_type import TEXT_BYTES, is_vcf, refusal_of_annotation
from vcf.tag import fault_in_tag

FROM = "given with the job"
OWN = "own"
"""The source's name: its columns in variants.parquet begin with it."""
NO_NAME = "1"
"""The tag's value where the file has no name or ID to tell."""
MOST_FIELDS = 20
INFO_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
LABEL_CHARACTERS = 200
QUICK = 3
BED_COLUMNS = {"rank": "INTEGER", "chrom": "VARCHAR", "start": "BIGINT", "stop": "BIGINT"}


def add_annotation(
    prepared: Prepared, annotation: Annotation, bounds: Bounds, folder: Path
) -> None:
    """Add the annotation to the sources of the job's reference, its table in `folder`.

    Raises VCFError, which names the annotation.
    """
    name = printable(annotation.name)
    try:
        if fault := fault_in_tag(annotation.tag):
            raise VCFError(fault)
        out = folder / "annotation.parquet"
        make = _alleles if _holds_vcf(annotation.path) else _intervals
        source, tally = make(annotation, prepared.reference, bounds, out)
        _demand_free([field.tag for field in source.fields], prepared)
        _demand_fit(tally, prepared.reference)
    except VCFError as fault:
        raise VCFError(f"Your annotation {name}: {fault}") from None
    reference = prepared.reference
    prepared.reference = replace(reference, known=(*reference.known, source))
    prepared.notes.append(f"annotation {name}, as {annotation.tag}: {tally}")


def _demand_free(tags: list[str], prepared: Prepared) -> None:
    """Raise VCFError for a tag that the records have already."""
    taken = {name.decode("latin-1") for kind, name in prepared.tags.declared if kind == b"INFO"}
    clash = next((tag for tag in tags if tag in taken), None)
    if clash:
        raise VCFError(
            f"The VCF has an INFO tag {clash} of its own. Please choose another tag than {tags[0]}."
        )


def _holds_vcf(path: Path) -> bool:
    """True for a VCF, False for what may be a BED. Raises VCFError for a file of another kind."""
    with path.open("rb") as file, unpacked(file) as stream, readable():
        start = stream.read(TEXT_BYTES)
    if refusal := refusal_of_annotation(start):
        raise VCFError(refusal)
    return is_vcf(start)


def _demand_fit(tally: AlleleTally, reference: Reference) -> None:
    if not tally.kept and not tally.left_out:
        raise VCFError(f"it holds no {tally.what}.")
    if not tally.kept:
        raise VCFError(f"none of it lies on {reference.title}: {tally}. Is it another assembly's?")
    if tally.is_another_assembly:
        raise VCFError(f"it looks like another assembly's than {reference.title}: {tally}.")


def _recipe(annotation: Annotation) -> SourceRecipe:
    """The words of the source; its first field is the tag itself."""
    name, day = printable(annotation.name), time.strftime("%Y-%m-%d", time.gmtime())
    return SourceRecipe(OWN, name, FROM, day, "", "", "", ())


def _source(
    recipe: SourceRecipe, fields: tuple[KnownField, ...], out: Path, has_intervals: bool
) -> JobSource:
    return JobSource(**recipe.words, file=str(out), fields=fields, has_intervals=has_intervals)


def _intervals(
    annotation: Annotation, reference: Reference, bounds: Bounds, out: Path
) -> tuple[JobSource, AlleleTally]:
    """The source of a BED: the names of the intervals that hold a record, and their best score."""
    tag, column = annotation.tag, annotation.tag.lower()
    tally = AlleleTally(what="intervals")
    words = "Intervals that the record touches, 1 for one without a name"
    score = "Highest score of these intervals"
    fields = (
        KnownField(column, tag, "String", "1", words),
        KnownField(f"{column}_score", f"{tag}_SCORE", "Float", "1", score),
    )
    ranks = {contig.name: rank for rank, contig in enumerate(reference.contigs)}
    has_scores = False
    kinds = {field.column: SQL_TYPES[field.type] for field in fields}
    with RowTable(BED_COLUMNS | kinds, out, QUICK) as table:
        for interval in intervals(annotation.path, bounds):
            contig = reference.names.get(interval.chrom)
            if contig is None:
                tally.left_out["on other contigs"] += 1
                continue
            has_scores = has_scores or bool(interval.score)
            place = (ranks[contig.name], contig.name, interval.start, interval.stop)
            table.add((*place, interval.name or NO_NAME, interval.score))
        tally.kept = table.write("SELECT * EXCLUDE (rank) FROM rows ORDER BY rank, start, stop")
    return _source(_recipe(annotation), fields[: 1 + has_scores], out, True), tally


def _alleles(
    annotation: Annotation, reference: Reference, bounds: Bounds, out: Path
) -> tuple[JobSource, AlleleTally]:
    """The source of a VCF: whether an allele is in it, and what its INFO says of it."""
    with Reader(annotation.path, bounds) as reader:
        head = read_head(annotation.path)
        fields = _fields(annotation.tag, head)
        recipe = replace(_recipe(annotation), fields=fields)
        rows = _rows(reader, recipe, {tag: number for tag, (number, *_) in head.declared.items()})
        fasta = reference.path(reference.fasta)
        tally = build_of(recipe, rows, list(reference.contigs), fasta, out, QUICK)
    return _source(recipe, tuple(f.field for f in fields), out, False), tally


def _fields(tag: str, head: Head) -> tuple[FieldRecipe, ...]:
    """The tag itself, which tells the ID, and some of the INFO tags that the header declares."""
    label = "ID in the annotation, 1 for one without an ID"
    fields = [FieldRecipe("ID", KnownField(tag.lower(), tag, "String", "1", label))]
    columns = {tag.lower()}
    for reads in filter(INFO_TAG.fullmatch, head.declared):
        found = field_of("", head, reads)
        label = printable(found.field.label)[:LABEL_CHARACTERS]
        column = f"{tag.lower()}_{found.field.column}"
        if column not in columns and len(columns) <= MOST_FIELDS:
            columns.add(column)
            words = replace(found.field, tag=f"{tag}_{reads}", column=column, label=label)
            fields.append(replace(found, field=words))
    return tuple(fields)


def _rows(reader: Reader, recipe: SourceRecipe, numbers: dict[str, str]) -> Iterator[KnownRow]:
    """The alleles of the file, each of its lines checked."""
    wanted = recipe.wanted
    for block in reader.blocks():
        for number, line in enumerate(block.table.text.split(b"\n")[:-1], block.number):
            reader.check(line, number)
            for row in alleles_of(line.decode("utf-8", "replace"), wanted, numbers):
                yield row._replace(values=(row.values[0] or NO_NAME, *row.values[1:]))
