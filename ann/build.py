"""The steps that make a reference's files: sequence, genes, a trial, known variants."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ann.contig_names import distinct, is_mitochondrial, read_aliases, usual_aliases
from ann.fetch import Fetcher
from ann.genes import GeneModel, write_gff3, write_parquet
from ann.gff import Models, on_contigs, read
from ann.known import AlleleTally, build, description
from ann.known_spec import KnownSpec, recipe_of
from ann.reading_frames import demand_open
from ann.references import Contig
from ann.sequences import Sequence, take_in
from ann.smoke import annotate_some
from aws.storage.reference_folder import DESCRIPTION, manifest

GENES = "genes.parquet"
LEAST_GENES, LEAST_BASES = 0.5, 0.8
"""With a smaller share of the genes, or of the bases on sequences with genes, files do not fit."""
SHOWN = 6


class BuildError(ValueError):
    """A reference cannot be built; the reason in one line."""


@dataclass(frozen=True)
class Wanted:
    """An order for a reference; sources are paths or URLs.

    `contig_codes` are the genetic codes of contigs that have another than `genetic_code`;
    `contig_names` is a list of other names (`ann.contig_names`).
    """

    name: str
    fasta: str
    genes: str
    known: tuple[KnownSpec, ...] = ()
    genetic_code: int = 1
    contig_codes: dict[str, int] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    contig_names: str = ""
    title: str = ""
    assembly: str = ""
    licence: str = ""
    aliases: tuple[str, ...] = ()
    not_these: dict[str, str] = field(default_factory=dict)
    allow_few_genes: bool = False


class Build:
    """One reference in the making, in a folder of its own; `say` hears of each step's result."""

    def __init__(self, wanted: Wanted, folder: Path, fetcher: Fetcher) -> None:
        self.wanted, self.folder, self.fetcher = wanted, folder, fetcher
        self.fasta = folder / f"{wanted.name}.fa"
        self.gff3 = folder / f"{wanted.name}.gff3.gz"

    def run(self) -> None:
        """Make every file, reference.json last. Raises BuildError, and what the steps raise."""
        sequences = take_in(self.fetcher.get(self.wanted.fasta), self.fasta)
        self._demand_contigs({sequence.name for sequence in sequences})
        models = read(self.fetcher.get(self.wanted.genes))
        contigs = self._contigs(sequences, models)
        counts = self._genes(models, contigs)
        known = [self._known(spec, contigs) for spec in self.wanted.known]
        stated = self._description(contigs) | {"gene_counts": counts, "known": known}
        stated["files"] = manifest(self.folder)
        words = json.dumps(stated, indent=1, ensure_ascii=False) + "\n"
        (self.folder / DESCRIPTION).write_text(words, encoding="utf-8")

    def _demand_contigs(self, names: set[str]) -> None:
        """Raise BuildError where an option names a contig that the FASTA has not."""
        for option, wanted in (
            ("--leave-out", self.wanted.leave_out),
            ("--contig-code", self.wanted.contig_codes),
        ):
            strange = [name for name in wanted if name not in names]
            if strange:
                has = ", ".join(sorted(names)[:SHOWN]) + (", …" if len(names) > SHOWN else "")
                raise BuildError(
                    f"{option} {strange[0]}: the FASTA has no such sequence, but {has}"
                )
        if names <= set(self.wanted.leave_out):
            raise BuildError("--leave-out leaves no sequence")

    def _contigs(self, sequences: list[Sequence], models: Models) -> list[Contig]:
        """The sequences that are kept, with their other names and genetic codes."""
        listed = {}
        if self.wanted.contig_names:
            listed = read_aliases(self.fetcher.get(self.wanted.contig_names))
        groups = _groups(listed, models.aliases)
        wanted = {s.name: _aliases(s.name, groups) for s in sequences}
        aliases = distinct(wanted)
        contigs = []
        for sequence in sequences:
            if sequence.name not in self.wanted.leave_out:
                names = (sequence.name, *aliases[sequence.name])
                in_genes = next((models.codes[n] for n in names if n in models.codes), 0)
                code = self._code(sequence.name, in_genes)
                contigs.append(Contig(*sequence, tuple(names[1:]), code))
        return contigs

    def _code(self, name: str, in_genes: int) -> int:
        """The contig's genetic code: the operator's, the gene file's, or that of all."""
        stated = self.wanted.contig_codes.get(name, 0)
        code = stated or in_genes or self.wanted.genetic_code
        if code == 1 and not (stated or in_genes) and is_mitochondrial(name):
            raise BuildError(
                f"{name} looks like a mitochondrion: say its genetic code, --contig-code {name}=2 "
                "(vertebrates), 3 (yeasts), 4 (moulds, protozoa), 5 (invertebrates) or 1 (plants), "
                f"or --leave-out {name}"
            )
        return code

    def _genes(self, models: Models, contigs: list[Contig]) -> dict[str, int]:
        """Write the genes for csq and for the table, and have csq try them; how many there are."""
        left_out = {
            alias for name in self.wanted.leave_out for alias in (name, *usual_aliases(name))
        }
        total = [gene for gene in models.genes if gene.contig not in left_out]
        seen = list(dict.fromkeys(gene.contig for gene in total))
        names = {alias: c.name for c in contigs for alias in (c.name, *c.aliases)}
        genes = [gene for gene in on_contigs(total, names) if gene.usable()]
        counts = {
            "genes": len(total),
            "usable": len(genes),
            "coding": sum(gene.is_coding() for gene in genes),
        }
        self._demand_fit(counts, seen, genes, contigs)
        order = {contig.name: number for number, contig in enumerate(contigs)}
        genes.sort(key=lambda gene: (order[gene.contig], gene.start, gene.end))
        write_gff3(genes, contigs, self.gff3)
        demand_open(self.fasta, genes, contigs)
        annotate_some(self.fasta, self.gff3, genes, contigs)
        write_parquet(genes, contigs, self.folder / GENES)
        return counts

    def _demand_fit(
        self, counts: dict[str, int], seen: list[str], genes: list[GeneModel], contigs: list[Contig]
    ) -> None:
        """Say how many genes can be used. Raises BuildError where they are too few."""
        with_genes = {gene.contig for gene in genes}
        bases = sum(c.length for c in contigs if c.name in with_genes)
        share = bases / sum(c.length for c in contigs)
        words = (
            f"{counts['usable']:,} of {counts['genes']:,} genes can be used, {counts['coding']:,} "
            f"of them coding, on {len(with_genes)} of {len(contigs)} sequences ({share:.0%} of the "
            "bases)"
        )
        where = f"; genes are on {_some(seen)}; sequences are {_some([c.name for c in contigs])}"
        if not counts["genes"]:
            raise BuildError(f"{_file(self.wanted.genes)} has no genes that can be read")
        if not genes:
            raise BuildError(words + where)
        is_little = counts["usable"] < counts["genes"] * LEAST_GENES or share < LEAST_BASES
        if is_little and not self.wanted.allow_few_genes:
            raise BuildError(
                f"{words}{where}. Is the file cut off, or another assembly's? "
                "--allow-few-genes adds it all the same"
            )
        self.fetcher.say(words)

    def _known(self, spec: KnownSpec, contigs: list[Contig]) -> dict[str, Any]:
        path = self.fetcher.get(spec.source)
        recipe = recipe_of(spec, path)
        file = f"known/{spec.name}.parquet"
        (self.folder / "known").mkdir(exist_ok=True)
        self.fetcher.say(f"{spec.name}: reading {path.name}")
        tally: AlleleTally = build(recipe, path, contigs, self.fasta, self.folder / file)
        self.fetcher.say(f"{spec.name}: {tally}")
        return description(recipe.source(file))

    def _description(self, contigs: list[Contig]) -> dict[str, Any]:
        wanted = self.wanted
        source = [f"Sequence: {_public(wanted.fasta)}", f"Genes: {_public(wanted.genes)}"]
        source += [f"Known variants: {spec.name}: {_public(spec.source)}" for spec in wanted.known]
        return {
            "name": wanted.name,
            "title": wanted.title or wanted.name,
            "assembly": wanted.assembly or wanted.name,
            "aliases": list(wanted.aliases),
            "contigs": [asdict(c) | {"aliases": list(c.aliases)} for c in contigs],
            "fasta": self.fasta.name,
            "gff3": self.gff3.name,
            "genes": GENES,
            "not_these": wanted.not_these,
            "source": source,
            "version": wanted.assembly or wanted.name,
            "licence": wanted.licence,
        }


def _aliases(name: str, groups: dict[str, list[str]]) -> list[str]:
    """Every other name of a contig: the usual ones, and those of groups that have one of them."""
    names = [name, *usual_aliases(name)]
    names += [other for known in names for other in groups.get(known, ())]
    return [a for n in dict.fromkeys(names) for a in (n, *usual_aliases(n)) if a != name]


def _groups(*lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """For each name that lists have, and each usual variant of it, all names of its contig."""
    groups: dict[str, list[str]] = {}
    for names in ([key, *others] for aliases in lists for key, others in aliases.items()):
        for name in dict.fromkeys(n for one in names for n in (one, *usual_aliases(one))):
            groups.setdefault(name, []).extend(names)
    return groups


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def _file(source: str) -> str:
    return Path(urlsplit(source).path).name or source


def _public(source: str) -> str:
    """A URL as it is, of a path the file's name only: folders are nobody's business."""
    return source if source.startswith(("http://", "https://")) else _file(source)
