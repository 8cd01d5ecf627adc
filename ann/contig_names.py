"""The other names of a contig, and the files that list such names."""

from pathlib import Path

from ann.known_rows import text_of

MITOCHONDRIAL = ("MT", "chrM", "M", "chrMT", "Mito")
"""The usual names; Ensembl's for yeast is Mito."""
MITOCHONDRIAL_TOO = {"mito", "chrmito", "mitochondrion", "mtdna", "mitochondria"}
REPORT_NAMES = ("Sequence-Name", "RefSeq-Accn", "GenBank-Accn", "UCSC-style-name")
"""The columns of NCBI's assembly reports that name a sequence; HGVS goes by the first accession."""


class NamesError(ValueError):
    """A list of contig names cannot be read; the reason in one line."""


def is_mitochondrial(name: str) -> bool:
    """Tell if a contig goes by one of the mitochondrion's usual names."""
    return name in MITOCHONDRIAL or name.lower() in MITOCHONDRIAL_TOO


def usual_aliases(name: str) -> list[str]:
    """The names under which files have this contig: with and without chr, M and MT."""
    if is_mitochondrial(name):
        also = [] if name.startswith("chr") else [f"chr{name}"]
        return [alias for alias in dict.fromkeys([*MITOCHONDRIAL, *also]) if alias != name]
    if name.startswith("chr"):
        return [name[3:]] if len(name) > 3 else []
    return [f"chr{name}"]


def read_aliases(path: Path) -> dict[str, list[str]]:
    """Every name in a list, with all names of the same sequence.

    The list is NCBI's assembly report, or lines of names separated by tabs (UCSC's chromAlias.txt
    is such a one). Raises NamesError.
    """
    columns: list[str] = []
    found: dict[str, list[str]] = {}
    with text_of(path) as lines:
        for line in lines:
            cells = line.rstrip("\r\n").lstrip("# ").split("\t")
            if REPORT_NAMES[0] in cells:
                columns = cells
            elif not line.startswith("#"):
                names = _names(cells, columns)
                for name in names:
                    found.setdefault(name, []).extend(n for n in names if n != name)
    if not any(found.values()):
        raise NamesError(f"{path.name} lists no names: an assembly report, or names and tabs")
    return found


def _names(cells: list[str], columns: list[str]) -> list[str]:
    """The sequence's names in one line; a report's "assembled-molecule" has its molecule's too."""
    if columns:
        row = dict(zip(columns, cells, strict=False))
        cells = [row.get(column, "") for column in REPORT_NAMES]
        if row.get("Sequence-Role") == "assembled-molecule":
            cells.append(row.get("Assigned-Molecule", ""))
    return list(dict.fromkeys(c.strip() for c in cells if c.strip() not in ("", "na")))


def distinct(wanted: dict[str, list[str]]) -> dict[str, list[str]]:
    """The aliases of each contig, less those that are another's name, or that two would have."""
    owners: dict[str, set[str]] = {}
    for name, aliases in wanted.items():
        for alias in aliases:
            owners.setdefault(alias, set()).add(name)
    return {
        name: [
            alias
            for alias in dict.fromkeys(aliases)
            if alias not in wanted and owners[alias] == {name}
        ]
        for name, aliases in wanted.items()
    }
