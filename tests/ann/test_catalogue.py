"""./gas reference: building a reference whole or not at all, and what it refuses."""

import gzip
import json
from pathlib import Path

import pytest

from ann.install import AddError
from ann.known_spec import parse
from ann.manifest import faults
from ann.references import installed
from tests.ann.added import Adding, gas_reference
from tests.ann.conftest import Annotate, records_of, vcf
from tests.ann.gene_models import ENSEMBL, FLAVOURS, REFSEQ, SEQUENCE
from tests.ann.test_known import rows


def renamed(contig: str) -> str:
    return ENSEMBL.replace("c1\t", f"{contig}\t")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_is_added_and_says_what_csq_can_use(
    adding: Adding, said: list[str], flavour: str
) -> None:
    reference = adding(FLAVOURS[flavour])
    assert reference.gene_counts == {"genes": 3, "usable": 3, "coding": 2}
    assert "3 of 3 genes can be used, 2 of them coding, on 1 of 1 sequences" in said[0]
    assert not faults(reference)


def test_an_added_reference_annotates(adding: Adding, folder: Path, annotate: Annotate) -> None:
    adding()
    outcome = annotate(vcf("chrc1 38 . A G . . .", "chrc1 190 . T A . . ."), references=folder)
    assert outcome.error is None
    assert outcome.reference == "Tiny"
    first, second = (record[7] for record in records_of(outcome))
    assert "missense|DUR1%2C2|t1|protein_coding|+|3K>3R|38A>G" in first
    assert "non_coding|TRN1" in second


@pytest.mark.parametrize(
    ("fasta_name", "genes_name"),
    [("c1", "chrc1"), ("chrc1", "c1"), ("chrM", "MT"), ("MT", "M"), ("chrM", "Mito")],
)
def test_the_usual_names_of_a_contig_are_one(
    adding: Adding, fasta_name: str, genes_name: str
) -> None:
    codes = {fasta_name: 2} if "M" in fasta_name else {}
    reference = adding(renamed(genes_name), f">{fasta_name}\n{SEQUENCE}\n", contig_codes=codes)
    assert reference.gene_counts["coding"] == 2
    if "M" in fasta_name:
        assert {"M", "MT", "chrM", "chrMT"} <= set(reference.names)


def test_refseqs_genes_fit_a_sequence_under_its_usual_name(adding: Adding) -> None:
    """NC_012920.1 in the genes, chrM in the FASTA: RefSeq says that it is the mitochondrion."""
    genes = REFSEQ.replace("c1\t", "NC_012920.1\t").replace("transl_table=1", "transl_table=2")
    genes = genes.replace("chromosome=7;genome=chromosome", "genome=mitochondrion")
    reference = adding(genes, f">chrM\n{SEQUENCE}\n")
    assert reference.gene_counts["coding"] == 2
    assert reference.contigs[0].genetic_code == 2
    assert "NC_012920.1" in reference.names


def test_a_list_of_names_brings_genes_and_sequences_together(
    adding: Adding, tmp_path: Path
) -> None:
    report = "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tX\tGenBank-Accn\tRelationship\t"
    report += "RefSeq-Accn\n1\tassembled-molecule\t1\tChromosome\tCM1.1\t=\tNC_1.1\n"
    (tmp_path / "report.txt").write_text(report)
    names = str(tmp_path / "report.txt")
    reference = adding(renamed("CM1.1"), f">NC_1.1\n{SEQUENCE}\n", contig_names=names)
    assert {"1", "chr1", "CM1.1", "NC_1.1"} <= set(reference.names)


def test_changes_are_named_by_refseqs_accession_where_a_list_of_names_has_it(
    adding: Adding, folder: Path, tmp_path: Path, annotate: Annotate
) -> None:
    (tmp_path / "report.txt").write_text(
        "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tGenBank-Accn\tRefSeq-Accn\n"
        "1\tassembled-molecule\t1\tCM000663.2\tNC_000001.11\n"
        "patch\tfix-patch\t1\tKN196472.1\tNW_009646194.1\n"
    )
    names = str(tmp_path / "report.txt")
    adding(renamed("1"), f">1\n{SEQUENCE}\n", contig_names=names)
    outcome = annotate(vcf("NC_000001.11 38 . A G . . ."), references=folder)
    assert "GAS_HGVSG=NC_000001.11:g.38A>G" in records_of(outcome)[0][7]


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        (renamed("contig_c1"), "0 of 3 genes can be used.* genes are on contig_c1; .* are c1"),
        ("##gff-version 3\n", "has no genes that can be read"),
        ("", "has no genes that can be read"),
        ("hello\n", "line 1: this is no GFF3 or GTF"),
        ("<html></html>\n", "line 1: this is no GFF3 or GTF"),
    ],
)
def test_genes_that_csq_can_use_nothing_of_are_refused(
    adding: Adding, folder: Path, genes: str, words: str
) -> None:
    with pytest.raises(AddError, match=words):
        adding(genes)
    assert [r.name for r in installed(folder)] == ["rCRS"]
    assert not list(folder.iterdir())


