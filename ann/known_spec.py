"""Sources of known variants as the command line and recipes name them."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from ann.known import FieldRecipe, KnownError, SourceRecipe
from ann.known_rows import CHROM, text_of
from ann.references import KnownField

NAME = re.compile(r"[a-z][a-z0-9_]*")
DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
WORDS = ("title", "version", "date", "licence", "citation", "url")
ROLES = ("id", "af", "significance", "disease", "gene", "haplogroup", "filter")
TYPES = ("String", "Integer", "Float", "Flag")
DECLARED = re.compile(r'##INFO=<ID=([^,>]+),Number=([^,>]+),Type=(\w+),Description="([^"]*)"')
META = re.compile(r"##(fileDate|source|dbSNP_BUILD_ID|reference)=(.*)", re.IGNORECASE)
PLACE = ("pos", "ref", "alt", "end", *CHROM)
CLINVAR = (
    ("ID", "variation_id", "Integer", "ClinVar VariationID", None, ""),
    ("CLNSIG", "significance", "String", "ClinVar classification", "significance", "words"),
    ("CLNREVSTAT", "review_status", "String", "ClinVar review status", None, "words"),
    ("CLNREVSTAT", "stars", "Integer", "ClinVar review stars, 0 to 4", None, "stars"),
    ("CLNDN", "conditions", "String", "Conditions in ClinVar, separated by |", "disease", "words"),
    ("RS", "rsid", "String", "dbSNP identifier, as ClinVar has it", None, "rs"),
)
DBSNP = (("ID", "rsid", "String", "dbSNP identifier", "id", ""),)
GNOMAD = (
    ("FILTER", "filter", "String", "gnomAD's verdict; no figures unless PASS", "filter", ""),
    ("AF", "af", "Float", "Allele frequency in gnomAD", "af", ""),
    ("AC", "ac", "Integer", "Alleles counted in gnomAD", None, ""),
    ("AN", "an", "Integer", "Alleles called in gnomAD", None, ""),
    ("nhomalt", "nhomalt", "Integer", "Homozygous people in gnomAD", None, ""),
    ("AF_grpmax", "af_grpmax", "Float", "Highest frequency in an ancestry of gnomAD", None, ""),
    ("AF_popmax", "af_popmax", "Float", "Highest frequency in an ancestry of gnomAD", None, ""),
    ("AF_hom", "af_hom", "Float", "Share of people with the allele homoplasmic", "af", ""),
    ("AF_het", "af_het", "Float", "Share of people with the allele heteroplasmic", None, ""),
    ("AC_hom", "ac_hom", "Integer", "People with the allele homoplasmic", None, ""),
    ("AC_het", "ac_het", "Integer", "People with the allele heteroplasmic", None, ""),
)
SHORT = {"variation_id": "ID", "significance": "SIG", "review_status": "REVIEW"}
SHORT |= {"conditions": "DISEASE"}
"""The ends of the bundled sources' tags that are not the column's name."""
PRESETS = {"clinvar": CLINVAR, "dbsnp": DBSNP, "gnomad": GNOMAD}
TITLES = {"clinvar": "ClinVar", "dbsnp": "dbSNP", "gnomad": "gnomAD"}
LICENCES = {"clinvar": "Public domain (NCBI)", "dbsnp": "Public domain (NCBI)", "gnomad": "CC0 1.0"}
URLS = {
    "clinvar": "https://www.ncbi.nlm.nih.gov/clinvar/",
    "dbsnp": "https://www.ncbi.nlm.nih.gov/snp/",
    "gnomad": "https://gnomad.broadinstitute.org",
}
CITATIONS = {
    "clinvar": "Landrum MJ et al. Nucleic Acids Res 2018;46:D1062-D1067",
    "dbsnp": "Sherry ST et al. Nucleic Acids Res 2001;29:308-311",
    "gnomad": "Chen S et al. Nature 2024;625:92-100",
}


@dataclass(frozen=True)
class KnownSpec:
    """`NAME=SOURCE[,FIELD[:ROLE]|WORD=VALUE]…` taken apart; `source` is a path or a URL.

    A FIELD is a column of a table or an INFO tag, ID or FILTER of a VCF; a WORD is one of WORDS.
    """

    name: str
    source: str
    fields: tuple[tuple[str, str | None], ...]
    words: dict[str, str]


@dataclass(frozen=True)
class Head:
    """The first lines of a source: columns of a table, or declared INFO tags of a VCF."""

    is_vcf: bool
    columns: tuple[str, ...]
    declared: dict[str, tuple[str, str, str]]
    meta: dict[str, str]


def parse(text: str) -> KnownSpec:
    """The specification that a command line holds. Raises KnownError."""
    name, _, rest = text.partition("=")
    if not NAME.fullmatch(name) or not rest:
        raise KnownError(
            f"--known {text}: say NAME=FILE[,FIELD…], NAME in small letters, such as "
            "clinvar=clinvar.vcf.gz"
        )
    source, *items = rest.split(",")
    words = dict(item.split("=", 1) for item in items if "=" in item)
    strange = [word for word in words if word not in WORDS]
    if strange:
        raise KnownError(f"--known {name}: {strange[0]}= is none of {', '.join(WORDS)}")
    fields = []
    for item in items:
        field, _, role = item.partition(":")
        if role and role not in ROLES:
            raise KnownError(f"--known {name}: {role} is none of the roles {', '.join(ROLES)}")
        if "=" not in item:
            fields.append((field, role or None))
    return KnownSpec(name, source, tuple(fields), words)


def recipe_of(spec: KnownSpec, path: Path) -> SourceRecipe:
    """The recipe of the source, from the file's own header and the specification.

    Raises KnownError where a field is not there, or where nothing says how old the data are.
    """
    head = read_head(path)
    date = DATE.search(spec.words.get("date", "") or head.meta.get("filedate", ""))
    if not date:
        raise KnownError(
            f"--known {spec.name}: {path.name} does not say of what date it is; add "
            ",date=YYYY-MM-DD"
        )
    fields = _chosen(spec, head) if spec.fields else _usual(spec.name, head)
    columns = [field.field.column for field in fields]
    if not fields or len(columns) != len(set(columns)):
        raise KnownError(f"--known {spec.name}: {path.name} has no field, or one twice")
    name, day = spec.name, "-".join(date.groups())
    build = head.meta.get("dbsnp_build_id", "")
    version = f"build {build}" if build else day
    words = {
        "title": TITLES.get(name, name),
        "version": version,
        "licence": LICENCES.get(name, "not stated"),
        "citation": CITATIONS.get(name, ""),
        "url": URLS.get(name, "") or (spec.source if "://" in spec.source else ""),
    }
    return SourceRecipe(name, fields=tuple(fields), **words | spec.words | {"date": day})


def read_head(path: Path) -> Head:
    """The header of a VCF, or the header line of a table."""
    declared, meta = {}, {}
    with text_of(path) as lines:
        first = lines.readline()
        if not first.startswith("##fileformat=VCF"):
            columns = first.lstrip("#").rstrip("\r\n").split("\t")
            return Head(is_vcf=False, columns=tuple(columns), declared={}, meta={})
        for line in itertools.takewhile(lambda text: text.startswith("##"), lines):
            tag, said = DECLARED.match(line), META.match(line)
            if tag:
                declared[tag[1]] = (tag[2], tag[3], tag[4])
            if said:
                meta[said[1].lower()] = said[2].strip()
    return Head(is_vcf=True, columns=("ID", "FILTER", *declared), declared=declared, meta=meta)


def _usual(name: str, head: Head) -> list[FieldRecipe]:
    """The fields of ClinVar, dbSNP or gnomAD that the file has; of another source its own."""
    preset = PRESETS.get(name)
    if preset and head.is_vcf:
        return [
            FieldRecipe(reads, KnownField(column, _tag(name, column), kind, "1", label, role), how)
            for reads, column, kind, label, role, how in preset
            if reads in head.columns
        ]
    if head.is_vcf:
        wanted = ["ID", *(tag for tag in ("AF",) if tag in head.declared)]
    else:
        wanted = [column for column in head.columns if column.lower() not in PLACE]
    roles = {"id": "id", "rsid": "id", "af": "af"}
    return [field_of(name, head, reads, roles.get(reads.lower())) for reads in wanted]


def _chosen(spec: KnownSpec, head: Head) -> list[FieldRecipe]:
    known = {column.lower() for column in head.columns}
    missing = [reads for reads, _ in spec.fields if reads.lower() not in known]
    if missing:
        raise KnownError(
            f"--known {spec.name}: the file has no field {', '.join(missing)}; it has "
            f"{', '.join(head.columns[:20])}"
        )
    return [field_of(spec.name, head, reads, role) for reads, role in spec.fields]


def field_of(name: str, head: Head, reads: str, role: str | None = None) -> FieldRecipe:
    """The field of the source `name` that a column or an INFO tag becomes."""
    number, kind, label = head.declared.get(reads, ("1", "", ""))
    if kind in ("Integer", "Float") and number not in ("1", "A", "R"):
        kind = "String"  # several numbers
    if not kind:
        kind = "Float" if role == "af" else "String"
    kind = kind if kind in TYPES else "String"
    column = re.sub(r"\W+", "_", reads).lower().strip("_")
    column = f"{column}_" if column in ("chrom", "pos", "ref", "alt") else column or "value"
    number = {"A": "1", "R": "1", "G": "."}.get(number, number)
    number = "0" if kind == "Flag" else "1" if kind != "String" or number == "1" else "."
    words = label or f"{reads} in {name}"
    return FieldRecipe(reads, KnownField(column, _tag(name, column), kind, number, words, role))


def _tag(name: str, column: str) -> str:
    if (name, column) == ("dbsnp", "rsid"):
        return "GAS_DBSNP"
    return f"GAS_{name}_{SHORT.get(column, column)}".upper().rstrip("_")
