"""Choosing among references: by REF bases, by the header's words, by contigs; and asking."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pysam
import pytest

from ann.choice import Choice, ReferenceFit, candidates, decide
from ann.records import Header, VCFError
from ann.references import Contig, Reference
from tests.ann.conftest import Annotate, vcf


def header(reference: str = "", **contigs: int | None) -> Header:
    return Header("4.2", [], b"", dict(contigs), reference)


def made(name: str, *contigs: Contig, **words: object) -> Reference:
    return Reference(Path(name), name, name, name, contigs, "", "", **words)  # type: ignore[arg-type]


A = made("A", Contig("1", 100, "one"), Contig("2", 50, "two"))
B = made("B", Contig("1", 100, "other"), Contig("2", 50, "two"))
LARGE = made("large", Contig("MT", 16569, "mt", ("chrM",)), Contig("1", 9, "x"), aliases=("L38",))
SMALL = made("small", Contig("MT", 16569, "mt", ("chrM",)))


def test_the_files_own_words_come_first(rcrs: Reference) -> None:
    other = replace(rcrs, name="other", aliases=())
    offer = [other, rcrs]
    assert candidates(header("rCRS"), ["MT"], "", offer) == [rcrs, other]
    assert candidates(header(), ["MT"], "", offer) == [other, rcrs]
    assert candidates(header("rCRS"), ["MT"], "other", offer) == [other]


def test_where_none_fits_the_contigs_seen_and_those_on_offer_are_named(rcrs: Reference) -> None:
    with pytest.raises(VCFError, match=r"1, 2.*human_b36.*rCRS"):
        candidates(header("human_b36.fasta"), ["1", "2"], "", [rcrs])


def test_text_of_the_file_is_shortened_where_it_is_named(rcrs: Reference) -> None:
    with pytest.raises(VCFError) as refusal:
        candidates(header("x\x1b[31m" * 5000), ["y\x00" * 5000], "", [rcrs])
    assert len(str(refusal.value)) < 1000
    assert str(refusal.value).isprintable()


def test_fewest_misfits_decide() -> None:
    assert decide([ReferenceFit(A, 3), ReferenceFit(B, 0)], header("A"), ["1"]) == Choice(B)


def test_the_headers_words_break_a_tie_which_is_told() -> None:
    chosen, note = decide([ReferenceFit(A, 0), ReferenceFit(B, 0)], header("file:///b.fa"), ["1"])
    assert chosen is B
    assert note == "the reference B was chosen; also fits A"


def test_where_nothing_tells_the_user_is_asked() -> None:
    with pytest.raises(VCFError, match=r"fits several references alike: A \(.*B \(.*choose"):
        decide([ReferenceFit(A, 0), ReferenceFit(B, 0)], header(), ["1", "2"])


def test_references_with_the_same_sequence_are_as_good_as_each_other() -> None:
    assert decide([ReferenceFit(A, 0), ReferenceFit(B, 0)], header(), ["2"])[0] is A
    chosen, note = decide([ReferenceFit(LARGE, 0), ReferenceFit(SMALL, 0)], header(), ["MT"])
    assert chosen is SMALL
    assert note == "the reference small was chosen; also fits large"


def test_more_of_the_files_contigs_count() -> None:
    both = replace(header(MT=16569), contigs={"MT": 16569, "1": 9})
    assert decide([ReferenceFit(SMALL, 0), ReferenceFit(LARGE, 0)], both, ["MT"])[0] is LARGE


def test_a_file_without_records_asks_nothing() -> None:
    assert decide([ReferenceFit(A, 0), ReferenceFit(B, 0)], header(), [])[0] is A


def strain(rcrs: Reference, folder: Path, name: str, pos: int) -> None:
    """A reference that differs from rCRS in one base; its genes are rCRS's."""
    shutil.copytree(rcrs.folder, folder / name)
    with pysam.FastaFile(str(rcrs.path(rcrs.fasta))) as file:
        bases = file.fetch("MT")
    changed = bases[: pos - 1] + ("A" if bases[pos - 1] != "A" else "C") + bases[pos:]
    fasta = folder / name / rcrs.fasta
    fasta.write_text(f">MT\n{changed}\n")
    pysam.samtools.faidx(str(fasta))
    description = rcrs.describe() | {"name": name, "aliases": []}
    description["contigs"][0]["md5"] = name
    (folder / name / "reference.json").write_text(json.dumps(description))


def test_a_file_that_two_strains_fit_is_sent_back_with_their_names(
    rcrs: Reference, annotate: Annotate, tmp_path: Path
) -> None:
    folder = tmp_path / "strains"
    for name, pos in (("one", 500), ("two", 600)):
        strain(rcrs, folder, name, pos)
    body = vcf("MT 73 . A G . . .", "MT 263 . A G . . .")
    outcome = annotate(body, references=folder)
    assert "fits several references alike: rCRS (" in (outcome.error or "")
    assert "one (" in (outcome.error or "")
    assert annotate(body, "two", references=folder).reference == "two"
    named = annotate(vcf("MT 73 . A G . . .", header="##reference=one.fa\n"), references=folder)
    assert named.reference == "one"
    assert "also fits rCRS, two" in named.log.read_text()