def test_genes_on_a_small_part_of_the_bases_are_refused_unless_that_is_meant(
    adding: Adding,
) -> None:
    """A file cut in the middle of a line's last column is as good as whole, but for this."""
    genome = f">c1\n{SEQUENCE * 2}\n>c2\n{SEQUENCE}\n"
    with pytest.raises(AddError, match=r"on 1 of 2 sequences \(67% of the bases\).*cut off"):
        adding(fasta=genome)
    assert adding(fasta=genome, allow_few_genes=True).gene_counts["usable"] == 3


def test_genes_mostly_on_other_sequences_are_refused(adding: Adding) -> None:
    genes = ENSEMBL + "".join(
        f"c9\tmade\tgene\t{n}\t{n + 9}\t.\t+\t.\tID=gene:x{n};biotype=protein_coding\n"
        for n in range(1, 9)
    )
    with pytest.raises(AddError, match="3 of 11 genes can be used"):
        adding(genes)


def test_genes_of_another_assembly_fail_the_trial(adding: Adding) -> None:
    with pytest.raises(AddError, match="trial by bcftools csq|cannot use it"):
        adding(fasta=f">c1\n{'N' * 5}{SEQUENCE[:100]}\n")


def test_a_sequence_that_is_cut_off_is_refused(adding: Adding, tmp_path: Path) -> None:
    packed = gzip.compress(f">c1\n{SEQUENCE}\n".encode())
    (tmp_path / "cut.fa.gz").write_bytes(packed[:-20])
    with pytest.raises(AddError, match="cut.fa.gz cannot be read to its end"):
        adding(path=tmp_path / "cut.fa.gz")


