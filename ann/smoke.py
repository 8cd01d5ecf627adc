"""A trial of a new reference: csq annotates made-up variants in its genes."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pysam

from ann.genes import GeneModel, TranscriptModel
from ann.references import Contig

MOST_SITES = 400
LEAST_SHARE = 0.9
"""So many of the variants in coding sequence must come back with a consequence."""
HEAD = "##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
CSQ = "import sys, pysam.bcftools; pysam.bcftools.csq(*sys.argv[1:], catch_stdout=False)"
"""A process may call csq once only, and a call can end the process."""
OTHER = str.maketrans("ACGT", "CATG")


class SmokeError(ValueError):
    """csq cannot use the reference; the reason in one line."""


def annotate_some(fasta: Path, gff3: Path, genes: list[GeneModel], contigs: list[Contig]) -> None:
    """Annotate a variant in each of some genes. Raises SmokeError where too few come back."""
    sites = sorted(set(_sites(fasta, genes, contigs)))
    vcf, out, errors = (gff3.with_name(f"smoke.{end}") for end in ("vcf", "out.vcf", "err"))
    order = {contig.name: number for number, contig in enumerate(contigs)}
    sites.sort(key=lambda site: (order[site[0]], site[1]))
    lines = "".join(f"##contig=<ID={c.name},length={c.length}>\n" for c in contigs)
    records = "".join(f"{c}\t{p}\t.\t{ref}\t{alt}\t.\t.\t.\n" for c, p, ref, alt in sites)
    vcf.write_text(HEAD.format(contigs=lines) + records)
    options = ["-l", "--force", "--unify-chr-names", "-,-,-", "-C", str(contigs[0].genetic_code)]
    options += ["-v", "0", "-f", str(fasta), "-g", str(gff3), "-o", str(out), str(vcf)]
    with errors.open("w") as stream:
        command = [sys.executable, "-c", CSQ, *options]
        done = subprocess.run(command, stderr=stream, check=False)  # noqa: S603 paths of our own
    words = errors.read_text(errors="replace").strip().splitlines()
    if done.returncode or not out.exists():
        raise SmokeError(f"bcftools csq cannot use it: {(words or ['without a word'])[-1][:300]}")
    found = sum("BCSQ=" in line for line in out.read_text().splitlines() if line[0] != "#")
    if found < len(sites) * LEAST_SHARE:
        raise SmokeError(
            f"a trial by bcftools csq gave only {found} of {len(sites)} variants within genes a "
            "consequence: the genes do not fit the sequence"
        )
    for path in (vcf, out, errors):
        path.unlink()


def _sites(
    fasta: Path, genes: list[GeneModel], contigs: list[Contig]
) -> Iterator[tuple[str, int, str, str]]:
    """Single nucleotide variants in the middle of an exon, of genes spread over all."""
    coding = [gene for gene in genes if gene.is_coding()] or [g for g in genes if g.usable()]
    step = max(1, len(coding) // MOST_SITES)
    with pysam.FastaFile(str(fasta)) as file:
        for gene in islice(coding, 0, None, step):
            pos = _middle(gene)
            ref = file.fetch(gene.contig, pos - 1, pos).upper()
            if ref in "ACGT":
                yield gene.contig, pos, ref, ref.translate(OTHER)


def _middle(gene: GeneModel) -> int:
    transcript = next((t for t in gene.usable() if _is_translated(t)), gene.usable()[0])
    parts = transcript.cds if _is_translated(transcript) else transcript.exons
    longest = max(parts, key=lambda part: part.length)
    return (longest.start + longest.end) // 2


def _is_translated(transcript: TranscriptModel) -> bool:
    return bool(transcript.cds) and transcript.is_in_phase()
