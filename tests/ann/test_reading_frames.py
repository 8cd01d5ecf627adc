"""Genes of another assembly, or with another genetic code, are found by their reading frames."""

from pathlib import Path

import pysam
import pytest

from ann.genes import GeneModel, Part, TranscriptModel
from ann.genetic_codes import genetic_code
from ann.gff import read
from ann.reading_frames import FrameError, coding_sequence, demand_open, is_open
from ann.references import Contig, Reference


def genes_of(rcrs: Reference) -> list[GeneModel]:
    return read(rcrs.path(rcrs.gff3)).genes


def test_rcrs_is_open_with_its_own_code_only(rcrs: Reference) -> None:
    fasta = rcrs.path(rcrs.fasta)
    demand_open(fasta, genes_of(rcrs), list(rcrs.contigs))
    nuclear = [Contig("MT", 16569, "", (), 1)]
    with pytest.raises(FrameError, match="of 13 genes on MT .* genetic code 1 .* not theirs"):
        demand_open(fasta, genes_of(rcrs), nuclear)


def test_genes_a_base_off_are_another_assemblys(rcrs: Reference, tmp_path: Path) -> None:
    with pysam.FastaFile(str(rcrs.path(rcrs.fasta))) as file:
        bases = file.fetch("MT")
    (tmp_path / "other.fa").write_text(f">MT\nA{bases}\n")
    pysam.samtools.faidx(str(tmp_path / "other.fa"))
    with pytest.raises(FrameError, match="another assembly's"):
        demand_open(tmp_path / "other.fa", genes_of(rcrs), list(rcrs.contigs))


def test_a_frame_begins_at_its_first_whole_codon_on_either_strand(tmp_path: Path) -> None:
    (tmp_path / "c.fa").write_text(">c\nGGATGCCCTAAGG\n")
    parts = [Part(2, 4, 1), Part(6, 11, 0)]
    forward = TranscriptModel("t", "protein_coding", 1, 12, "+", cds=parts)
    backward = TranscriptModel(
        "t", "protein_coding", 1, 12, "-", cds=[Part(3, 6, 0), Part(8, 12, 2)]
    )
    with pysam.FastaFile(str(tmp_path / "c.fa")) as file:
        assert coding_sequence(file, "c", forward) == "ATCCCTAA"
        assert coding_sequence(file, "c", backward) == "TAGGCAT"


@pytest.mark.parametrize(
    ("bases", "open_"),
    [("ATGAAATAA", True), ("ATGTAAAAATAA", False), ("ATGTGAAAATAA", False), ("ATGNNNAAA", True)],
)
def test_a_stop_at_the_end_only(bases: str, open_: bool) -> None:
    assert is_open(bases, genetic_code(1)) is open_