@pytest.mark.parametrize(
    ("fasta", "words"),
    [
        ("hello\n", "no FASTA"),
        ("", "no FASTA|no bases"),
        (f">c1\n{SEQUENCE}\n>c1\nACGT\n", "2 sequences with 1 names"),
        (f">c1\n{SEQUENCE}\n>c2\n", "no FASTA"),
        (">c1\nACGT\nACGTACGT\nACG\n", "no FASTA"),
    ],
)
def test_what_is_no_sequence_is_refused(adding: Adding, fasta: str, words: str) -> None:
    with pytest.raises(AddError, match=words):
        adding(fasta=fasta)


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "", ".", "..", ".hid", "a b;c", "a/b", "-x", "ä", "x\n"]
)
def test_names_that_could_lead_elsewhere_are_refused(
    adding: Adding, folder: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(AddError, match="cannot be a reference's name"):
        adding(name=name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.fa", "g.gff3"]


@pytest.mark.parametrize("name", ["rCRS", "rcrs", "RCRS"])
def test_a_name_that_is_taken_is_refused(adding: Adding, name: str) -> None:
    with pytest.raises(AddError, match="there is a reference rCRS already"):
        adding(name=name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"genetic_code": 99}, "no genetic code 99; NCBI's are 1, 2, 3"),
        ({"contig_codes": {"c1": 7}}, "no genetic code 7"),
        ({"contig_codes": {"NOPE": 2}}, "--contig-code NOPE: the FASTA has no such sequence"),
        ({"leave_out": ("NOPE",)}, "--leave-out NOPE: the FASTA has no such sequence, but c1"),
        ({"leave_out": ("c1",)}, "leaves no sequence"),
        ({"path": Path("/no/such.fa")}, "/no/such.fa: no such file"),
        ({"contig_names": "/no/such.txt"}, "no such file"),
        ({"known": (parse("a=/no/such.vcf"),)}, "no such file"),
        ({"known": (parse("a=x"), parse("a=y"))}, "the same name"),
    ],
)
def test_options_that_cannot_be_are_refused(
    adding: Adding, folder: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(AddError, match=words):
        adding(**options)
    assert not [p for p in folder.glob("*") if not p.name.startswith(".")]


def test_a_mitochondrion_needs_a_code_of_its_own(adding: Adding) -> None:
    genome = f">c1\n{SEQUENCE * 4}\n>Mito\n{SEQUENCE}\n"
    with pytest.raises(AddError, match="Mito looks like a mitochondrion.*--contig-code Mito=2"):
        adding(fasta=genome)
    reference = adding(fasta=genome, contig_codes={"Mito": 3})
    assert {c.name: c.genetic_code for c in reference.contigs} == {"c1": 1, "Mito": 3}


def test_the_gene_files_code_is_taken(adding: Adding) -> None:
    genes = ENSEMBL.replace("0\tParent=transcript:t1", "0\tParent=transcript:t1;transl_table=11")
    assert adding(genes).contigs[0].genetic_code == 11


def test_a_contig_that_is_left_out_counts_nowhere(adding: Adding) -> None:
    genome = f">c1\n{SEQUENCE}\n>Mito\n{SEQUENCE}\n"
    reference = adding(ENSEMBL + renamed("Mito").replace(":", ":m"), genome, leave_out=("Mito",))
    assert [c.name for c in reference.contigs] == ["c1"]
    assert reference.gene_counts["genes"] == 3


def test_the_source_tells_files_but_no_folders(adding: Adding, tmp_path: Path) -> None:
    words = json.dumps(adding().describe())
    assert "g.gff3" in words
    assert str(tmp_path) not in words


CLINVAR = """##fileformat=VCFv4.1
##fileDate=2026-01-31
##source=ClinVar
##INFO=<ID=CLNDN,Number=.,Type=String,Description="disease">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="review">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="significance">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
c1\t38\t123\tA\tG\t.\t.\tCLNDN=A_disease;CLNREVSTAT=reviewed_by_expert_panel;CLNSIG=Pathogenic
"""


def test_clinvars_own_vcf_is_known(
    adding: Adding, tmp_path: Path, folder: Path, annotate: Annotate
) -> None:
    (tmp_path / "clinvar.vcf.gz").write_bytes(gzip.compress(CLINVAR.encode()))
    reference = adding(known=(parse(f"clinvar={tmp_path / 'clinvar.vcf.gz'}"),))
    (source,) = reference.known
    assert (source.title, source.date, source.licence) == (
        "ClinVar",
        "2026-01-31",
        "Public domain (NCBI)",
    )
    assert {f.tag for f in source.fields} == {
        *("GAS_CLINVAR_ID", "GAS_CLINVAR_SIG", "GAS_CLINVAR_REVIEW"),
        *("GAS_CLINVAR_STARS", "GAS_CLINVAR_DISEASE"),
    }
    (row,) = rows(reference.path(source.file))
    assert (row["variation_id"], row["significance"], row["stars"]) == (123, "Pathogenic", 3)
    assert row["conditions"] == "A disease"
    outcome = annotate(vcf("c1 38 . A T,G . . .", "c1 39 . A G . . ."), references=folder)
    first, second = (record[7] for record in records_of(outcome))
    assert "Pathogenic" in first.partition("GAS_CLINVAR_SIG=")[2]
    assert "GAS_CLINVAR" not in second


def test_each_contig_is_translated_by_its_own_code(
    adding: Adding, folder: Path, annotate: Annotate
) -> None:
    """CTG is leucine, but threonine in the mitochondria of yeast (code 3)."""
    mito = ENSEMBL.replace("c1\t", "Mito\t").replace(":g", ":mg").replace(":t", ":mt")
    genome = f">c1\n{SEQUENCE}\n>Mito\n{SEQUENCE}\n"
    adding(ENSEMBL + mito, genome, contig_codes={"Mito": 3})
    records = [f"{name} 65 . C A . . ." for name in ("c1", "Mito")]
    outcome = annotate(vcf(*records), references=folder)
    first, second = (record[7] for record in records_of(outcome))
    assert "|5L>5M|" in first
    assert "|5T>5M|" in second


def test_ones_own_table_is_known_under_the_words_one_gives(adding: Adding, tmp_path: Path) -> None:
    (tmp_path / "ours.tsv").write_text(
        "chrom\tpos\tref\talt\tShare\tnote\nchrc1\t38\tA\tG\t.5\tx\n"
    )
    spec = f"ours={tmp_path / 'ours.tsv'},Share:af,note,date=20260131,title=Our cohort"
    (source,) = adding(known=(parse(spec),)).known
    assert (source.title, source.date) == ("Our cohort", "2026-01-31")
    assert [(f.tag, f.type, f.role) for f in source.fields] == [
        ("GAS_OURS_SHARE", "Float", "af"),
        ("GAS_OURS_NOTE", "String", None),
    ]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("ours={}", "does not say of what date"),
        ("ours={},date=2026-01-31,NOPE", "has no field NOPE; it has chrom"),
    ],
)
def test_a_table_that_lacks_what_is_wanted_is_refused(
    adding: Adding, tmp_path: Path, spec: str, words: str
) -> None:
    (tmp_path / "ours.tsv").write_text("chrom\tpos\tref\talt\tnote\nc1\t38\tA\tG\tx\n")
    with pytest.raises(AddError, match=words):
        adding(known=(parse(spec.format(tmp_path / "ours.tsv")),))


def test_list_and_show_tell_of_the_bundled_reference() -> None:
    assert "clinvar 2022-05-25" in gas_reference("list").stdout
    assert json.loads(gas_reference("show", "rCRS").stdout)["name"] == "rCRS"
    assert gas_reference("show", "none").stderr.strip() == "gas: there is no reference none"
    assert "T2T-CHM13" in gas_reference("recipes").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "x"], "say --fasta and --gff3 or --gtf, or --recipe"),
        (["add", "x", "--recipe"], "there is no recipe x; there are GRCh38"),
        (["add", "x", "--fasta", "a", "--gtf", "b", "--contig-code", "M"], "say CONTIG=CODE"),
        (["add", "x", "--fasta", "a", "--gtf", "b", "--known", "M"], "say NAME=FILE"),
        (["add", "x", "--fasta", "a", "--gtf", "b", "--known", "m=f,x:y"], "none of the roles"),
        (["add", "x", "--fasta", "a", "--gtf", "b", "--known", "m=f,x=y"], "x= is none of title"),
    ],
)
def test_commands_that_cannot_be_are_told_in_a_line(
    folder: Path, arguments: list[str], words: str
) -> None:
    done = gas_reference("--folder", folder, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("gas: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
