"""The table of variants, and what INFO gains: worked examples, through the pass or a whole job."""

import gzip
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from ann import arrow
from ann.checked import Checked, Runs, write
from ann.chunks import GapError
from ann.counts import Counts
from ann.gains import Gains
from ann.genes import write_parquet
from ann.genotypes import Genotypes
from ann.gff import read
from ann.references import Contig, Reference, Region
from ann.screening import CODES
from ann.table import Segments, positions, table_of
from ann.variants import (
    MOST_BYTES_WAITING,
    Found,
    TableWriter,
    annotate_variants,
    connect,
)
from tests.ann.conftest import Annotate, records_of, vcf
from tests.ann.test_known import DISEASE

SEQUENCE = "TTGACC" + "ATGGCTAAAGGTTGGTAA" + "GTTTTCCCCAG" + "TTACCAGCAGCACTTCAT" + "AACCGGTTAACC"
"""A gene at 7-24 (MAKGW*), its mirror's like at 36-53 (MKCCW*, reverse), and flanks."""
FEATURES = """##gff-version 3
C1\tx\tgene\t7\t24\t.\t+\t.\tID=gene:g1;Name=DUR1,2;biotype=protein_coding
C1\tx\tmRNA\t7\t24\t.\t+\t.\tID=transcript:t1;Parent=gene:g1;biotype=protein_coding
C1\tx\texon\t7\t24\t.\t+\t.\tParent=transcript:t1
C1\tx\tCDS\t7\t24\t.\t+\t0\tParent=transcript:t1
C1\tx\tgene\t36\t53\t.\t-\t.\tID=gene:g2;Name=REV;biotype=protein_coding
C1\tx\tmRNA\t36\t53\t.\t-\t.\tID=transcript:t2;Parent=gene:g2;biotype=protein_coding
C1\tx\texon\t36\t53\t.\t-\t.\tParent=transcript:t2
C1\tx\tCDS\t36\t53\t.\t-\t0\tParent=transcript:t2
C1\tx\tncRNA_gene\t24\t30\t.\t+\t.\tID=gene:r1;Name=RNA1;biotype=rRNA
C1\tx\trRNA\t24\t30\t.\t+\t.\tID=transcript:r1;Parent=gene:r1;biotype=rRNA
C1\tx\texon\t24\t30\t.\t+\t.\tParent=transcript:r1
"""
ROWS_AT_A_TIME = 700
Row = dict[str, Any]


@dataclass
class Passed:
    """The outputs of a pass, and what INFO gains."""

    found: Found
    gains: list[Gains]

    @property
    def counts(self) -> Counts:
        return self.found.counts


Run = Callable[..., Passed]


