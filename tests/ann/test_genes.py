"""Gene models out of every flavour of GFF3 and GTF, as csq and the variants' table get them."""

import subprocess
import sys
from pathlib import Path

import pysam
import pytest

from ann.genes import Part, TranscriptModel, escaped, write_gff3, write_parquet
from ann.gff import Models, read
from ann.gff_lines import GFFError
from ann.references import Contig, Reference
from ann.smoke import CSQ
from tests.ann.gene_models import ENSEMBL, FLAVOURS, REFSEQ, SEQUENCE, gff3
from tests.ann.test_known import rows

CONTIG = Contig("c1", len(SEQUENCE), "")
SITES = {
    36: ("C", "G", "synonymous|DUR1%2C2|t1|protein_coding|+|2A|36C>G"),
    38: ("A", "G", "missense|DUR1%2C2|t1|protein_coding|+|3K>3R|38A>G"),
    43: ("G", "A", "splice_donor|DUR1%2C2|t1|protein_coding"),
    74: ("T", "C", "stop_lost|DUR1%2C2|t1|protein_coding|+|8*>8Q|74T>C"),
    145: ("T", "C", "missense|BACK|t2|protein_coding|-|3K>3R|145T>C"),
    190: ("T", "A", "non_coding|TRN1||misc_RNA"),
}


def models(tmp_path: Path, text: str) -> Models:
    (tmp_path / "genes").write_text(text)
    return read(tmp_path / "genes")


def consequences(tmp_path: Path, found: Models, sequence: str = SEQUENCE) -> dict[int, str]:
    """The consequences that csq gives SITES with these models, by position."""
    fasta, genes, sites = (tmp_path / name for name in ("c1.fa", "c1.gff3.gz", "sites.vcf"))
    fasta.write_text(f">c1\n{sequence}\n")
    pysam.samtools.faidx(str(fasta))
    write_gff3(found.genes, [CONTIG], genes)
    head = f"##fileformat=VCFv4.2\n##contig=<ID=c1,length={len(sequence)}>\n"
    head += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    sites_of = [f"c1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n" for pos, (ref, alt, _) in SITES.items()]
    sites.write_text(head + "".join(sites_of))
    options = ["-l", "--force", "-v", "0", "-f", str(fasta), "-g", str(genes), str(sites)]
    command = [sys.executable, "-c", CSQ, *options]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    records = [line.split("\t") for line in lines.splitlines() if line[0] != "#"]
    return {int(r[1]): r[7].strip().partition("BCSQ=")[2] for r in records}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_gives_csq_the_same_genes(tmp_path: Path, flavour: str) -> None:
    found = models(tmp_path, FLAVOURS[flavour])
    assert consequences(tmp_path, found) == {pos: words for pos, (_, _, words) in SITES.items()}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_gives_the_table_the_same_transcripts(tmp_path: Path, flavour: str) -> None:
    write_parquet(models(tmp_path, FLAVOURS[flavour]).genes, [CONTIG], tmp_path / "out.parquet")
    found = {row["transcript"]: row for row in rows(tmp_path / "out.parquet")}
    assert [row["name"] for row in found.values()] == ["DUR1,2", "BACK", "TRN1"]
    assert [row["biotype"] for row in found.values()] == ["protein_coding"] * 2 + ["tRNA"]
    assert found["t1"]["cds"] == [
        {"start": 31, "stop": 42, "offset": 0},
        {"start": 65, "stop": 76, "offset": 12},
    ]
    assert found["t2"]["cds"] == [
        {"start": 107, "stop": 118, "offset": 12},
        {"start": 141, "stop": 152, "offset": 0},
    ]
    assert found["t1"]["exons"] == [{"start": 31, "stop": 42}, {"start": 65, "stop": 76}]
    assert (found["t1"]["phase"], found["t3"]["phase"] if "t3" in found else None) == (0, None)


def test_refseq_names_a_sequences_chromosome_and_code(tmp_path: Path) -> None:
    found = models(tmp_path, REFSEQ)
    assert found.aliases == {"c1": ["7"]}
    assert found.codes == {"c1": 1}


def test_genes_may_come_after_their_parts(tmp_path: Path) -> None:
    head, *lines = ENSEMBL.splitlines(keepends=True)
    found = models(tmp_path, head + "".join(reversed(lines)))
    assert consequences(tmp_path, found) == {pos: words for pos, (_, _, words) in SITES.items()}


def test_a_stop_that_polyadenylation_completes_is_no_intron(tmp_path: Path) -> None:
    """RefSeq's mitochondrial genes end in T or TA; csq needs an UTR there."""
    text = gff3(
        ("gene", (31, 41), "+", ".", "ID=gene-ND;Name=ND;gene_biotype=protein_coding"),
        *(
            ("CDS", (31, 41), "+", "0", f"ID=cds-p;Parent=gene-ND;transl_except={term}")
            for term in ["(pos:40..41%2Caa:TERM)"]
        ),
    )
    (gene,) = models(tmp_path, text).genes
    (transcript,) = gene.transcripts
    assert [(p.start, p.end) for p in transcript.three_prime] == [(40, 41)]
    assert [(p.start, p.end) for p in transcript.cds] == [(31, 41)]


