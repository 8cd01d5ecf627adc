"""The verdict about a file's contigs, by its first lines."""

import pytest

from vcf.contig_check import ContigVerdict, Genome, judge, seen

RCRS = Genome("rCRS", "Human mitochondrial genome", {"MT": 16569, "chrM": 16569})
YEAST = Genome("yeast", "Baker's yeast", {"I": 230218, "II": 813184, "Mito": 85779})
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def verdict(*lines: str, columns: str = COLUMNS, records: str = "") -> ContigVerdict:
    text = "##fileformat=VCFv4.2\n" + "".join(f"{line}\n" for line in lines) + columns + records
    return judge(seen(text), [RCRS, YEAST])


def test_a_file_of_one_genome_is_wholly_annotated() -> None:
    found = verdict("##contig=<ID=chrM,length=16569>")
    assert found == ContigVerdict(note="All contigs can be annotated (rCRS).")


def test_what_can_and_what_cannot_be_annotated_is_listed() -> None:
    lines = ["##contig=<ID=chr1,length=248956422>", "##contig=<assembly=x,length=16569,ID=MT>"]
    note = verdict(*lines).note
    assert "Can be annotated: MT (rCRS)." in note
    assert "Not of that genome: chr1;" in note


def test_a_file_of_no_genome_here_is_refused_with_a_way_out() -> None:
    problem = verdict(*(f"##contig=<ID=chr{n}>" for n in range(1, 9))).problem
    assert "(chr1, chr2, chr3, chr4, chr5, chr6, …)" in problem
    assert "rCRS (Human mitochondrial genome); yeast" in problem
    assert "ask the operators" in problem


def test_a_look_alike_is_told_by_its_length() -> None:
    problem = verdict("##contig=<ID=chrM,length=16571>").problem
    assert "chrM has 16,571 bases, in rCRS 16,569" in problem


def test_records_count_as_well_as_the_header() -> None:
    found = verdict(records="II\t5\t.\tA\tC\t.\t.\t.\n")
    assert found.note == "All contigs can be annotated (yeast)."


@pytest.mark.parametrize(
    "lines",
    [(), ("##contig=<ID=chr1>",)],
)
def test_nothing_is_refused_before_the_header_is_whole(lines: tuple[str, ...]) -> None:
    assert verdict(*lines, columns="") == ContigVerdict()


def test_records_alone_refuse_nothing_for_others_may_follow() -> None:
    assert verdict(records="chr1\t5\t.\tA\tC\t.\t.\t.\n") == ContigVerdict()


def test_where_no_genome_is_listed_nothing_is_judged() -> None:
    text = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n" + COLUMNS
    assert judge(seen(text), []) == ContigVerdict()