@pytest.fixture
def made(tmp_path: Path) -> Reference:
    """A contig of 65 bases with two genes, one named with a comma, and one RNA."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "c.fa").write_text(f">C1\n{SEQUENCE}\n")
    (folder / "c.gff3").write_text(FEATURES)
    contigs = [Contig("C1", len(SEQUENCE), "", ("chr1", "NC_000001.1"), 1)]
    write_parquet(read(folder / "c.gff3").genes, contigs, folder / "genes.parquet")
    regions = (Region("spacer", "Between the genes", "C1", 31, 35),)
    return Reference(
        *(folder, "made", "Made", "made", tuple(contigs), "c.fa", "c.gff3"),
        genes="genes.parquet",
        regions=regions,
    )


@pytest.fixture
def run(made: Reference, tmp_path: Path) -> Run:
    """The pass over records of `POS REF ALT [BCSQ]`, with ID and status where they are given."""

    def passed(*lines: str, **columns: str) -> Passed:
        folder = tmp_path / f"job-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        records, sites = [], ["##fileformat=VCFv4.2", "#CHROM"]
        status = columns.get("status", "")
        for number, line in enumerate(lines):
            pos, ref, alt, bcsq = (*line.split(" "), ".")[:4]
            cells = ["chr1", pos, columns.get("id", "."), ref, alt, "9.5", "PASS", "."]
            records.append("\t".join(cells))
            info = "." if bcsq == "." else f"BCSQ={bcsq}"
            sites.append(f"C1\t{pos}\t{number}\t{ref}\t{alt}\t.\t.\t{info}")
        write_checked(folder / "checked", records, CODES[status])
        shown = sites[:2] if status else sites
        (folder / "csq.vcf").write_text("".join(f"{site}\n" for site in shown))
        gains: list[Gains] = []
        found = annotate_variants(
            *(folder / "checked", lambda: [folder / "csq.vcf"], made, folder),
            memory_mb=256,
            take=lambda _, gained: gains.append(gained),
        )
        return Passed(found, gains)

    return passed


def write_checked(path: Path, lines: list[str], status: int) -> None:
    """Records on `chr1`, which the reference calls C1, as the pre-pass hands them on."""
    with path.open("wb") as out:
        for at in range(0, len(lines), ROWS_AT_A_TIME):
            some = lines[at : at + ROWS_AT_A_TIME]
            table = table_of("".join(f"{line}\n" for line in some).encode(), 8)
            assert table
            none, one = np.zeros(len(some), np.int64), np.ones(len(some), np.int64)
            records = Checked(
                *(table.text, table.seps.astype(np.int32), b"", positions(table)[0]),
                status=np.full(len(some), status, np.int8),
                names=Runs(["chr1"], none),
                contigs=Runs(["C1"], none),
                genotypes=Genotypes(
                    text=np.frombuffer(b"0/1", np.uint8),
                    segments=Segments(none, 3 * one),
                    has_gt=one > 0,
                    called=2 * one,
                    het=one,
                    hom=none,
                    is_phased=one < 0,
                ),
                may_reach_on=False,
            )
            write(out, records)


def rows(passed: Passed) -> list[Row]:
    """The rows of the table."""
    with duckdb.connect() as db:
        cursor = db.execute(f"FROM read_parquet('{passed.found.parquet}')")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def codons(passed: Passed) -> list[str | None]:
    """The change of the codon of each row's most severe consequence."""
    return [row["consequences"][0]["codons"] if row["genes"] else None for row in rows(passed)]


def info(passed: Passed) -> list[dict[str, str]]:
    """What each record's INFO gains."""
    lines = [
        b"".join(piece.of(n) for piece in gains.pieces)
        for gains in passed.gains
        for n in range(len(gains.pieces[0].places.starts))
    ]
    return [dict(i.partition("=")[::2] for i in line.decode().split(";") if i) for line in lines]


def test_a_missense_variant_has_all_its_columns(run: Run) -> None:
    found = run("11 C T missense|DUR1,2|t1|protein_coding|+|2A>2V|11C>T")
    (row,) = rows(found)
    assert row | {"consequences": None} == {
        **{"row": 0, "record": 0, "chrom": "chr1", "pos": 11, "id": None, "ref": "C", "alt": "T"},
        **{"type": "SNV", "qual": 9.5, "filter": "PASS", "status": "annotated"},
        **{"consequence": "missense_variant", "impact": "MODERATE", "gene": "DUR1,2"},
        **{"transcript": "t1", "biotype": "protein_coding", "hgvs_g": "NC_000001.1:g.11C>T"},
        **{"hgvs_c": "c.5C>T", "hgvs_p": "p.(Ala2Val)", "genes": ["DUR1,2"]},
        **{"terms": ["missense_variant"], "consequences": None, "regions": None},
        **{"known_id": None, "af": None, "significance": None, "disease": None},
        **{"n_called": 2, "n_het": 1, "n_hom": 0, "gt": ["0/1"]},
    }
    assert row["consequences"] == [
        {
            **{"gene": "DUR1,2", "transcript": "t1", "biotype": "protein_coding", "strand": "+"},
            **{"consequence": "missense_variant", "impact": "MODERATE"},
            **{"hgvs_c": "c.5C>T", "hgvs_p": "p.(Ala2Val)", "codons": "gCt/gTt"},
        }
    ]
    assert info(found) == [
        {
            "BCSQ": "missense|DUR1,2|t1|protein_coding|+|2A>2V|11C>T",
            "GAS_HGVSG": "NC_000001.1:g.11C>T",
            "GAS_HGVSC": "t1:c.5C>T",
            "GAS_HGVSP": "t1:p.(Ala2Val)",
        }
    ]


