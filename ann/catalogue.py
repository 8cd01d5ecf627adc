"""The reference genomes of this installation: list, show, add, verify and remove them."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from ann.build import Wanted
from ann.fetch import Fetcher
from ann.install import AddError, add, remove
from ann.known import KnownError
from ann.known_spec import parse
from ann.manifest import faults
from ann.recipes import listing, recipes, wanted
from ann.references import Reference, folders, installed, load
from aws.config import ConfigError
from aws.config import load as load_config

NO_FOLDER = "say where: --folder DIR, or [annotator] references in config.ini"
EXAMPLES = """examples:
  ./gas reference add R64 --fasta genome.fa.gz --gff3 genes.gff3.gz --contig-code Mito=3
  ./gas reference add GRCh38 --recipe
  ./gas reference add mine --fasta g.fa --gtf g.gtf --known clinvar=https://…/clinvar.vcf.gz \\
      --known ours=table.tsv,af:af,note,date=2026-01-31,title="Our cohort"
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./gas reference", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="of the added references (default: [annotator] references)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every reference, a line each")
    commands.add_parser("recipes", help="the genomes that ./gas reference add NAME --recipe knows")
    show = commands.add_parser("show", help="what reference.json says of one")
    show.add_argument("name")
    check = commands.add_parser("verify", help="check files against reference.json (default: all)")
    check.add_argument("name", nargs="?", default="")
    gone = commands.add_parser("remove", help="delete an added reference")
    gone.add_argument("name")
    _add_arguments(
        commands.add_parser(
            "add",
            help="build one from FASTA, genes and known variants, or by a recipe",
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    return parser.parse_args()


def _add_arguments(new: argparse.ArgumentParser) -> None:
    new.add_argument("name")
    new.add_argument(
        "--recipe", nargs="?", const="", help="of ./gas reference recipes (default: NAME's)"
    )
    new.add_argument("--mirror", type=Path, help="a folder with copies of the files of URLs")
    files = new.add_argument_group("files: paths or URLs; #sha256=HEX or #md5=HEX checks one")
    files.add_argument("--fasta", help="the sequence, plain, gzip or bgzip")
    genes = files.add_mutually_exclusive_group()
    genes.add_argument("--gff3", dest="genes", help="of Ensembl, RefSeq, GENCODE or Prokka")
    genes.add_argument("--gtf", dest="genes", help="of Ensembl or GENCODE")
    files.add_argument(
        "--known",
        action="append",
        metavar="NAME=FILE[,FIELD[:ROLE]|WORD=VALUE]",
        help="a VCF, or a table with a header line; clinvar, dbsnp and gnomad need no fields",
    )
    files.add_argument(
        "--contig-names", help="other names: NCBI's assembly report, or names and tabs"
    )
    new.add_argument("--genetic-code", type=int, help="NCBI's table (default 1)")
    new.add_argument(
        "--contig-code", action="append", default=[], metavar="CONTIG=CODE", help="of one contig"
    )
    new.add_argument("--leave-out", action="append", help="a contig not to annotate")
    new.add_argument("--title")
    new.add_argument("--assembly", help="name and version of the assembly")
    new.add_argument("--licence")
    new.add_argument("--alias", action="append", help="as ##reference may name it")
    new.add_argument("--allow-few-genes", action="store_true", help="where most cannot be used")


def _wanted(args: argparse.Namespace) -> Wanted:
    """The order that the recipe and the options make; options go before the recipe."""
    if args.recipe is None:
        if not (args.fasta and args.genes):
            raise AddError("say --fasta and --gff3 or --gtf, or --recipe")
        order = Wanted(args.name, args.fasta, args.genes)
    else:
        recipe = args.recipe or args.name
        if recipe not in recipes():
            raise AddError(f"there is no recipe {recipe}; there are {', '.join(recipes())}")
        order = wanted(recipe, args.name)
    given = {
        "fasta": args.fasta,
        "genes": args.genes,
        "known": tuple(map(parse, args.known)) if args.known else None,
        "contig_names": args.contig_names,
        "genetic_code": args.genetic_code,
        "contig_codes": dict(map(_contig_code, args.contig_code)) or None,
        "leave_out": tuple(args.leave_out) if args.leave_out else None,
        "title": args.title,
        "assembly": args.assembly,
        "licence": args.licence,
        "aliases": tuple(args.alias) if args.alias else None,
        "allow_few_genes": args.allow_few_genes or None,
    }
    return replace(order, **{key: value for key, value in given.items() if value is not None})


def _contig_code(text: str) -> tuple[str, int]:
    contig, _, code = text.rpartition("=")
    if not contig or not code.isdigit():
        raise AddError(f"--contig-code {text}: say CONTIG=CODE, such as Mito=3")
    return contig, int(code)


def _add(args: argparse.Namespace, folder: Path) -> str:
    def fetcher(downloads: Path) -> Fetcher:
        return Fetcher(downloads, args.mirror)

    reference = add(_wanted(args), folder, fetcher)
    codes = sorted({contig.genetic_code for contig in reference.contigs})
    known = ", ".join(source.name for source in reference.known) or "none"
    return (
        f"{reference.name}: {len(reference.contigs)} contig(s), genetic code "
        f"{', '.join(map(str, codes))}, known variants: {known}; in {reference.folder}\n"
    )


def _verify(name: str, folder: Path | None) -> str:
    """A line for each reference. Raises AddError where one is not as it was made."""
    found = {path.name: _faults(path) for path in folders(folder) if name in ("", path.name)}
    if not found:
        raise AddError(f"there is no reference {name}")
    wrong = [f"{name}: {fault}" for name, many in found.items() for fault in many]
    if wrong:
        raise AddError("\n     ".join(wrong))
    return "".join(f"{name}: as it was made\n" for name in found)


def _faults(path: Path) -> list[str]:
    try:
        return faults(load(path))
    except ValueError as fault:
        return [str(fault).replace(f"{path}/", "")]


def _named(name: str, folder: Path | None) -> Reference:
    for reference in installed(folder):
        if reference.name == name:
            return reference
    raise AddError(f"there is no reference {name}")


def _list(folder: Path | None) -> str:
    lines = []
    for reference in installed(folder):
        known = ", ".join(f"{s.name} {s.date}" for s in reference.known) or "none"
        lines.append(
            f"{reference.name:<14}{len(reference.contigs):>5} contig(s)  {reference.title}\n"
            f"{'':<31}known variants: {known}\n"
        )
    return "".join(lines)


def _answer(args: argparse.Namespace, folder: Path | None) -> str:
    if args.command == "list":
        return _list(folder)
    if args.command == "recipes":
        return listing()
    if args.command == "show":
        return json.dumps(_named(args.name, folder).describe(), indent=1, ensure_ascii=False) + "\n"
    if args.command == "verify":
        return _verify(args.name, folder)
    if folder is None:
        raise AddError(NO_FOLDER)
    if args.command == "remove":
        remove(args.name, folder)
        return f"{args.name} is removed\n"
    return _add(args, folder)


def main() -> None:
    """The command line: `./gas reference`."""
    args = _arguments()
    try:
        configured = load_config().annotator.references
        folder = args.folder or (Path(configured) if configured else None)
        sys.stdout.write(_answer(args, folder))
    except (AddError, ConfigError, KnownError, OSError) as fault:
        sys.exit(f"gas: {fault}")
    except KeyboardInterrupt:
        sys.exit("gas: stopped; nothing was added, downloads are kept for the next attempt")


if __name__ == "__main__":
    main()
