"""Alleles that make bcftools csq crash: a coding sequence's last base that becomes several."""

import pytest

from ann.csq_crashes import LowestBases, grown_base
from ann.references import Reference
from ann.screening import AT_CDS_END
from tests.ann.conftest import Annotate, records_of, vcf

CRASHING = [
    *("MT 3306 . CA CGGG . . .", "MT 5902 . TGA TGCTCC . . .", "MT 7585 . AAT ATTT . . ."),
    *("MT 9205 . TAA TACT . . .", "MT 14148 . AC AGAGGT . . .", "MT 10759 . aa aggagc . . ."),
    "MT 10759 . AA T,AGGAGC . . .",
]
HARMLESS = [
    *("MT 10760 . A GGAGC . . .", "MT 10759 . AATG AGGGGGG . . .", "MT 10759 . AA AAC . . ."),
    *("MT 10759 . AA AG . . .", "MT 12137 . TG TCC . . .", "MT 7600 . GC GTGG . . ."),
]
"""The same without the base before it, or more bases, or no other ones, or elsewhere."""


def test_what_csq_would_crash_on_is_set_aside(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 73 . A G . . .", *CRASHING))
    assert outcome.error is None
    rejected = [line.split("\t") for line in outcome.rejected.read_text().splitlines()[1:]]
    assert [line[6] for line in rejected] == [AT_CDS_END] * len(CRASHING)
    assert [line[1] for line in records_of(outcome)][0] == "73"


def test_all_else_there_goes_to_csq(annotate: Annotate) -> None:
    outcome = annotate(vcf(*HARMLESS))
    assert len(records_of(outcome)) == len(HARMLESS)
    assert outcome.rejected.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "place"),
    [
        *((9, b"AC", b"AGT", 10), (9, b"AAC", b"AAGT", 11), (9, b"ACT", b"AGGT", 10)),
        *((9, b"C", b"GT", 0), (9, b"AC", b"ACT", 0), (9, b"AC", b"AG", 0), (9, b"AC", b"A", 0)),
        *((9, b"ACT", b"AGGGG", 0), (9, b"AC", b"TGG", 0), (9, b"AC", b"AGC", 0)),
    ],
)
def test_one_base_behind_others_becomes_several(
    pos: int, ref: bytes, alt: bytes, place: int
) -> None:
    assert grown_base(pos, ref, alt) == place


def test_the_lowest_bases_are_those_of_the_models_and_of_their_first_whole_codons(
    rcrs: Reference,
) -> None:
    lowest = LowestBases(rcrs)
    assert lowest.crashes("MT", 14148, b"AC", b"AGG")  # MT-ND6's stop, on the reverse strand
    assert not lowest.crashes("MT", 14147, b"AA", b"AGG")