def test_gene_names_with_commas_are_one_gene(run: Run) -> None:
    """Defect 10: `2` was counted as a consequence."""
    found = run(
        "11 C T missense|DUR1,2|t1|protein_coding|+|2A>2V|11C>T,non_coding|A,B||rRNA",
        "12 T C synonymous|DUR1%2C2|t1|protein_coding|+|2A|12T>C",
    )
    assert [row["genes"] for row in rows(found)] == [["DUR1,2", "A,B"], ["DUR1,2"]]
    assert found.counts.consequences == {"missense": 1, "non_coding": 1, "synonymous": 1}
    assert found.counts.genes == {"DUR1,2": 2, "A,B": 1}


def test_entries_in_transcripts_that_decay_are_told_apart(run: Run) -> None:
    """csq 1.24 says so with letters that its other words do not have."""
    found = run(
        "11 C T 3_prime_utr&NMD_transcript|A|t8|NMD,missense&NMD_transcript|D|t1|NMD|+|2A>2V|11C>T"
    )
    (row,) = rows(found)
    assert row["terms"] == ["missense_variant", "NMD_transcript_variant", "3_prime_UTR_variant"]
    assert (row["gene"], row["genes"], row["impact"]) == ("D", ["D", "A"], "MODERATE")
    assert found.counts.consequences == {"missense": 1, "3_prime_utr": 1, "NMD_transcript": 2}


def test_each_allele_has_its_own_consequences(run: Run) -> None:
    found = run(
        "11 C T,G missense|D|t1|protein_coding|+|2A>2V|11C>T,"
        "missense|D|t1|protein_coding|+|2A>2G|11C>G"
    )
    assert [row["hgvs_p"] for row in rows(found)] == ["p.(Ala2Val)", "p.(Ala2Gly)"]
    assert [row["hgvs_c"] for row in rows(found)] == ["c.5C>T", "c.5C>G"]
    (gain,) = info(found)
    assert gain["GAS_HGVSG"] == "NC_000001.1:g.11C>T,NC_000001.1:g.11C>G"
    assert gain["GAS_HGVSC"] == "t1:c.5C>T,t1:c.5C>G"
    assert found.counts.records == 1
    assert found.counts.by_type == {"SNV": 2}


def test_thousands_of_alleles_of_one_record_have_each_its_own_consequence(run: Run) -> None:
    alts = ["C" + "".join(bases) for bases in itertools.product("ACGT", repeat=6)][:3000]
    entries = (f"frameshift|D|t{n}|protein_coding|+|x|11C>{alt}" for n, alt in enumerate(alts))
    found = run(f"11 C {','.join(alts)} {','.join(entries)}")
    assert [row["transcript"] for row in rows(found)] == [f"t{n}" for n in range(3000)]
    assert len(info(found)[0]["GAS_HGVSG"].split(",")) == 3000


def test_an_entry_that_names_no_base_is_every_alleles(run: Run) -> None:
    found = run("26 T C,G non_coding|RNA1||rRNA")
    terms = [row["terms"] for row in rows(found)]
    assert terms == [["non_coding_transcript_exon_variant"]] * 2
    assert found.counts.consequences == {"non_coding": 2}


