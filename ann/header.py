"""Makes the result's header: the user's own lines, and those that say what GAS added and how."""

import re
from pathlib import Path
from typing import Any

from pysam.version import __bcftools_version__, __htslib_version__, __version__

from ann.csq import HAPLOTYPE
from ann.pre_pass import Prepared
from ann.references import Reference
from ann.tags import declares_ours

OLD_DECLARATION = re.compile(rb"##(INFO|FORMAT|FILTER)=[^<]")
CONTIG_NAME = re.compile(rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""What a ##contig line may declare (VCF 4.3, 1.4.7)."""
INDEX = re.compile(rb"[<,]IDX=(\d{1,9})[,>]")
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
VERSION = re.compile(r'^version = "([^"]+)"', re.MULTILINE)
CONSEQUENCES = (
    b'##INFO=<ID=BCSQ,Number=.,Type=String,Description="%s consequence annotation from '
    b"BCFtools/csq, see http://samtools.github.io/bcftools/howtos/csq-calling.html for details. "
    b'Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change">'
)
OURS = (
    ("GAS_HGVSG", "A", "The change of the sequence, as HGVS writes it"),
    ("GAS_HGVSC", ".", "The change in each coding transcript, as HGVS writes it"),
    ("GAS_HGVSP", ".", "The predicted change of each protein, as HGVS writes it"),
    (
        "GAS_CSQ",
        ".",
        "Where BCSQ was corrected or added to: Consequence|gene|transcript|biotype",
    ),
    ("GAS_REGION", "A", "The named parts outside the genes, joined by |"),
)
"""Our INFO tags beside BCSQ and those of the known variants; `ann.gains` fills them."""


def tools() -> dict[str, str]:
    """The versions that made the result."""
    return {
        "GAS": _version(),
        "bcftools": __bcftools_version__,
        "htslib": __htslib_version__,
        "pysam": __version__,
    }


def _version() -> str:
    found = VERSION.search(PYPROJECT.read_text(encoding="utf-8"))
    return found[1] if found else "unknown"


def result_header(prepared: Prepared) -> bytes:
    """The whole header, ending in the column line."""
    header = prepared.header
    kept = [line for line in header.lines[1:] if not declares_ours(line)]
    first = header.lines[0]
    if header.version == "3.3":
        first = b"##fileformat=VCFv4.2"
        kept = [line for line in kept if not OLD_DECLARATION.match(line)]
    word = b"Haplotype-aware" if prepared.mode == HAPLOTYPE else b"Local"
    ours = [*prepared.tags.lines(), CONSEQUENCES % word, *declarations(prepared.reference)]
    contigs = _numbered(_contigs(prepared), [k for k in kept if k.startswith(b"##contig=")])
    tags = _numbered(ours, [k for k in kept if not k.startswith(b"##contig=")])
    lines = [first, *kept, *contigs, *tags, *provenance(prepared), header.columns, b""]
    return b"\n".join(lines)


def declarations(reference: Reference) -> list[bytes]:
    """The INFO tags that the annotation adds beside BCSQ; what a source says bears its date."""
    found = [(tag, number, "String", words) for tag, number, words in OURS]
    for source in reference.known:
        title = f"{source.title} {source.version}, {source.date}"
        found += [
            (f.tag, "0" if f.type == "Flag" else "A", f.type, f"{f.label} ({title})")
            for f in source.fields
        ]
    return [
        f'##INFO=<ID={tag},Number={number},Type={type_},Description="{_escaped(words)}">'.encode()
        for tag, number, type_, words in found
    ]


def _contigs(prepared: Prepared) -> list[bytes]:
    """The file's contigs that its header does not declare."""
    declared = {name.encode() for name in prepared.header.contigs}
    lines = []
    for name, contig in prepared.contigs.items():
        if name in declared or not CONTIG_NAME.fullmatch(name):
            continue
        length = b",length=%d" % contig.length if contig else b""
        lines.append(b"##contig=<ID=%s%s>" % (name, length))
    return lines


def _numbered(lines: list[bytes], kept: list[bytes]) -> list[bytes]:
    """Our lines, with numbers of their own where the header numbers its tags (IDX, as in BCF).

    The lines that it leaves without get the next free numbers from htslib.
    """
    numbers = [int(n) for line in kept for n in INDEX.findall(line)]
    if not numbers:
        return lines
    unnumbered = sum(not INDEX.search(line) and b"=<" in line for line in kept)
    first = max(numbers) + 1 + unnumbered
    return [line[:-1] + b",IDX=%d>" % n for n, line in enumerate(lines, first)]


def provenance(prepared: Prepared) -> list[bytes]:
    """The lines that name what made the result, and from what."""
    reference = prepared.reference
    lines = [f"##GAS_version={tools()['GAS']}"]
    lines += [_line("tool", name, Version=v) for name, v in tools().items() if name != "GAS"]
    lines.append(_reference(reference))
    lines += [
        _line(
            "contig",
            contig.name,
            Accession=contig.accession,
            MD5=contig.md5,
            GeneticCode=contig.genetic_code,
        )
        for contig in dict.fromkeys(prepared.contigs.values())
        if contig
    ]
    lines += [
        _line("known", s.name, Title=s.title, Version=s.version, Date=s.date, Licence=s.licence)
        for s in reference.known
    ]
    codes = ",".join(map(str, prepared.codes))
    lines.append(_line("options", "csq", Mode=prepared.mode, GeneticCodes=codes))
    return [line.encode() for line in lines]


def _reference(reference: Reference) -> str:
    return _line(
        "reference",
        reference.name,
        Title=reference.title,
        Assembly=reference.assembly,
        Version=reference.version,
    )


def _line(kind: str, name: str, **values: Any) -> str:
    given = {key: str(value) for key, value in values.items() if value not in ("", None)}
    quoted = "".join(f',{key}="{_escaped(value)}"' for key, value in given.items())
    return f"##GAS_{kind}=<ID={name}{quoted}>"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
