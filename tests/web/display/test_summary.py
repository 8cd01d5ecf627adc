import pytest

from web.display.summary import MAX_CONTIGS, Summary

TOLD = {
    "records": 10,
    "not_annotated": {"few": 1, "many": 5},
    "consequences": {"missense": 3, "synonymous": 6},
    "genes": {"MT-ND1": 4},
    "density": {"chrM": [0, 2, 5, 1]},
    "reference": {"name": "rCRS", "version": "NC_012920.1", "contigs": {"chrM": 16569}},
    "tools": {"bcftools": "1.24"},
}


def test_it_is_ready_to_be_drawn() -> None:
    summary = Summary(TOLD)
    assert [bar.label for bar in summary.consequence_bars] == ["synonymous", "missense"]
    assert summary.reasons == [("many", 5), ("few", 1)]
    (contig,) = summary.contigs
    assert (contig.name, contig.length, contig.busiest.count) == ("chrM", 16569, 5)
    assert (summary.reference_version, list(summary.tools)) == ("NC_012920.1", ["bcftools"])


@pytest.mark.parametrize("document", [{}, {"density": None, "genes": 3, "reference": "rCRS"}])
def test_what_is_missing_is_left_out(document: dict[str, object]) -> None:
    summary = Summary(document)
    assert bool(summary) is bool(document)
    assert (summary.contigs, summary.gene_bars, summary.tools) == ([], [], {})


def test_a_reference_of_many_contigs_does_not_fill_the_page() -> None:
    names = [f"c{n}" for n in range(200)]
    reference = {"contigs": dict.fromkeys(names, 100)}
    summary = Summary({"density": {n: [1] for n in names}, "reference": reference})
    assert len(summary.contigs) == MAX_CONTIGS


def test_records_far_from_every_gene_were_not_set_aside() -> None:
    reasons = {"outside the reach of any transcript": 5, "contig not in the reference": 350}
    assert Summary({"records": 355, "not_annotated": reasons}).set_aside == 350