def test_the_most_severe_consequence_is_told_first(run: Run) -> None:
    found = run(
        "11 C T synonymous|A|t1|protein_coding|+|2A|11C>T,"
        "stop_gained&splice_region|B|t1|protein_coding|+|2A>2*|11C>T"
    )
    (row,) = rows(found)
    assert (row["consequence"], row["impact"], row["gene"]) == ("stop_gained", "HIGH", "B")
    assert row["genes"] == ["B", "A"]
    assert row["terms"] == ["stop_gained", "splice_region_variant", "synonymous_variant"]
    assert [c["gene"] for c in row["consequences"]] == ["B", "A"]


def test_on_the_reverse_strand_the_transcripts_bases_count(run: Run) -> None:
    found = run(
        "51 C A missense|REV|t2|protein_coding|-|1M>1I|51C>A", "48 C G x|REV|t2|b|-|2K>2N|48C>G"
    )
    assert [row["hgvs_c"] for row in rows(found)] == ["c.3G>T", "c.6G>C"]
    assert codons(found) == ["atG/atT", "aaG/aaC"]


def test_a_start_that_becomes_no_start_codon_of_the_code_is_lost(run: Run) -> None:
    found = run("9 G A start_lost|D|t1|protein_coding|+|1M>1I|9G>A")
    (row,) = rows(found)
    assert (row["terms"], row["hgvs_p"]) == (["start_lost"], "p.(Met1?)")
    assert codons(found) == ["atG/atA"]
    assert "GAS_CSQ" not in info(found)[0]


def test_an_rna_gene_that_csq_masks_gets_its_consequence(run: Run) -> None:
    """Defect 8: base 24 is the last of the stop codon and the first of RNA1."""
    found = run("24 A G stop_retained|DUR1,2|t1|protein_coding|+|6*|24A>G", "25 G A", "31 C T")
    first, second, third = rows(found)
    assert first["terms"] == ["stop_retained_variant", "non_coding_transcript_exon_variant"]
    assert first["genes"] == ["DUR1,2", "RNA1"]
    assert second["terms"] == ["non_coding_transcript_exon_variant"]
    assert third["status"] == "outside the reach of any transcript"
    gains = info(found)
    assert [gain.get("GAS_CSQ") for gain in gains] == [
        *["non_coding_exon|RNA1||rRNA"] * 2,
        None,
    ]
    assert gains[0]["BCSQ"] == "stop_retained|DUR1,2|t1|protein_coding|+|6*|24A>G"
    assert found.counts.annotated == 2
    assert found.counts.corrected == 2


def test_a_part_outside_the_genes_is_named(run: Run) -> None:
    found = run("31 C T", "30 T A")
    assert [row["regions"] for row in rows(found)] == [["spacer"], None]
    assert info(found)[0]["GAS_REGION"] == "spacer"


def test_deletions_and_insertions_are_named_by_the_sequence(run: Run) -> None:
    """TTTT at 26-29; the codon AAA at 13-15."""
    found = run(
        "25 GT G",
        "12 TA T frameshift|D|t1|protein_coding|+|3KGW*>3KVG|12TA>T",
        "12 T TAAA inframe_insertion|D|t1|protein_coding|+|2A>2AK|12T>TAAA",
        "48 TTC T inframe_deletion|REV|t2|protein_coding|-|x|48TTC>T",
    )
    names = [(row["hgvs_g"], row["hgvs_c"], row["hgvs_p"]) for row in rows(found)]
    assert names == [
        ("NC_000001.1:g.29del", None, None),
        ("NC_000001.1:g.15del", "c.9del", "p.(Gly4ValfsTer?)"),
        ("NC_000001.1:g.13_15dup", "c.7_9dup", "p.(Lys3dup)"),
        ("NC_000001.1:g.49_50del", "c.4_5del", "p.(Lys2ValfsTer?)"),
    ]
    assert codons(found) == [None] * 4


