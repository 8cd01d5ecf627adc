from web.display.sequence_ontology import term


def test_bcftools_names_have_their_ontology_terms() -> None:
    assert term("missense").known == (("missense_variant", "SO:0001583"),)


def test_compound_consequences_have_several() -> None:
    assert [name for name, _ in term("*stop_gained&frameshift").known] == [
        "stop_gained",
        "frameshift_variant",
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert term("something_new").known == ()
