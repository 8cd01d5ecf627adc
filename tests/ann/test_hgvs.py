"""The examples of HGVS's own pages, on the sequences that the pages print.

hgvs-nomenclature.org, Recommendations: DNA (deletion, duplication, insertion, delins, inversion),
protein (substitution, deletion, duplication, insertion, delins, frameshift, extension).
"""

from random import Random

import pytest

from ann.genetic_codes import genetic_code
from ann.hgvs import (
    FORWARD,
    REVERSE,
    Change,
    dna_change,
    reverse_complement,
    shifted,
    trimmed,
)
from ann.protein import THREE, Coding

STANDARD = genetic_code(1)
ONE = {three: one for one, three in THREE.items()}
CODON = {amino: codon for codon, amino in STANDARD.amino.items()}


def named(bases: str, pos: int, ref: str, alt: str, first: int = 1, strand: int = FORWARD) -> str:
    """The change on a sequence whose first base has the number `first` (the last, on REVERSE)."""
    change = shifted(trimmed(pos, ref, alt), bases, strand)
    last = first + len(bases)
    count = (lambda p: str(first - 1 + p)) if strand == FORWARD else (lambda p: str(last - p))
    return str(dna_change(change, bases, strand, count))


@pytest.mark.parametrize(
    ("bases", "first", "pos", "ref", "alt", "wanted"),
    [
        # duplication: one nucleotide, in a stretch of eight, several nucleotides
        ("AGAAGTAGAGG", 15, 5, "G", "GT", "20dup"),
        ("ATTGAAAAAAAATTAG", 5686, 4, "G", "GA", "5697dup"),
        ("CTAATTTTTTTTCAAT", 32343172, 4, "A", "AT", "32343183dup"),
        ("AGAAGTAGAGG", 15, 5, "G", "GTAGA", "20_23dup"),
        (
            "CAGCATGGAGCCGGCGGCGGGGAGCAGCATGGAGCCTTCG",
            -3,
            4,
            "C",
            "CATGGAGCCGGCGGCGGGGAGCAGC",
            "9_32dup",
        ),
        # the extra copy is not directly behind the original: an insertion
        (
            *("ATCGATCGATCGATCGAGGGTCCC", 1, 17, "A", "AATCGTTCGATCG"),
            "17_18insATCGTTCGATCG",
        ),
        # deletion: several nucleotides, the last of a stretch
        ("GTGTGATTCTG", 33344586, 4, "TGAT", "T", "33344590_33344592del"),
        ("ATTGAAAAAAAATTAG", 5686, 4, "GA", "G", "5697del"),
        ("CTAATTTTTTTTCAAT", 32343172, 5, "TT", "T", "32343183del"),
        # substitution, deletion-insertion, inversion
        ("ACGT", 76, 2, "C", "A", "77C>A"),
        ("AGAAGTAGAGG", 1, 3, "AA", "TC", "3_4delinsTC"),
        ("AGAAGTAGAGG", 1, 5, "GT", "AC", "5_6inv"),
        ("AGAAGTAGAGG", 1, 5, "GTA", "C", "5_7delinsC"),
        # bases that both share at their ends are not part of the change
        ("AGAAGTAGAGG", 1, 4, "AGTA", "ACTA", "5G>C"),
    ],
)
def test_changes_on_the_genome(
    bases: str, first: int, pos: int, ref: str, alt: str, wanted: str
) -> None:
    assert named(bases, pos, ref, alt, first) == wanted


def test_on_the_reverse_strand_three_prime_is_the_other_way() -> None:
    """NC_000023.11:g.32343183del is NM_004006.2:c.5697del, not c.5690del."""
    bases = "CTAATTTTTTTTCAAT"
    assert reverse_complement(bases) == "ATTGAAAAAAAATTAG"
    for pos in range(5, 12):
        assert named(bases, pos, "TT", "T", 32343172) == "32343183del"
        assert named(bases, pos, "TT", "T", 5686, REVERSE) == "5697del"
        assert named(bases, pos, "T", "TT", 5686, REVERSE) == "5697dup"


def test_insertions_on_the_reverse_strand() -> None:
    """NC_000023.10:g.32862923_32862924insCCT is c.240_241insAGG."""
    bases = "GATTATAGAT"
    assert named(bases, 5, "A", "ACCT", 32862919) == "32862923_32862924insCCT"
    assert named(bases, 5, "A", "ACCT", 236, REVERSE) == "240_241insAGG"


def test_what_lies_beyond_an_end_has_no_name() -> None:
    change = trimmed(1, "A", "TA")
    count = {n: str(n) for n in range(1, 5)}.get
    assert dna_change(change, "ACGT", FORWARD, count) is None
    assert dna_change(trimmed(1, "A", "A"), "ACGT", FORWARD, count) is None


def protein(coding: str, pos: int, ref: str, alt: str, tail: str = "") -> str:
    change = shifted(trimmed(pos, ref, alt), coding, FORWARD)
    return Coding(coding, tail, STANDARD).describe(change)


def back(peptide: str) -> str:
    """Bases for a peptide in three-letter words."""
    return "".join(CODON[ONE[peptide[n : n + 3]]] for n in range(0, len(peptide), 3))