def test_a_record_that_was_set_aside_stays_in_the_table(run: Run) -> None:
    found = run("11 C <DEL>", status="symbolic allele or breakend")
    (row,) = rows(found)
    assert (row["status"], row["type"]) == ("symbolic allele or breakend", "symbolic")
    assert row["hgvs_g"] is None
    assert info(found) == [{}]
    assert found.counts.reasons == {"symbolic allele or breakend": 1}


def test_a_compound_consequence_is_found_through_its_record(run: Run) -> None:
    """csq -p: two bases of one codon; the second record refers to the first (@11)."""
    found = run(
        "10 G A missense|D|t1|protein_coding|+|2A>2I|10G>A+11C>T",
        "11 C T @10",
    )
    assert [row["hgvs_p"] for row in rows(found)] == ["p.(Ala2Ile)"] * 2
    assert [row["hgvs_c"] for row in rows(found)] == ["c.4G>A", "c.5C>T"]
    assert [row["status"] for row in rows(found)] == ["annotated"] * 2
    assert codons(found) == ["GCt/ATt"] * 2


def test_several_bases_of_one_codon_are_told_as_its_change(run: Run) -> None:
    found = run(
        "10 GCT ATC missense|D|t1|protein_coding|+|2A>2I|10GCT>ATC",
        "11 CTA CCC missense|D|t1|protein_coding|+|2AK>2AQ|11CTA>CCC",
        "48 CTT CAA x|REV|t2|protein_coding|-|2K>2L|48CTT>CAA",
    )
    assert codons(found) == ["GCT/ATC", None, "AAg/TTg"]


def test_lower_case_bases_are_the_same_bases(run: Run) -> None:
    (row,) = rows(run("11 c t missense|D|t1|protein_coding|+|2A>2V|11c>t"))
    assert (row["ref"], row["hgvs_g"], row["hgvs_c"]) == ("c", "NC_000001.1:g.11C>T", "c.5C>T")


def test_no_records_make_an_empty_table(run: Run) -> None:
    found = run()
    assert rows(found) == []
    assert info(found) == []


def test_sites_that_are_none_of_the_records_are_refused(
    run: Run, made: Reference, tmp_path: Path
) -> None:
    (tmp_path / "checked").write_bytes(b"")
    (tmp_path / "csq.vcf").write_text("C1\t1\t0\tT\tA\t.\t.\t.\n")
    with pytest.raises(GapError):
        annotate_variants(
            *(tmp_path / "checked", lambda: [tmp_path / "csq.vcf"], made, tmp_path),
            memory_mb=128,
            take=lambda *_: None,
        )