def test_a_frame_that_slips_is_two_transcripts_of_refseqs_gene(tmp_path: Path) -> None:
    parts = [("CDS", (31, 42), "0"), ("CDS", (42, 59), "0")]
    text = gff3(
        ("gene", (31, 59), "+", ".", "ID=gene-ORF1ab;Name=ORF1ab;gene_biotype=protein_coding"),
        *((k, p, "+", f, "ID=cds-ab;Parent=gene-ORF1ab;protein_id=ab") for k, p, f in parts),
        ("CDS", (31, 48), "+", "0", "ID=cds-a;Parent=gene-ORF1ab;protein_id=a"),
        ("mature_protein_region_of_CDS", (31, 36), "+", ".", "ID=id-a;Parent=cds-a"),
    )
    (gene,) = models(tmp_path, text).genes
    assert {t.id: len(t.cds) for t in gene.transcripts} == {"ab": 2, "a": 1}
    assert all(t.is_in_phase() for t in gene.transcripts)


def test_a_pseudogenes_cds_is_not_translated(tmp_path: Path) -> None:
    text = gff3(
        ("pseudogene", (31, 42), "+", ".", "ID=gene-P;Name=P;gene_biotype=pseudogene"),
        ("CDS", (31, 42), "+", "0", "ID=cds-P;Parent=gene-P"),
    )
    (gene,) = models(tmp_path, text).genes
    assert not gene.is_coding()
    assert gene.usable()


def test_copies_of_a_transcript_on_other_contigs_are_not_mixed_up(tmp_path: Path) -> None:
    copies = FLAVOURS["GTF"].replace("c1\t", "c2\t")
    found = models(tmp_path, FLAVOURS["GTF"] + copies)
    assert consequences(tmp_path, found) == {pos: words for pos, (_, _, words) in SITES.items()}


def test_a_transcript_on_both_strands_stops_no_other(tmp_path: Path) -> None:
    """The fly's mod(mdg4) is spliced of both strands; csq ends at such a transcript."""
    text = ENSEMBL + gff3(
        ("gene", (1, 90), "+", ".", "ID=gene:m;Name=mod;biotype=protein_coding"),
        ("mRNA", (1, 90), "+", ".", "ID=transcript:m;Parent=gene:m;biotype=protein_coding"),
        *((k, (1, 9), "+", f, "Parent=transcript:m") for k, f in (("exon", "."), ("CDS", "0"))),
        *((k, (60, 68), "-", f, "Parent=transcript:m") for k, f in (("exon", "."), ("CDS", "0"))),
    )
    found = models(tmp_path, text)
    assert [g.name for g in found.genes if not g.usable()] == ["mod"]
    assert consequences(tmp_path, found) == {pos: words for pos, (_, _, words) in SITES.items()}


def test_refseqs_micro_rna_belongs_to_its_primary_transcripts_gene(tmp_path: Path) -> None:
    text = gff3(
        ("gene", (1, 90), "+", ".", "ID=gene-MIR1;Name=MIR1;gene_biotype=miRNA"),
        ("primary_transcript", (1, 90), "+", ".", "ID=rna-NR_1;Parent=gene-MIR1"),
        ("exon", (1, 90), "+", ".", "ID=exon-1;Parent=rna-NR_1"),
        ("miRNA", (10, 30), "+", ".", "ID=rna-MIR1;Parent=rna-NR_1"),
        ("exon", (10, 30), "+", ".", "ID=exon-2;Parent=rna-MIR1"),
    )
    (gene,) = models(tmp_path, text).genes
    assert {t.id: t.biotype for t in gene.usable()} == {
        "NR_1": "primary_transcript",
        "MIR1": "miRNA",
    }


def test_prokkas_genes_are_their_own_cds(tmp_path: Path) -> None:
    text = gff3(
        ("CDS", (31, 42), "+", "0", "ID=K_1;locus_tag=K_1;gene=dnaA;product=initiator"),
        ("tRNA", (183, 203), "+", ".", "ID=K_2;locus_tag=K_2;product=tRNA-Ala"),
        ("repeat_region", (1, 9), "+", ".", "note=CRISPR"),
    )
    found = models(tmp_path, text + "##FASTA\n>c1\nACGT\n")
    assert [(g.name, g.is_coding(), bool(g.usable())) for g in found.genes] == [
        ("dnaA", True, True),
        ("K_2", False, True),
    ]


def test_bundled_genes_have_products_and_codes(rcrs: Reference) -> None:
    found = rows(rcrs.path(rcrs.genes))
    assert len(found) == 37
    assert {row["genetic_code"] for row in found} == {2}
    (nd1,) = [row for row in found if row["name"] == "MT-ND1"]
    assert nd1["description"] == "NADH dehydrogenase subunit 1"
    assert "HGNC:7455" in nd1["dbxref"]


@pytest.mark.parametrize("text", ["c1\tmade\tgene\tone\t60\t.\t+\t.\tID=g\n", "<html>\n", ">c1\n"])
def test_what_is_no_gff3_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(GFFError, match="line 1: this is no GFF3 or GTF"):
        models(tmp_path, text)


def test_phases_that_do_not_fit_the_lengths_are_found() -> None:
    good = TranscriptModel("t", "protein_coding", 1, 20, "+", cds=[Part(1, 4, 0), Part(9, 13, 2)])
    bad = TranscriptModel("t", "protein_coding", 1, 20, "+", cds=[Part(1, 4, 0), Part(9, 13, 1)])
    late = TranscriptModel("t", "protein_coding", 1, 20, "+", cds=[Part(1, 4, 1), Part(9, 13, 0)])
    assert [t.is_in_phase() for t in (good, bad, late)] == [True, False, True]


def test_names_are_escaped_where_they_would_end_an_entry() -> None:
    assert escaped("DUR1,2") == "DUR1%2C2"
    assert escaped("a|b;c=d e%") == "a%7Cb%3Bc%3Dd%20e%25"
    assert escaped("gén") == "g%C3%A9n"
