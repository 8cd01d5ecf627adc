"""The reference genomes of this installation: lists, shows and adds them."""

import argparse
import gzip
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysam
import pysam.bcftools

from ann.references import DESCRIPTION, Reference, installed
from aws.config import ConfigError, load
from vcf.file_type import GZIP

TAB_HEADER = ("#CHROM", "POS", "REF", "ALT", "ID")
EMPTY = "##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


class AddError(ValueError):
    """Why a reference cannot be added, in one line."""


def add(asked: argparse.Namespace, folder: Path) -> Reference:
    """Build `folder/<name>` from a FASTA, a GFF3 and known variants; whole or not at all.

    Raises AddError.
    """
    final = folder / asked.name
    if any(r.name == asked.name for r in installed(folder)):
        raise AddError(f"there is a reference {asked.name} already")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".adding-") as scratch:
        told = _build(asked, Path(scratch))
        (Path(scratch) / DESCRIPTION).write_text(json.dumps(told, indent=1) + "\n")
        os.chmod(scratch, 0o755)  # noqa: S103 a reference is public
        shutil.copytree(scratch, final)
    return next(r for r in installed(folder) if r.name == asked.name)


def _build(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    fasta = folder / f"{asked.name}.fa"
    _unpack(asked.fasta, fasta)
    try:
        pysam.samtools.faidx(str(fasta))
    except pysam.SamtoolsError as fault:
        raise AddError(f"{asked.fasta} is no FASTA file: {fault}") from None
    gff3 = folder / f"{asked.name}.gff3.gz"
    shutil.copy(asked.gff3, gff3) if _is_gzip(asked.gff3) else _pack(asked.gff3, gff3)
    contigs = list(_contigs(fasta, asked))
    _demand_loadable(fasta, gff3, contigs, folder)
    told: dict[str, Any] = {
        "name": asked.name,
        "title": asked.title or asked.name,
        "assembly": asked.assembly or asked.name,
        "aliases": asked.alias,
        "contigs": contigs,
        "fasta": fasta.name,
        "gff3": gff3.name,
        "source": [f"Sequence: {asked.fasta.name}", f"Genes: {asked.gff3.name}"],
        "version": asked.assembly or asked.name,
        "licence": asked.licence,
    }
    if asked.known:
        told["known_tab"] = _known(asked.known, folder)
        told["source"].append(f"Known variants: {asked.known.name}")
    return told


def _contigs(fasta: Path, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Name, length, MD5 of the upper-case sequence, and the other usual name of each contig."""
    with pysam.FastaFile(str(fasta)) as sequences:
        for name in sequences.references:
            if name in asked.leave_out:
                continue
            sequence = sequences.fetch(name).upper().encode()
            alias = name[3:] if name.startswith("chr") else f"chr{name}"
            yield {
                "name": name,
                "length": len(sequence),
                "md5": hashlib.md5(sequence, usedforsecurity=False).hexdigest(),
                "aliases": [alias],
                "genetic_code": asked.genetic_code,
            }


def _demand_loadable(fasta: Path, gff3: Path, contigs: list[dict[str, Any]], folder: Path) -> None:
    """Let csq read it all once, in a process of its own."""
    vcf = folder / "empty.vcf"
    lines = "".join(f"##contig=<ID={c['name']},length={c['length']}>\n" for c in contigs)
    vcf.write_text(EMPTY.format(contigs=lines))
    out = folder / "empty.out.vcf"
    arguments = ["-l", "-f", str(fasta), "-g", str(gff3), "-o", str(out), str(vcf)]
    child = multiprocessing.get_context("spawn").Process(target=_csq, args=(arguments,))
    child.start()
    child.join()
    if child.exitcode or not out.exists():
        raise AddError("bcftools csq cannot use this GFF3 with this FASTA; its words stand above")
    vcf.unlink()
    out.unlink()


def _csq(arguments: list[str]) -> None:
    pysam.bcftools.csq(*arguments, catch_stdout=False)


def _known(source: Path, folder: Path) -> dict[str, str]:
    """A bgzip + tabix TAB of position, alleles and ID, from such a TAB or from a VCF."""
    plain, out = folder / "known.tab", folder / "known.tab.gz"
    with _text(source) as lines, plain.open("w", encoding="utf-8") as tab:
        for row in _known_rows(lines):
            tab.write("\t".join(row) + "\n")
    if not plain.stat().st_size:
        raise AddError(f"{source} has no variants")
    pysam.tabix_compress(str(plain), str(out), force=True)
    pysam.tabix_index(str(out), seq_col=0, start_col=1, end_col=1, force=True)
    plain.unlink()
    return {"file": out.name, "columns": "CHROM,POS,REF,ALT,+ID"}


def _known_rows(lines: Any) -> Iterator[list[str]]:
    is_vcf = False
    for line in lines:
        is_vcf = is_vcf or line.startswith("##fileformat=VCF")
        if line.startswith("#") or not line.strip():
            continue
        columns = line.rstrip("\r\n").split("\t")
        if len(columns) < len(TAB_HEADER) or not columns[1].isdigit():
            raise AddError(f"known variants need {', '.join(TAB_HEADER)} or VCF: {line[:60]!r}")
        contig, pos = columns[:2]
        name, ref, alts = (columns[2], columns[3], columns[4]) if is_vcf else _tab(columns)
        yield from ([contig, pos, ref, alt, name] for alt in alts.split(","))


def _tab(columns: list[str]) -> tuple[str, str, str]:
    return columns[4], columns[2], columns[3]


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == GZIP


def _text(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8") if _is_gzip(path) else path.open()


def _unpack(source: Path, to: Path) -> None:
    opener: Any = gzip.open if _is_gzip(source) else open
    with opener(source, "rb") as packed, to.open("wb") as plain:
        shutil.copyfileobj(packed, plain)


def _pack(source: Path, to: Path) -> None:
    with source.open("rb") as plain, gzip.open(to, "wb") as packed:
        shutil.copyfileobj(plain, packed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./gas reference", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="of the added references (default: [annotator] references)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every reference, a line each")
    show = commands.add_parser("show", help="what reference.json says of one")
    show.add_argument("name")
    new = commands.add_parser(
        "add",
        help="build one from FASTA, GFF3 and known variants",
        epilog="example: ./gas reference --folder refs add R64 --fasta genome.fa.gz "
        "--gff3 genes.gff3.gz --leave-out Mito",
    )
    new.add_argument("name")
    new.add_argument("--fasta", type=Path, required=True, help="plain or gzip")
    new.add_argument("--gff3", type=Path, required=True, help="Ensembl style, plain or gzip")
    new.add_argument("--known", type=Path, help="TAB (CHROM POS REF ALT ID) or VCF, sorted")
    new.add_argument("--genetic-code", type=int, default=1, help="NCBI's table (default 1)")
    new.add_argument(
        "--leave-out", action="append", default=[], help="a contig of another genetic code"
    )
    new.add_argument("--title", default="")
    new.add_argument("--assembly", default="")
    new.add_argument("--licence", default="")
    new.add_argument("--alias", action="append", default=[], help="as ##reference may name it")
    return parser.parse_args()


def _answer(asked: argparse.Namespace, folder: Path | None) -> str:
    if asked.command == "list":
        rows = [f"{r.name:<14}{len(r.contigs):>5} contig(s)  {r.title}" for r in installed(folder)]
        return "\n".join(rows) + "\n"
    if asked.command == "show":
        for reference in installed(folder):
            if reference.name == asked.name:
                return json.dumps(reference.describe(), indent=1) + "\n"
        raise AddError(f"there is no reference {asked.name}")
    if folder is None:
        raise AddError("say where: --folder DIR, or [annotator] references in config.ini")
    for path in (asked.fasta, asked.gff3, *([asked.known] if asked.known else [])):
        if not path.is_file():
            raise AddError(f"{path}: no such file")
    reference = add(asked, folder)
    return f"{reference.name}: {len(reference.contigs)} contig(s), in {reference.folder}\n"


def main() -> None:
    """The command line: `./gas reference`."""
    asked = _arguments()
    try:
        configured = load().annotator.references
        folder = asked.folder or (Path(configured) if configured else None)
        sys.stdout.write(_answer(asked, folder))
    except (AddError, ConfigError, ValueError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