def test_rows_stay_in_order_over_many_chunks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of one allele and of several, with entries and without, in chunks of any size."""
    monkeypatch.setattr("ann.chunks.READ_BYTES", 50_000)
    entry = "missense|D|t1|protein_coding|+|2A>2V|11C>T"
    kinds = [
        f"11 C T {entry}",
        "11 C T,G",
        f"11 C T {entry},non_coding|RNA1||rRNA",
        "26 T TT",
        "24 A G",
    ]
    found = run(*(kinds[n * n % 5] for n in range(20_000)))
    made = rows(found)
    assert [row["row"] for row in made] == list(range(len(made)))
    assert [row["record"] for row in made] == sorted(row["record"] for row in made)
    assert len(info(found)) == found.counts.records == 20_000


def test_an_alternative_that_is_the_reference_changes_nothing(run: Run) -> None:
    (row,) = rows(run("11 C C synonymous|D|t1|protein_coding|+|2A|11C>C"))
    assert not row["hgvs_g"]
    assert not row["hgvs_c"]
    assert not row["consequences"][0]["codons"]


def test_models_are_the_same_read_all_at_once_or_where_they_are_needed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["11 C T missense|D|t1|protein_coding|+|2A>2V|11C>T", "26 T TT"]
    at_once = rows(run(*lines))
    monkeypatch.setattr("ann.models.FEW_MODELS", 0)
    assert rows(run(*lines)) == at_once
    assert at_once[0]["hgvs_c"]


def test_known_variants_of_the_mitochondrion(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 3243 . A G . . .", "MT 8993 . T G,C . . ."))
    first, second = records_of(outcome)
    assert first[2] == "rs199474657"
    assert "GAS_CLINVAR_SIG=Pathogenic" in first[7]
    assert "GAS_HGVSG=NC_012920.1:m.3243A>G" in first[7]
    assert second[2] == "rs199476133", "both alleles have this identifier"
    assert "GAS_HGVSP=MT-ATP6:p.(Leu156Arg),MT-ATP6:p.(Leu156Pro)" in second[7]


def test_each_known_allele_of_a_record_brings_its_identifier(annotate: Annotate) -> None:
    (fields,) = records_of(annotate(vcf("MT 56 . A AT,T,G . . .")))
    assert fields[2] == "rs1569483767;rs1603218271"
    assert "GAS_DBSNP=rs1569483767,.,rs1603218271" in fields[7]


def test_the_best_known_disease_variants_come_out_with_identifier_and_classification(
    annotate: Annotate,
) -> None:
    rows = [f"MT {pos} . {ref} {alt} . . ." for pos, ref, alt in DISEASE]
    found = records_of(annotate(vcf(*rows)))
    assert len(found) == 10
    for fields, (rsid, words) in zip(found, DISEASE.values(), strict=True):
        assert fields[2] == rsid
        told = fields[7].partition("GAS_CLINVAR_SIG=")[2].partition(";")[0].lower()
        assert told.startswith(words.lower().replace(" ", "_")), fields


def test_start_codons_of_the_vertebrate_mitochondrion(annotate: Annotate) -> None:
    """MT:3309 A>G makes ATA ATG; MT:8529 G>A makes ATG ATA, which MITOMAP calls ATP6 M1M."""
    outcome = annotate(vcf("MT 3309 . A G . . .", "MT 8528 . T C . . .", "MT 8529 . G A . . ."))
    infos = [dict(i.partition("=")[::2] for i in r[7].split(";")) for r in records_of(outcome)]
    assert infos[0]["BCSQ"].startswith("synonymous&start_lost|MT-ND1")
    assert infos[0]["GAS_CSQ"] == "start_retained&synonymous|MT-ND1|MT-ND1|protein_coding"
    assert "MT-ND1:p.(Met1%3D)" in infos[0]["GAS_HGVSP"]
    assert infos[1]["GAS_HGVSP"].endswith("MT-ATP6:p.(Met1?)")
    assert infos[2]["GAS_CSQ"] == "start_retained&synonymous|MT-ATP6|MT-ATP6|protein_coding"


def test_the_table_shows_any_bytes_as_text_and_the_vcf_keeps_them(annotate: Annotate) -> None:
    body = vcf("MT 73 a@b A G . P~ . GT ~", "MT 263 . A G . . . GT 1")
    body = body.replace(b"@", b"\1").replace(b"~", b"\xff")
    outcome = annotate(body.replace(b"INFO\n", b"INFO\tFORMAT\tS1\n"))
    assert outcome.error is None
    with duckdb.connect() as db:
        query = "SELECT id, alt, filter, gt FROM read_parquet(?)"
        shown = db.execute(query, [str(outcome.variants)]).fetchall()
    assert shown == [("a?b", "G", "P\ufffd", ["\ufffd"]), (None, "G", None, ["1"])]
    with gzip.open(outcome.result) as file:
        kept = [line.split(b"\t") for line in file if not line.startswith(b"#")]
    assert kept[0][2] == b"a\1b"
    assert (kept[0][6], kept[0][-1]) == (b"P\xff", b"\xff\n")


def tables_of_long_texts(number: int, length: int) -> list[arrow.ArrowColumn]:
    """Tables of one row each, as those of long alleles are."""
    chance = np.random.default_rng(number)
    ends = np.array([0, length])
    texts = [chance.integers(65, 91, length).astype(np.uint8) for _ in range(number)]
    return [arrow.struct({"ref": arrow.texts(text, ends)}) for text in texts]


def test_long_alleles_fit_into_little_memory(tmp_path: Path) -> None:
    """Their rows, as many as a row group has of others, would not."""
    path = tmp_path / "long.parquet"
    with connect(tmp_path, 192) as db, TableWriter(db, path) as writer:
        for table in tables_of_long_texts(100, 2_000_000):
            writer.write(table)
    sizes = duckdb.read_parquet(str(path)).project("length(ref)").fetchall()
    assert sizes == [(2_000_000,)] * 100


def test_what_waits_for_the_table_is_bounded_by_bytes_as_well_as_by_rows(tmp_path: Path) -> None:
    with connect(tmp_path, 100) as db:
        writer = TableWriter(db, tmp_path / "waiting.parquet")
        (table,) = tables_of_long_texts(1, 2_000_000)
        while writer._has_room():
            writer.waiting.append(table)
    assert table.size == pytest.approx(2_000_000, abs=100)
    assert len(writer.waiting) == pytest.approx(MOST_BYTES_WAITING / table.size, abs=1)


def test_what_the_bundled_sources_say_is_ascii_in_info(annotate: Annotate) -> None:
    """A list of haplogroups that is cut short; pysam.TabixFile reads nothing else by default."""
    (record,) = records_of(annotate(vcf("MT 200 . A G . . .")))
    assert record[7].isascii()
    assert "GAS_PHYLOTREE=" in record[7]
    assert "|..." in record[7]


def test_codons_that_csq_tells_nothing_more_of_are_named(run: Run) -> None:
    """A deletion up to the end of an exon: csq gives neither strand nor residues."""
    stop, frame = "stop_lost&inframe_deletion|D|t1|protein_coding", "frameshift|D|t1|protein_coding"
    told = "missense|D|t1|protein_coding|+|2A>2V|11CTA>C"
    found = names_in_t1(
        run(
            f"21 GTAA G {stop}",
            f"9 GGC G {frame}",
            f"11 CTA C {frame},{told}",
            f"11 C T {frame}",
        )
    )
    assert [set(of_one) for of_one in found] == [
        {("c.16_18del", "p.?")},
        {("c.4_5del", "p.(Ala2Ter)")},
        {(None, None), ("c.6_7del", "p.(Lys3ArgfsTer?)")},
        {(None, None)},
    ]


def test_codons_of_a_record_of_several_alleles_are_named_once_for_each_that_changes_them(
    run: Run,
) -> None:
    """What csq says without bases stands at every allele: at the most severe one an allele is named
    that has none of its own."""
    frame, whole = (f"{w}|D|t1|protein_coding" for w in ("frameshift", "inframe_deletion"))
    start = "start_lost|D|t1|protein_coding|+"
    found = names_in_t1(
        run(
            f"11 CTA C,CT,CTG {whole},{frame}",
            f"5 CCATG CC,TCATG {frame}",
            f"7 A AG,T {start},{start}|1M>1L|7A>T",
        )
    )
    assert found == [
        [("c.6_7del", "p.(Lys3ArgfsTer?)"), (None, None)],
        [("c.9del", "p.(Gly4ValfsTer?)"), (None, None)],
        [("c.7A>G", "p.(Lys3Glu)"), (None, None)],
        [("c.1_3del", "p.(Met1?)")],
        [(None, None)],
        [("c.1_2insG", "p.(Met1?)")],
        [(None, None), ("c.1A>T", "p.(Met1?)")],
    ]


def names_in_t1(passed: Passed) -> list[list[tuple[str | None, str | None]]]:
    """The names of each allele's consequences in t1, the most severe first."""
    found = [[c for c in row["consequences"] if c["transcript"] == "t1"] for row in rows(passed)]
    return [[(c["hgvs_c"], c["hgvs_p"]) for c in of_one] for of_one in found]
