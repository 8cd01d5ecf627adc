from web.display.variant import known_facts, label, outside_links, sources_of

CLINVAR = {"name": "clinvar", "title": "ClinVar", "version": "2022", "date": "2022-05-25",
           "fields": [{"column": "significance", "label": "ClinVar classification"}]}  # fmt: skip


def test_facts_of_a_source_bear_its_labels_and_the_date_of_the_run() -> None:
    then = {"name": "clinvar", "title": "ClinVar", "version": "2021", "date": "2021-01-01"}
    (source,) = known_facts({"clinvar_significance": "Benign"}, sources_of([CLINVAR], [then]))
    assert (source.version, source.date) == ("2021", "2021-01-01")
    assert source.facts == [("ClinVar classification", "Benign")]
    assert known_facts({"clinvar_significance": None}, [CLINVAR]) == []


def test_a_column_of_an_unknown_source_is_its_own_label() -> None:
    assert label("other_big_score") == "other big score"


def test_links_only_where_they_apply() -> None:
    yeast = {
        "pos": 5,
        "ref": "A",
        "alt": "G",
        "hgvs_g": "I:g.5A>G",
        "id": "x",
        "consequences": None,
    }
    assert outside_links(yeast) == []
    human = {**yeast, "id": "rs1;rs2", "consequences": [{"gene": "ENSG00000198888"}]}
    assert [link.label for link in outside_links(human)] == [
        "dbSNP: rs1",
        "dbSNP: rs2",
        "Ensembl: ENSG00000198888",
    ]
    symbolic = {**yeast, "hgvs_g": "NC_012920.1:m.5A>G", "alt": "<DEL>"}
    assert outside_links(symbolic) == []