@pytest.mark.parametrize(
    ("coding", "pos", "ref", "alt", "wanted"),
    [
        # substitution: missense, nonsense, silent, the start
        ("ATGTGGAAATAA", 5, "G", "C", "p.(Trp2Ser)"),
        ("ATGTGGAAATAA", 5, "G", "A", "p.(Trp2Ter)"),
        ("ATGTCAAAATAA", 6, "A", "G", "p.(Ser2=)"),
        ("ATGTGGAAATAA", 2, "T", "C", "p.(Met1?)"),
        ("ATGTGGAAATAA", 11, "A", "G", "p.(Ter4=)"),
        # frameshift: p.(Tyr4*) is c.12del, p.Glu5ValfsTer5 is c.6_13dup
        ("ATGGATGCATACGTCACG", 11, "AC", "A", "p.(Tyr4Ter)"),
        ("ATGGATGCATACGAGATGAGG", 5, "A", "ATGCATACG", "p.(Glu5ValfsTer5)"),
        ("ATGGATGCATACGAGATGAGG", 6, "TGC", "T", "p.(Ala3IlefsTer?)"),
        # insertion of a stop: c.9_10insGGGTAG is p.(Met3_His4insGlyTer)
        ("ATGAAAATGCATCAATAA", 9, "G", "GGGGTAG", "p.(Met3_His4insGlyTer)"),
        # "CDKN2A": c.9_32dup is p.(Ala4_Pro11dup)
        (
            *("ATGGAGCCGGCGGCGGGGAGCAGCATGGAGCCTTCGTAA", 8, "C"),
            *("CGGCGGCGGGGAGCAGCATGGAGCC", "p.(Ala4_Pro11dup)"),
        ),
        # "proteins are compared": ..TGGTCCAGTTCCCAC.. loses AGT: p.Ser5del; doubled: p.Ser5dup
        ("ATGTGGTCCAGTTCCCACGATTAA", 9, "CAGT", "C", "p.(Ser5del)"),
        ("ATGTGGTCCAGTTCCCACGATTAA", 9, "C", "CAGT", "p.(Ser5dup)"),
        # a deletion that takes the stop is a frameshift
        ("ATGTGGTCCAGTTCCCACGATTAA", 18, "CGATTAA", "C", "p.?"),
    ],
)
def test_proteins(coding: str, pos: int, ref: str, alt: str, wanted: str) -> None:
    assert protein(coding, pos, ref, alt) == wanted


@pytest.mark.parametrize(
    ("peptide", "changed", "wanted"),
    [
        ("MetLeuTrpTrpGlu", "MetLeuTrpGlu", "p.(Trp4del)"),
        ("MetLeuTrpTrpGlu", "MetLeuTrpTrpTrpGlu", "p.(Trp4dup)"),
        ("MetLysGlyHisGlnGlnCys", "MetLysGlyHisAlaGlnGlnCys", "p.(His4_Gln5insAla)"),
        ("MetLysGlyHisGlnGlnCys", "MetLysGlnSerLysGlyHisGlnGlnCys", "p.(Lys2_Gly3insGlnSerLys)"),
        ("MetLysTrpValCysAlaGlu", "MetLysTrpValTrpValAlaGlu", "p.(Cys5delinsTrpVal)"),
        ("MetLysTrpValCysLysGlu", "MetLysTrpValTrpGlu", "p.(Cys5_Lys6delinsTrp)"),
        ("MetTrpValLys", "MetCysArgLys", "p.(Trp2_Val3delinsCysArg)"),
        ("MetGlyProProGlyProProGlyAla", "MetGlyProProGlyAla", "p.(Pro6_Gly8del)"),
        ("MetTyrCysSerAla", "MetTyrTerGluAspAla", "p.(Cys3Ter)"),
    ],
)
def test_proteins_compared(peptide: str, changed: str, wanted: str) -> None:
    old, new = back(peptide) + "TAA", back(changed) + "TAA"
    assert protein(old, 1, old, new) == wanted


def test_a_lost_stop_extends_the_protein_into_what_is_transcribed_behind_it() -> None:
    coding, tail = "ATGTGGTAA", "GCT" * 16 + "TAGGC"
    assert protein(coding, 7, "T", "C", tail) == "p.(Ter3GlnextTer17)"
    assert protein(coding, 7, "T", "C", "GCT") == "p.(Ter3GlnextTer?)"


def test_start_codons_of_the_code_count_as_methionine() -> None:
    vertebrate = genetic_code(2)
    first = Coding("ATACCCATGTAA", "", vertebrate)
    assert first.describe(trimmed(3, "A", "G")) == "p.(Met1=)"
    assert first.describe(trimmed(3, "A", "T")) == "p.(Met1=)"
    assert first.describe(trimmed(2, "T", "C")) == "p.(Met1?)"


def test_a_codon_with_an_unknown_base_has_no_prediction_of_a_residue() -> None:
    assert protein("ATGTNGAAATAA", 5, "N", "A") == "p.(Xaa2Ter)"


def test_a_shift_changes_nothing_but_the_place() -> None:
    """Ten thousand insertions and deletions in short repeats, beside shifting base by base."""
    random = Random(3)
    for _ in range(10_000):
        bases = "".join(random.choices("AC" if random.random() < 0.5 else "ACGT", k=60)) * 2
        start = random.randrange(1, 118)
        size = random.randint(1, min(5, 119 - start))
        is_deletion = random.random() < 0.5
        new = "" if is_deletion else "".join(random.choices("AC", k=size))
        change = Change(start, start + size if is_deletion else start, new)
        for strand in (FORWARD, REVERSE):
            moved = shifted(change, bases, strand)
            assert applied(moved, bases) == applied(change, bases)
            further = Change(moved.start + strand, moved.end + strand, moved.new)
            turned = further.new[1:] + further.new[:1] if strand == FORWARD else ""
            if strand == REVERSE:
                turned = further.new[-1:] + further.new[:-1]
            if further.start >= 0 and further.end <= len(bases):
                assert applied(further._replace(new=turned), bases) != applied(change, bases)


def applied(change: Change, bases: str) -> str:
    return bases[: change.start] + change.new + bases[change.end :]
