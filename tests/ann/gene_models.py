"""One small genome and its genes, as each of the usual flavours of GFF3 and GTF writes them.

Contig c1 has a coding gene of two exons on each strand and a tRNA gene.
"""

LEFT, INTRON, RIGHT = "GGCCTTAAGG" * 3, "GTAAGTCCTTTTCCCTTTTCAG", "TTGACCATTG" * 3
FIRST, SECOND = "ATGGCCAAGGAC", "CTGGAATTCTAA"
"""M A K D | L E F stop"""
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def reverse(bases: str) -> str:
    return bases.translate(COMPLEMENT)[::-1]


GENE = FIRST + INTRON + SECOND
SEQUENCE = LEFT + GENE + RIGHT + reverse(GENE) + LEFT + "GCGGATTTAGCTCAGTTGGGA" + RIGHT
FORWARD = (31, 42), (65, 76)
BACKWARD = (107, 118), (141, 152)
RNA = (183, 203)


def gff3(*rows: tuple[str, tuple[int, int], str, str, str]) -> str:
    lines = [
        f"c1\tmade\t{kind}\t{place[0]}\t{place[1]}\t.\t{strand}\t{phase}\t{attributes}\n"
        for kind, place, strand, phase, attributes in rows
    ]
    return "##gff-version 3\n" + "".join(lines)


def span(parts: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, int]:
    return parts[0][0], parts[1][1]


def _coding(
    kinds: tuple[str, str], gene: str, transcript: str, part: str, strand: str
) -> list[tuple[str, tuple[int, int], str, str, str]]:
    parts = FORWARD if strand == "+" else BACKWARD
    rows = [
        (kinds[0], span(parts), strand, ".", gene),
        (kinds[1], span(parts), strand, ".", transcript),
    ]
    rows += [("exon", place, strand, ".", part) for place in parts]
    return rows + [("CDS", place, strand, "0", part) for place in parts]


ENSEMBL = gff3(
    *_coding(
        ("gene", "mRNA"),
        "ID=gene:g1;Name=DUR1,2;biotype=protein_coding",
        "ID=transcript:t1;Parent=gene:g1;biotype=protein_coding",
        "Parent=transcript:t1",
        "+",
    ),
    *_coding(
        ("gene", "mRNA"),
        "ID=gene:g2;Name=BACK;biotype=protein_coding",
        "ID=transcript:t2;Parent=gene:g2;biotype=protein_coding",
        "Parent=transcript:t2",
        "-",
    ),
    ("ncRNA_gene", RNA, "+", ".", "ID=gene:g3;Name=TRN1;biotype=tRNA"),
    ("tRNA", RNA, "+", ".", "ID=transcript:t3;Parent=gene:g3;biotype=tRNA"),
    ("exon", RNA, "+", ".", "Parent=transcript:t3"),
)
REFSEQ = gff3(
    ("region", (1, len(SEQUENCE)), "+", ".", "ID=c1:1..233;chromosome=7;genome=chromosome"),
    *_coding(
        ("gene", "mRNA"),
        "ID=gene-DUR1%2C2;Dbxref=GeneID:1;Name=DUR1%2C2;gbkey=Gene;gene_biotype=protein_coding",
        "ID=rna-t1;Parent=gene-DUR1%2C2;gbkey=mRNA;transcript_id=t1",
        "ID=cds-p1;Parent=rna-t1;gbkey=CDS;transl_table=1",
        "+",
    ),
    ("gene", span(BACKWARD), "-", ".", "ID=gene-BACK;Name=BACK;gene_biotype=protein_coding"),
    *(("CDS", place, "-", "0", "ID=cds-t2;Parent=gene-BACK;protein_id=t2") for place in BACKWARD),
    ("enhancer", (1, 20), "+", ".", "ID=id-1;gbkey=regulatory"),
    ("gene", RNA, "+", ".", "ID=gene-TRN1;Name=TRN1;gene_biotype=tRNA"),
    ("tRNA", RNA, "+", ".", "ID=rna-t3;Parent=gene-TRN1;gbkey=tRNA"),
    ("exon", RNA, "+", ".", "ID=exon-t3-1;Parent=rna-t3;gbkey=tRNA"),
)
GENCODE = gff3(
    *_coding(
        ("gene", "transcript"),
        "ID=g1;gene_id=g1;gene_type=protein_coding;gene_name=DUR1,2",
        "ID=t1;Parent=g1;transcript_id=t1;gene_type=protein_coding;transcript_type=protein_coding",
        "ID=x:t1;Parent=t1;transcript_id=t1;gene_type=protein_coding",
        "+",
    ),
    *_coding(
        ("gene", "transcript"),
        "ID=g2;gene_id=g2;gene_type=protein_coding;gene_name=BACK",
        "ID=t2;Parent=g2;transcript_id=t2;gene_type=protein_coding;transcript_type=protein_coding",
        "ID=x:t2;Parent=t2;transcript_id=t2",
        "-",
    ),
    ("gene", RNA, "+", ".", "ID=g3;gene_id=g3;gene_type=tRNA;gene_name=TRN1"),
    ("transcript", RNA, "+", ".", "ID=t3;Parent=g3;transcript_id=t3;transcript_type=tRNA"),
    ("exon", RNA, "+", ".", "ID=x:t3;Parent=t3;transcript_id=t3"),
)


def _gtf(
    kind: str, place: tuple[int, int], strand: str, gene: str, transcript: str, more: str
) -> str:
    ids = f'gene_id "{gene}"; ' + (f'transcript_id "{transcript}"; ' if transcript else "")
    phase = "0" if kind == "CDS" else "."
    return f"c1\tmade\t{kind}\t{place[0]}\t{place[1]}\t.\t{strand}\t{phase}\t{ids}{more}\n"


def gtf(*, with_genes: bool) -> str:
    """The genes as GTF, whose CDS ends before the stop codon; lines of exons alone are enough."""
    coding = (
        'gene_name "DUR1,2"; gene_biotype "protein_coding"; transcript_biotype "protein_coding";'
    )
    back = coding.replace("DUR1,2", "BACK")
    rna = 'gene_name "TRN1"; gene_biotype "tRNA"; transcript_biotype "tRNA";'
    lines = []
    for gene, transcript, strand, parts, more in (
        ("g1", "t1", "+", FORWARD, coding),
        ("g2", "t2", "-", BACKWARD, back),
    ):
        (a, b), (c, d) = parts
        stop = (d - 2, d) if strand == "+" else (a, a + 2)
        cds = ((a, b), (c, d - 3)) if strand == "+" else ((a + 3, b), (c, d))
        if with_genes:
            lines.append(_gtf("gene", span(parts), strand, gene, "", more))
            lines.append(_gtf("transcript", span(parts), strand, gene, transcript, more))
        lines += [_gtf("exon", place, strand, gene, transcript, more) for place in parts]
        lines.append(_gtf("stop_codon", stop, strand, gene, transcript, more))
        lines += [_gtf("CDS", place, strand, gene, transcript, more) for place in cds]
    lines.append(_gtf("exon", RNA, "+", "g3", "t3", rna))
    return "".join(lines)


FLAVOURS = {
    "Ensembl": ENSEMBL,
    "RefSeq": REFSEQ,
    "GENCODE": GENCODE,
    "GTF": gtf(with_genes=True),
    "GTF of exons": gtf(with_genes=False),
}
