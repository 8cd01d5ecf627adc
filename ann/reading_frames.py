"""A look at new gene models: their reading frames must be open in the sequence."""

from collections import defaultdict
from itertools import islice
from pathlib import Path

import pysam

from ann.contig_names import is_mitochondrial
from ann.genes import GeneModel, TranscriptModel
from ann.genetic_codes import STOP, GeneticCode, genetic_code
from ann.references import Contig

MOST_TRANSCRIPTS = 400
"""So many are looked at for each genetic code."""
FEWEST_TRANSCRIPTS = 5
"""Fewer tell nothing."""
LEAST_CODONS = 60
"""A random sequence of this length is open in one case of 18; most genes are longer."""
LEAST_SHARE = 0.5
COMPLEMENT = str.maketrans("ACGT", "TGCA")


class FrameError(ValueError):
    """Genes that do not fit the sequence or the genetic code; the reason in one line."""


def demand_open(fasta: Path, genes: list[GeneModel], contigs: list[Contig]) -> None:
    """Raise FrameError where most reading frames of a genetic code have stops within.

    Genes of another assembly have the right names and places, and a frame that is not open.
    """
    codes = {contig.name: contig.genetic_code for contig in contigs}
    groups: dict[tuple[int, str], list[tuple[str, TranscriptModel]]] = defaultdict(list)
    for gene in genes:
        for transcript in gene.usable():
            length = sum(part.length for part in transcript.cds)
            if length >= LEAST_CODONS * 3 and transcript.is_in_phase():
                where = gene.contig if is_mitochondrial(gene.contig) else ""
                groups[codes[gene.contig], where].append((gene.contig, transcript))
                break
    with pysam.FastaFile(str(fasta)) as file:
        for (number, where), transcripts in groups.items():
            _demand_open(file, number, where, transcripts)


def _demand_open(
    file: pysam.FastaFile, number: int, where: str, transcripts: list[tuple[str, TranscriptModel]]
) -> None:
    code = genetic_code(number)
    step = max(1, len(transcripts) // MOST_TRANSCRIPTS)
    frames = [
        is_open(coding_sequence(file, contig, transcript), code)
        for contig, transcript in islice(transcripts, 0, None, step)
    ]
    if len(frames) >= FEWEST_TRANSCRIPTS and sum(frames) < len(frames) * LEAST_SHARE:
        raise FrameError(
            f"only {sum(frames)} of {len(frames)} genes{f' on {where}' if where else ''} that were "
            f"looked at can be read with genetic code {number} without a stop inside: the genes "
            "are another assembly's, or the code is not theirs"
        )


def coding_sequence(file: pysam.FastaFile, contig: str, transcript: TranscriptModel) -> str:
    """The bases that are translated, from the first whole codon on."""
    bases = "".join(file.fetch(contig, part.start - 1, part.end) for part in transcript.cds).upper()
    if transcript.strand == "-":
        bases = bases.translate(COMPLEMENT)[::-1]
    return bases[transcript.in_direction()[0].phase or 0 :]


def is_open(bases: str, code: GeneticCode) -> bool:
    """Tell if a reading frame has no stop but at its end."""
    codons = [bases[at : at + 3] for at in range(0, len(bases) - 5, 3)]
    return all(code.amino.get(codon) != STOP for codon in codons)
